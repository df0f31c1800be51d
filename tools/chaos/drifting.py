"""A market clock that drifts while a file exists, like a machine whose time service has stopped."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

DRIFT_FILE: Final = "CHAOS_DRIFT_FILE"
"""Environment variable with the path of a process's drift file; it holds market seconds gained per real second."""

Owner = TypeVar("Owner")


class Drift:
    """A process's clock error: it grows with each second since the file was written, and is 0 without a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def offset(self) -> timedelta:
        """Return the offset to market time."""
        try:
            rate, since = float(self._file.read_text()), self._file.stat().st_mtime
        except (OSError, ValueError):
            return timedelta(0)
        running = time.time() - since  # noqa: TID251 - the machine's clock, as for the file's own time
        return timedelta(seconds=rate * max(running, 0.0))


def drifting(now: Callable[[Owner], datetime], drift: Drift) -> Callable[[Owner], datetime]:
    """Return a clock that drifts."""

    def drifted(self: Owner) -> datetime:
        return now(self) + drift.offset

    return drifted
