"""A disk of a few megabytes that can be filled: a real file system, which only root may mount."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEGABYTE = 1024**2
_STEP = 16 * MEGABYTE


class SmallDisk:
    """A mounted file system, and a file that fills it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def leaves(self, free: int) -> None:
        """Fill the disk so that as many bytes would be free as long as nothing else changes, or free some."""
        with self._filler.open("ab") as file:
            size = os.fstat(file.fileno()).st_size
            wanted = max(size + shutil.disk_usage(self.folder).free - free, 0)
            file.truncate(min(size, wanted))
            step = _STEP
            while step and (missing := wanted - os.fstat(file.fileno()).st_size) > 0:
                step = _grown(file.fileno(), min(missing, step))

    def is_free(self) -> None:
        """Free what filled it."""
        self._filler.unlink()


def _grown(descriptor: int, step: int) -> int:
    """Make a file so much longer; return the next step, half as long where this one found no room."""
    try:
        os.posix_fallocate(descriptor, os.fstat(descriptor).st_size, step)
    except OSError:
        return step // 2
    return step


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a disk of this size at a new folder until the block ends; skip the test where that is not allowed."""
    folder.mkdir()
    options = f"size={megabytes}m,mode=755"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "haru-small-disk", folder], check=False)
    if mounted.returncode != 0:
        pytest.skip("a small disk needs root and the right to mount")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
