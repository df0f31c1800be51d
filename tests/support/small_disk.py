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
        """Fill the disk, or free space, until exactly that many bytes are free."""
        with self._filler.open("ab") as file:
            size = os.fstat(file.fileno()).st_size
            wanted = max(size + shutil.disk_usage(self.folder).free - free, 0)
            file.truncate(min(size, wanted))
            step = _STEP
            while step and (missing := wanted - os.fstat(file.fileno()).st_size) > 0:
                step = _grown(file.fileno(), min(missing, step))

    def is_free(self) -> None:
        """Delete the filling file."""
        self._filler.unlink()


def _grown(descriptor: int, step: int) -> int:
    """Grow a file by so much; return the next step, halved if there was no room."""
    try:
        os.posix_fallocate(descriptor, os.fstat(descriptor).st_size, step)
    except OSError:
        return step // 2
    return step


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a disk of this size at a new folder until the block ends; skip the test if mounting is not allowed."""
    folder.mkdir()
    options = f"size={megabytes}m,mode=755"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "haru-small-disk", folder], check=False)
    if mounted.returncode != 0:
        pytest.skip("a small disk needs root and the right to mount")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
