"""Files of one user alone: the journal with app keys and tokens of clients, and the key of the TLS authority."""

import os
import stat
import tempfile
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


def private_folder(path: Path) -> None:
    """Make a folder with mode 0700, or check one that is there.

    Raises:
        NotPrivateError: it is a link, belongs to another user, or others may write into it.
        OSError: it cannot be made.
    """
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise NotPrivateError(f"{path}: not a folder of yours; name another one")
    if found.st_mode & _OTHERS_WRITE:
        raise NotPrivateError(f"{path}: other users may write into it; check it, then run: chmod 700 {path}")


def write_private(path: Path, content: bytes) -> None:
    """Replace a file of ours by one of mode 0600."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise NotPrivateError(f"{path}: not a plain file with one name; move it away")
    if found.st_uid != os.geteuid():
        raise NotPrivateError(f"{path}: it belongs to another user; choose another --data")
    if found.st_mode & _OTHERS_WRITE:
        raise NotPrivateError(f"{path}: other users may write into it; check it, then run: chmod 600 {path}")
