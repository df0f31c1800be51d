"""Private files and folders of one user: created closed to others, and refused if another user could change them.

The data folder holds keys and books. Every program that writes below it, or reads a key, uses this module.
"""

import errno
import fcntl
import grp
import os
import pwd
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
_UMASK: Final = 0o077
_MOST_LINKS: Final = 40
_ROOT: Final = 0
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""O_NONBLOCK: a named pipe in place of a file must not block the program."""


class NotPrivateError(PermissionError):
    """Another user may change or read a file that must be private; the text names the path and the command."""


def close_to_others() -> None:
    """Make everything that this process and its children create accessible to its owner only."""
    os.umask(_UMASK)


def private_folder(path: Path, *, also: int | None = None) -> Path:
    """Create a folder of mode 0700, or check and close an existing one; return it without symbolic links.

    A link to another disk is followed only if it and every folder on the path belong to us or root. ``also`` is another
    owner that the folder itself may have.

    Raises:
        NotPrivateError: another user owns it, or may change it or a folder on its path.
        OSError: it cannot be created or opened.
    """
    folder = _resolved(path)
    _close(folder, {os.geteuid(), *([] if also is None else [also])})
    return folder


def read_private(path: Path, *, links: bool = False) -> bytes:
    """Return the content of a private file that belongs to us or root. ``links`` allows our own symbolic link to it.

    Raises:
        NotPrivateError: another user owns it, others may read or change it, or it has a second name.
        OSError: it cannot be read.
    """
    followed = links and path.is_symlink()
    if followed:
        _check_owner(path, path.lstat())
    descriptor = _opened(path, os.O_RDONLY, follow=followed)
    try:
        _check_file(path, os.fstat(descriptor))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def write_private(path: Path, content: str | bytes) -> None:
    """Replace a file atomically by one of mode 0600. A link in its place is replaced, not followed."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with new_private(draft) as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def kept_private(path: Path, make: Callable[[], str | bytes]) -> bytes:
    """Return the content of a file that is created once, by one of several concurrent processes.

    Raises:
        NotPrivateError: the file or its folder is not private.
        OSError: it cannot be created or read.
    """
    path = private_folder(path.parent) / path.name
    folder = os.open(path.parent, _FOLDER)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if not path.is_symlink() and not path.exists():
            write_private(path, make())
        return read_private(path)
    finally:
        os.close(folder)


def new_private(path: Path) -> IO[bytes]:
    """Open a new file of mode 0600 for writing. The remains of an earlier attempt are removed."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, _FILE | os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb")


def open_private(path: Path, flags: int) -> int:
    """Open a persistent file of ours, created with mode 0600; return its descriptor.

    Raises:
        NotPrivateError: it is a link, belongs to another user, may be changed by others, or has a second name.
        OSError: it cannot be opened.
    """
    descriptor = _opened(path, flags | os.O_CREAT)
    try:
        found = os.fstat(descriptor)
        _check_one_name(path, found)
        _check_owner(path, found, or_root=False)
        _check_writers(path, found)
        if _open_to_others(found):
            os.fchmod(descriptor, FILE_MODE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def append_private(path: Path) -> IO[bytes]:
    """Open a file of ours for reading and appending, created with mode 0600. Raises the errors of `open_private`."""
    return os.fdopen(open_private(path, os.O_RDWR | os.O_APPEND), "ab+")


def _resolved(path: Path) -> Path:
    """Return a folder without symbolic links, created if missing. Each step is checked before the next."""
    place, rest = Path("/"), list(path.absolute().parts[1:])
    links = 0
    while rest:
        _check_passage(place, place.lstat())
        part = rest.pop(0)
        place = place.parent if part == ".." else place / part
        found = _made(place)
        if stat.S_ISLNK(found.st_mode):
            links += 1
            if links > _MOST_LINKS:
                raise OSError(f"{path}: too many symbolic links")
            _check_owner(place, found)
            target = place.readlink()
            rest = [*target.parts[1 if target.is_absolute() else 0 :], *rest]
            place = Path("/") if target.is_absolute() else place.parent
    return place


def _made(place: Path) -> os.stat_result:
    try:
        return place.lstat()
    except FileNotFoundError:
        with suppress(FileExistsError):  # another process has created it meanwhile; it is checked like any other
            place.mkdir(mode=FOLDER_MODE)
    return place.lstat()


def _check_passage(place: Path, found: os.stat_result) -> None:
    """Refuse a folder on the path in which another user can replace entries."""
    _check_owner(place, found)
    if _changed_by_others(found) and not found.st_mode & stat.S_ISVTX:
        raise NotPrivateError(
            f"{place}: other users may change it (mode {stat.S_IMODE(found.st_mode):o}), and with it all below; "
            f"run: chmod go-w {place}"
        )


def _close(folder: Path, owners: set[int]) -> None:
    descriptor = os.open(folder, _FOLDER)
    try:
        found = os.fstat(descriptor)
        if found.st_uid not in owners:
            raise NotPrivateError(_of_another(folder, found))
        _check_writers(folder, found)
        if found.st_mode & (stat.S_IRGRP | stat.S_IROTH) and found.st_uid == os.geteuid():
            os.fchmod(descriptor, FOLDER_MODE)
    finally:
        os.close(descriptor)


def _opened(path: Path, flags: int, *, follow: bool = False) -> int:
    try:
        return os.open(path, (_FILE & ~os.O_NOFOLLOW if follow else _FILE) | flags, FILE_MODE)
    except OSError:
        if path.is_symlink() and not follow:
            raise NotPrivateError(f"{path}: a symbolic link where a file should be; remove it") from None
        raise


def _check_file(path: Path, found: os.stat_result) -> None:
    _check_one_name(path, found)
    _check_owner(path, found)
    # The administrator may share a root-owned file with one group. Our own files must not be readable by others.
    allowed = stat.S_IRGRP if found.st_uid != os.geteuid() else 0
    if stat.S_IMODE(found.st_mode) & 0o077 & ~allowed:
        raise NotPrivateError(
            f"{path}: other users may read or change it (mode {stat.S_IMODE(found.st_mode):o}); run: chmod 600 {path}. "
            "Where other people use this machine, replace the keys in it"
        )


def _check_one_name(path: Path, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise NotPrivateError(f"{path}: not a plain file; remove it")
    if found.st_nlink > 1:
        raise NotPrivateError(f"{path}: the file has a second name (hard link); copy it, then remove both names")


def _check_owner(path: Path, found: os.stat_result, *, or_root: bool = True) -> None:
    if found.st_uid != os.geteuid() and not (or_root and found.st_uid == _ROOT):
        raise NotPrivateError(_of_another(path, found))


def _of_another(path: Path, found: os.stat_result) -> str:
    return (
        f"{path}: it belongs to user {_named(found.st_uid)}, not to {_named(os.geteuid())}, who runs this; if what is "
        f"there is yours, run: chown {_named(os.geteuid())} {path}; else choose another place, or remove it"
    )


def _check_writers(path: Path, found: os.stat_result) -> None:
    if _changed_by_others(found):
        raise NotPrivateError(
            f"{path}: other users may write into it (mode {stat.S_IMODE(found.st_mode):o}), and may have left "
            f"something there; look for what is not yours, then run: chmod go-rwx {path}"
        )


def _open_to_others(found: os.stat_result) -> bool:
    return bool(found.st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _changed_by_others(found: os.stat_result) -> bool:
    if found.st_mode & stat.S_IWOTH:
        return True
    return bool(found.st_mode & stat.S_IWGRP) and not _own_group(found.st_gid)


def _own_group(group: int) -> bool:
    """Return whether a group is one user's private group, as on Ubuntu and Fedora. Root's group counts."""
    if group == _ROOT:
        return True
    try:
        known, user = grp.getgrgid(group), pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return False
    return known.gr_name == user and set(known.gr_mem) <= {user}


def _named(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
