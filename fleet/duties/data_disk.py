"""The disks under the data folder: how much is free, and what can be given up there when nothing is."""

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
"""A disk on which fewer files can be made is full, however many bytes are free."""


class DataDisk:
    """The data folder with the folders below it that may lie on disks of their own. All sizes in bytes."""

    def __init__(self, folder: Path, within: Sequence[str] = (), ballast: int = BALLAST) -> None:
        self.folder = folder
        self.ballast = ballast
        self._places = [folder, *(folder / name for name in within)]
        self._file = folder / _BALLAST_FILE

    def free(self) -> int:
        """Return what is free on the fullest of the disks."""
        return min(_free(place) for place in self._places if place.exists())

    def has_ballast(self) -> bool:
        return self._file.exists()

    def keep_ballast(self) -> bool:
        """Write the ballast whole or not at all; return whether it is there.

        Its bytes are random, since a file system may store zeros in no space.
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
        """Delete the ballast, also one that was only begun; return its bytes."""
        return _removed(self._file) + _removed(self._file.with_suffix(".new"))

    def give_up_logs(self) -> int:
        """Delete old logs and empty long ones; return how many bytes that was."""
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
    """Empty a long log; its program appends, so that the next line is its first."""
    with suppress(OSError):
        size = log.stat().st_size
        if size > _LONG_LOG:
            os.truncate(log, 0)
            return size
    return 0
