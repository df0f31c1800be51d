"""The data folder: one host at a time holds it. Its small files are written atomically."""

import asyncio
import fcntl
import json
import os
import shutil
import socket
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from domain.room import LEAST_TO_START
from runtime.embedded.errors import CorruptFolderError, DiskFullError, FolderHeldError
from security.private_files import FOLDER_MODE, NotPrivateError, open_private, private_folder, read_private

_OTHERS_STOP_WITHIN: Final = 15.0
_PAUSE: Final = 0.1
_LOCKS: Final = ("lock", "lock.host")
_LEAST_FREE: Final = LEAST_TO_START


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object in a file, or None if there is no file."""
    try:
        value = json.loads(read_private(path))
    except FileNotFoundError:
        return None
    except NotPrivateError as error:
        raise CorruptFolderError(str(error)) from error
    except (OSError, ValueError) as error:
        raise CorruptFolderError(f"{path} cannot be read ({error}); move it away and start again") from error
    if not isinstance(value, dict):
        raise CorruptFolderError(f"{path} does not hold a JSON object; move it away and start again")
    return value


@dataclass(slots=True)
class FolderHold:
    """The right to run parts in a folder. Host and parts share `shared`; `own` shows whether the host is alive."""

    folder: Path
    shared: int
    own: int

    def empty(self) -> None:
        """Remove everything in the folder except the lock files."""
        for path in self.folder.iterdir():
            if path.name in _LOCKS:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def release(self) -> None:
        """Release the hold. It ends when the last part has released it too."""
        os.close(self.own)
        os.close(self.shared)


def check_room(folder: Path) -> None:
    """Refuse a disk that would soon be full: a database that fails to write mid-trade is worse than none (F51).

    Raises:
        DiskFullError: less than a gigabyte is free.
    """
    free = shutil.disk_usage(folder).free
    if free < _LEAST_FREE:
        raise DiskFullError(
            f"the disk of the data folder {folder} has {free // 1024**2:,} MB free, {_LEAST_FREE // 1024**2:,} MB are "
            "needed; free some, or set HARU_DATA_DIR to a folder on another disk. What is in it stays as it is"
        )


async def hold_folder(folder: Path, others_stop_within: float = _OTHERS_STOP_WITHIN) -> FolderHold:
    """Lock the folder. Wait (seconds) for the parts of a dead host; refuse at once while the holder is alive."""
    hold = _opened(folder)
    try:
        await _take(hold, others_stop_within)
    except BaseException:
        hold.release()
        raise
    hold.folder.chmod(FOLDER_MODE)
    _introduce(hold.shared)
    return hold


def _opened(folder: Path) -> FolderHold:
    try:
        folder = private_folder(folder)
        shared, own = (open_private(folder / name, os.O_RDWR) for name in _LOCKS)
    except NotPrivateError as error:
        raise CorruptFolderError(f"the data folder cannot be trusted: {error}; or set HARU_DATA_DIR") from error
    except OSError as error:
        raise CorruptFolderError(f"the data folder {folder} cannot be used: {error}; set HARU_DATA_DIR") from error
    return FolderHold(folder, shared, own)


async def _take(hold: FolderHold, within: float) -> None:
    if not _locked(hold.own):
        raise FolderHeldError(_named(hold.folder, "is in use"))
    waited = 0.0
    while not _locked(hold.shared):
        if waited >= within:
            raise FolderHeldError(_named(hold.folder, f"still has running parts after {within:.0f} s"))
        await asyncio.sleep(_PAUSE)
        waited += _PAUSE


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _introduce(descriptor: int) -> None:
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started_at": datetime.now(tz=UTC).isoformat(timespec="seconds"),  # noqa: TID251 - a note for people
        "command": " ".join([sys.executable, *sys.argv]),
    }
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)


def _named(folder: Path, what: str) -> str:
    try:
        holder = read_json(folder / "lock") or {}
    except CorruptFolderError:
        holder = {}
    holder = {"pid": "unknown", "host": "this machine", "started_at": "some time ago", "command": "", **holder}
    return (
        f"the data folder {folder} {what}: process {holder['pid']} on {holder['host']} has held it since "
        f"{holder['started_at']} ({holder['command']}); stop it, or set HARU_DATA_DIR to another folder "
        "for another system; a second host needs DATABASE_URL and TEMPORAL_ADDRESS, the servers of the first"
    )
