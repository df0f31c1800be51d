"""Back up the books while the fleet trades: `pg_dump` of one instant, in one private file."""

import asyncio
import errno
import fcntl
import os
import shutil
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

from database.copies import SECRET_ROWS, Snapshot, snapshot
from domain.room import LEAST_TO_START
from fleet.errors import OperationError
from runtime.embedded.binaries import postgres_binaries, version_of
from runtime.embedded.books import database_alone
from runtime.embedded.errors import DiskFullError
from runtime.embedded.payload_key import FILE as PAYLOAD_KEY
from runtime.embedded.token_key import FILE as TOKEN_KEY
from runtime.postgres_client import client_program, succeeded
from runtime.settings import Settings
from security.backup_file import BackupWriter
from security.private_files import open_private, private_folder, read_private
from security.sealing.keys import KeyRing

FOLDER: Final = "backups"
_SUFFIX: Final = ".backup"
_DRAFT: Final = ".haru-backup.new"
_BLOCK: Final = 1024 * 1024
KEY_FILES: Final = (PAYLOAD_KEY, TOKEN_KEY)
_DUMP: Final = ("--format=custom", "--no-owner", "--no-privileges", "--no-password", "--no-unlogged-table-data")


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A finished backup."""

    file: Path
    size: int
    tables: int
    rows: int
    key: str
    """Id of the key that encrypts it; empty if it is not encrypted."""


async def back_up(settings: Settings, target: Path | None, now: datetime) -> BackedUp:
    """Write a backup of one instant into a new file. The fleet trades on meanwhile.

    Raises:
        OperationError: the target cannot be used.
        EmbeddedError: there are no books, the target's disk is full, or the dump failed.
        DatabaseAwayError: the database does not answer.
    """
    file, ring, keys = _place(settings, target, now), backup_ring(settings), _kept_keys(settings.data_dir)
    async with database_alone(settings) as found:
        owner = settings.database_migration_url if settings.database_url else None
        url = owner.get_secret_value() if owner else found.migration_url or found.url
        with _draft(file) as draft, snapshot(url) as instant:
            try:
                writer = BackupWriter(draft, _header(instant, now), {"rows": instant.rows, "keys": keys}, ring)
                async with aclosing(_dump(url, instant)) as blocks:
                    async for block in blocks:
                        _check_disk(settings.data_dir, file)
                        await asyncio.to_thread(writer.write, block)
                writer.finish()
                _take_name(file, draft)
            except OSError as error:
                raise _not_written(file, error) from error
    return BackedUp(file, writer.size, len(instant.rows), sum(instant.rows.values()), ring.first.id if ring else "")


def _header(instant: Snapshot, now: datetime) -> dict[str, Any]:
    made_at = now.isoformat(timespec="seconds")
    return {"made_at": made_at, "postgres": version_of(postgres_binaries()), "migrations": instant.applied}


async def _dump(url: str, instant: Snapshot) -> AsyncGenerator[bytes, None]:
    options = [*_DUMP, f"--snapshot={instant.name}", *(f"--exclude-table-data={name}" for name in SECRET_ROWS)]
    async with client_program("pg_dump", url, options, stdout=asyncio.subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 - a pipe, as asked
        while block := await process.stdout.read(_BLOCK):
            yield block
        await succeeded(process, "pg_dump")


def _place(settings: Settings, target: Path | None, now: datetime) -> Path:
    """Return the file to write. A folder gets a file named after the instant (UTC)."""
    target = private_folder(settings.data_dir / FOLDER) if target is None else target.expanduser().absolute()
    file = target / f"haru-{now:%Y%m%dT%H%M%SZ}{_SUFFIX}" if target.is_dir() else target
    if not file.parent.is_dir():
        raise OperationError(f"{file.parent} is not a folder; create it, or name another FILE or FOLDER")
    if file.exists():
        raise OperationError(f"{file} exists already; name another FILE, or a FOLDER")
    return file


@contextmanager
def _draft(file: Path) -> Iterator[IO[bytes]]:
    """Open the draft of a backup. One that a killed process left in the folder is written over."""
    path = file.with_name(_DRAFT)
    descriptor = open_private(path, os.O_RDWR)
    with os.fdopen(descriptor, "wb", buffering=0) as draft:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperationError(f"another backup is being written to {file.parent}; wait until it ends") from None
        if not _is(path, descriptor):
            raise OperationError(f"another backup was being written to {file.parent}; try again")
        draft.truncate(0)
        try:
            yield draft
        finally:
            if _is(path, descriptor):
                path.unlink()


def _take_name(file: Path, draft: IO[bytes]) -> None:
    """Give a complete backup its name, on disk too."""
    os.fsync(draft.fileno())
    file.with_name(_DRAFT).rename(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _is(path: Path, descriptor: int) -> bool:
    try:
        return path.lstat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def _check_disk(data_dir: Path, file: Path) -> None:
    """Stop before a backup takes the room that trading needs."""
    if not data_dir.exists() or file.parent.stat().st_dev != data_dir.stat().st_dev:
        return
    free = shutil.disk_usage(file.parent).free
    if free < LEAST_TO_START:
        raise DiskFullError(
            f"the disk of {file.parent} has {free // 1024**2:,} MB free, and trading needs them: no backup was "
            "written; name a FOLDER on another disk"
        )


def _not_written(file: Path, error: OSError) -> DiskFullError:
    remedy = (
        "free some room, or name a FOLDER on another disk" if error.errno == errno.ENOSPC else "name another FOLDER"
    )
    return DiskFullError(f"no backup was written to {file.parent}: {error.strerror}; {remedy}")


def _kept_keys(data_dir: Path) -> dict[str, str]:
    """Return the data folder's own keys, without which restored books cannot be used."""
    found = {}
    for name in KEY_FILES:
        with suppress(FileNotFoundError):
            found[name] = read_private(data_dir / name).decode()
    return found


def backup_ring(settings: Settings) -> KeyRing | None:
    """Return the keys that encrypt backups. A key that only the data folder holds would be lost with it."""
    keys = settings.payloads.keys
    return KeyRing(key.get_secret_value() for key in keys) if keys else None
