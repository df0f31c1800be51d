"""A market clock that gains or loses while a file says so, as a machine's does whose time service has stopped."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

DRIFT_FILE: Final = "CHAOS_DRIFT_FILE"
"""The environment variable that names a hosting process's file; it holds market seconds gained per real second."""

Owner = TypeVar("Owner")


class Drift:
    """How far a process's clock is off: more with each second since the file was written, nothing without it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def offset(self) -> timedelta:
        """Return what is added to the market's time."""
        try:
            rate, since = float(self._file.read_text()), self._file.stat().st_mtime
        except (OSError, ValueError):
            return timedelta(0)
        running = time.time() - since  # noqa: TID251 - the machine's clock, as the file's own time
        return timedelta(seconds=rate * max(running, 0.0))


def drifting(now: Callable[[Owner], datetime], drift: Drift) -> Callable[[Owner], datetime]:
    """Return a clock that drifts."""

    def drifted(self: Owner) -> datetime:
        return now(self) + drift.offset

    return drifted
