"""Restore a backup into an empty data folder or database. What is not whole changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from database.copies import client_environment, forget_fleet, rows_of, tables_in
from database.errors import DatabaseTooNewError
from database.migrations import apply
from database.schema_level import level_of
from fleet.errors import OperationError
from runtime.backup import KEY_FILES, backup_ring
from runtime.embedded.binaries import postgres_binaries, version_of
from runtime.embedded.errors import CorruptFolderError, OtherVersionError, PartFailedError
from runtime.embedded.folder import hold_folder
from runtime.embedded.restoring import empty_books, set_aside
from runtime.postgres_client import client_program, succeeded
from runtime.settings import Settings
from security.backup_file import BackupFileError, BackupReader
from security.private_files import read_private, write_private

_RESTORE: Final = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", "--no-password")


@dataclass(frozen=True, slots=True)
class Restored:
    """A finished restore."""

    made_at: str
    tables: int
    rows: int
    kept: tuple[Path, ...]
    """Files of the lost books, under their new names."""


async def restore(settings: Settings, file: Path, now: datetime) -> Restored:
    """Restore a backup into an empty data folder or database. A backup that is not whole changes nothing.

    Raises:
        BackupFileError: it is no backup, damaged, truncated, of a newer format, or its key is missing.
        DatabaseTooNewError: newer code wrote it.
        EmbeddedError: there are books already, a host runs, the keys differ, or the restore failed.
    """
    ring = backup_ring(settings)
    with _opened(file) as source:
        reader = BackupReader(file, source, ring)
        _check_versions(file, reader)
        _check_keys(settings.data_dir, file, reader.manifest["keys"])
        await asyncio.to_thread(_exhaust, reader)
        source.seek(0)
        async with _empty_place(settings) as url:
            await _load(url, BackupReader(file, source, ring))
            rows = await asyncio.to_thread(rows_of, url)
            if rows != reader.manifest["rows"]:
                raise PartFailedError(f"the restored database differs from {file} in its rows; use another backup")
            await asyncio.to_thread(forget_fleet, url)
            for name, text in reader.manifest["keys"].items():
                write_private(settings.data_dir / name, text)
            kept = set_aside(settings.data_dir, now)
    return Restored(str(reader.header["made_at"]), len(rows), sum(rows.values()), tuple(kept))


@asynccontextmanager
async def _empty_place(settings: Settings) -> AsyncIterator[str]:
    """Yield the owner's URL of an empty database: a configured one, or a new one in the data folder."""
    if settings.database_url is None:
        async with empty_books(settings.data_dir) as url:
            yield url
        return
    application = settings.database_url.get_secret_value()
    owner = settings.database_migration_url
    url = owner.get_secret_value() if owner else application
    hold = await hold_folder(settings.data_dir)
    try:
        if await asyncio.to_thread(tables_in, url):
            raise OperationError(
                "the database of DATABASE_URL has tables already, and a restore never overwrites books: create an "
                "empty database and name it in DATABASE_URL and HARU_DATABASE_MIGRATION_URL"
            )
        yield url
        await asyncio.to_thread(apply, url, application)
    finally:
        hold.release()


async def _load(url: str, reader: BackupReader) -> None:
    """Feed the dump to `pg_restore`, which commits only when the file has been whole to its end."""
    options = (*_RESTORE, f"--dbname={client_environment(url)['PGDATABASE']}")
    async with client_program("pg_restore", url, options, stdin=asyncio.subprocess.PIPE) as process:
        assert process.stdin is not None  # noqa: S101 - a pipe, as asked
        with suppress(BrokenPipeError, ConnectionResetError):  # it ended; its words say why
            for block in reader.chunks():
                process.stdin.write(block)
                await process.stdin.drain()
            process.stdin.close()
        await succeeded(process, "pg_restore")


def _check_keys(data_dir: Path, file: Path, keys: dict[str, str]) -> None:
    """Refuse a key that would replace another, and a file that names any other file to write."""
    if not keys.keys() <= set(KEY_FILES):
        raise BackupFileError(
            f"{file} was not written by Haru: it would write files that are no keys; use another backup"
        )
    for name, text in keys.items():
        with suppress(FileNotFoundError):
            if read_private(data_dir / name).decode() != text:
                raise CorruptFolderError(
                    f"{data_dir / name} is another key than the backup's; move it away, or set HARU_DATA_DIR to an "
                    "empty folder"
                )


def _check_versions(file: Path, reader: BackupReader) -> None:
    if unknown := level_of(reader.header["migrations"]).unknown:
        raise DatabaseTooNewError(unknown)
    ours = version_of(postgres_binaries())
    if int(reader.header["postgres"]) > int(ours):
        raise OtherVersionError(
            f"{file} was written by the programs of PostgreSQL {reader.header['postgres']}, this version of Haru has "
            f"{ours}: restore it with the newer version of Haru"
        )


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    try:
        source = file.open("rb")
    except OSError as error:
        raise OperationError(f"{file} cannot be read ({error.strerror}); name a backup") from error
    with source:
        yield source


def _exhaust(reader: BackupReader) -> None:
    for _ in reader.chunks():
        pass
