"""Files of one user alone: the journal holds app keys and tokens of the clients that use the simulator."""

import os
import stat
from pathlib import Path
from typing import IO, Final

FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_OTHERS: Final = 0o077
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


class NotPrivateError(PermissionError):
    """Another user may change the file; the text names the path and the remedy."""


def close_to_others() -> None:
    """Create every later file and folder of this process for its owner alone."""
    os.umask(_OTHERS)


def append_private(path: Path) -> IO[bytes]:
    """Open a file of ours for reading and appending, created with mode 0600.

    Raises:
        NotPrivateError: it is a link, has a second name, belongs to another user, or others may write into it.
        OSError: it cannot be opened.
    """
    if path.is_symlink():
        raise NotPrivateError(f"{path}: a symbolic link where a file should be; remove it")
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, _FILE_MODE)
    try:
        _check(path, os.fstat(descriptor))
        os.fchmod(descriptor, _FILE_MODE)
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "ab+")


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise NotPrivateError(f"{path}: not a plain file with one name; move it away")
    if found.st_uid != os.geteuid():
        raise NotPrivateError(f"{path}: it belongs to another user; choose another --data")
    if found.st_mode & _OTHERS_WRITE:
        raise NotPrivateError(f"{path}: other users may write into it; check it, then run: chmod 600 {path}")
