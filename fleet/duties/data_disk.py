"""Disks under the data folder: measure free space, and release reserved space when a disk is full."""

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from domain.room import BALLAST, MEGABYTE
from security.private_files import new_private

logger = logging.getLogger("haru.hosting")

_BALLAST_FILE: Final = "ballast"
_LONG_LOG: Final = 5 * MEGABYTE
_LEAST_FILES: Final = 1_000
"""Free files (inodes). A disk with fewer counts as full, regardless of its free bytes."""


class DataDisk:
    """The data folder, with subfolders that may be on other disks. All sizes in bytes."""

    def __init__(self, folder: Path, within: Sequence[str] = (), ballast: int = BALLAST) -> None:
        self.folder = folder
        self.ballast = ballast
        self._places = [folder, *(folder / name for name in within)]
        self._file = folder / _BALLAST_FILE

    def free(self) -> int:
        """Return the free bytes of the fullest disk."""
        return min(_free(place) for place in self._places if place.exists())

    def has_ballast(self) -> bool:
        return self._file.exists()

    def keep_ballast(self) -> bool:
        """Write the ballast completely or not at all; return whether it exists.

        Its bytes are random, because a file system may store zeros without using space.
        """
        draft, block = self._file.with_suffix(".new"), os.urandom(MEGABYTE)
        try:
            with new_private(draft) as file:
                for _ in range(0, self.ballast, MEGABYTE):
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._file)
        except OSError as fault:
            draft.unlink(missing_ok=True)
            logger.warning("ballast_not_written", extra={"cause": str(fault)})
            return False
        return True

    def give_up_ballast(self) -> int:
        """Delete the ballast, complete or partial; return its bytes."""
        return _removed(self._file) + _removed(self._file.with_suffix(".new"))

    def give_up_logs(self) -> int:
        """Delete old logs and empty long ones; return the freed bytes."""
        logs = self.folder / "logs"
        return sum(map(_removed, logs.glob("*.log.1"))) + sum(map(_cut, logs.glob("*.log")))


def _free(place: Path) -> int:
    disk = os.statvfs(place)
    is_out_of_files = bool(disk.f_files) and disk.f_favail < _LEAST_FILES
    return 0 if is_out_of_files else disk.f_bavail * disk.f_frsize


def _removed(path: Path) -> int:
    with suppress(OSError):
        size = path.stat().st_size
        path.unlink()
        return size
    return 0


def _cut(log: Path) -> int:
    """Empty a long log. Its program appends, so its next line becomes the first."""
    with suppress(OSError):
        size = log.stat().st_size
        if size > _LONG_LOG:
            os.truncate(log, 0)
            return size
    return 0
