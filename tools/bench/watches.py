"""The watch of a position: the process that holds its shard, as the ledger says."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Watch:
    """A watch: its process, and since when (real time). ``process`` None: no process watches."""

    process: int | None = None
    since: datetime | None = None

    @property
    def is_running(self) -> bool:
        """Return whether a process watches."""
        return self.process is not None


def watch_by(owner: tuple[str, datetime] | None) -> Watch:
    """Return the watch of a shard's owner, ``<process>@<machine>``."""
    return Watch() if owner is None else Watch(int(owner[0].partition("@")[0]), owner[1])
