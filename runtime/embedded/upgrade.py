"""Upgrade the embedded database to our major version of PostgreSQL: dump the old server into a new one.

The old data is only read, and kept beside the new data.
"""

import asyncio
import shutil
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Final

from runtime.embedded.binaries import binaries_of, version_of
from runtime.embedded.books import NoBooksError
from runtime.embedded.errors import DiskFullError, OtherVersionError, PartFailedError
from runtime.embedded.folder import hold_folder
from runtime.embedded.ports import LOOPBACK, free_port
from runtime.embedded.postgres import (
    DATABASE,
    UPGRADED,
    USER,
    Cluster,
    found_cluster,
    initialise,
    run_server,
    written_by,
)
from runtime.embedded.process import Launcher
from security.private_files import new_private

_DUMP: Final = "postgres.dump"
_ROOM: Final = 2
"""Times the old data's size: the dump, and the new data."""
_TABLES: Final = """
SELECT coalesce(string_agg(format('%I.%I', schemaname, tablename), ' ' ORDER BY schemaname, tablename), '')
FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """Result of an upgrade, and where the old data is kept."""

    before: str
    after: str
    tables: int
    rows: int
    kept: Path


async def upgrade_database(folder: Path, old_binaries: Path | None = None) -> Upgraded | None:
    """Upgrade the database of a data folder to our version; return None when it already has our version.

    `old_binaries` holds the programs of the version that wrote it, if the wheel has none.

    Raises:
        EmbeddedError: the folder is in use, or the upgrade failed. The old data is unchanged.
    """
    folder = _with_books(folder)
    hold = await hold_folder(folder)
    launcher = Launcher(folder, kept_open=[hold.shared])
    launcher.stack.callback(hold.release)
    async with launcher.stack:
        new = await found_cluster(folder)
        if written_by(new.data) == version_of(new.binaries):
            return None
        old = replace(new, binaries=_old_binaries(new, old_binaries))
        _check_room(old)
        return await _moved(launcher, old, replace(new, name=f"{UPGRADED}.draft"))


def _with_books(folder: Path) -> Path:
    if not (folder / "postgres").is_dir():
        raise NoBooksError(f"there are no books in {folder}; name their folder with HARU_DATA_DIR")
    return folder.resolve()


def _old_binaries(cluster: Cluster, given: Path | None) -> Path:
    version, ours = written_by(cluster.data), version_of(cluster.binaries)
    if int(version) > int(ours):
        raise OtherVersionError(
            f"the database in {cluster.data} was written by PostgreSQL {version}, newer than {ours} of this version of "
            "Haru; run the newer version of Haru"
        )
    binaries = given or binaries_of(version)
    if binaries is None:
        raise OtherVersionError(
            f"the database in {cluster.data} was written by PostgreSQL {version}, whose server is not part of Haru. "
            f"Install it (Debian, Ubuntu: apt install postgresql-{version}) and name its programs: "
            f"--binaries /usr/lib/postgresql/{version}/bin"
        )
    if version_of(binaries) != version:
        raise OtherVersionError(
            f"{binaries} is PostgreSQL {version_of(binaries)}, but the database in {cluster.data} was written by "
            f"{version}; name the folder of that version's programs"
        )
    return binaries


def _check_room(cluster: Cluster) -> None:
    size = sum(path.lstat().st_size for path in cluster.data.rglob("*"))
    free = shutil.disk_usage(cluster.folder).free
    if free < size * _ROOM:
        raise DiskFullError(
            f"the upgrade needs {size * _ROOM // 1024**2:,} MB beside {cluster.data}, and {free // 1024**2:,} MB are "
            "free; free some, or move the whole data folder to another disk (HARU_DATA_DIR)"
        )


async def _moved(launcher: Launcher, old: Cluster, new: Cluster) -> Upgraded:
    dump, upgraded = old.folder / _DUMP, old.folder / UPGRADED
    new_private(dump).close()
    for unfinished in (new.data, upgraded):
        shutil.rmtree(unfinished, ignore_errors=True)
    try:
        before = await _dumped(launcher, old, new.binaries, dump)
        await initialise(launcher, new)
        after = await _restored(launcher, new, dump)
    finally:
        dump.unlink(missing_ok=True)
    if before != after:
        raise PartFailedError(f"the new database differs from {old.data} in its rows, and was not taken into use")
    version = written_by(old.data)
    kept = _free_name(old.folder / f"postgres.{version}")
    # Each step is a rename. A start that finds step two done and step three missing completes step three.
    new.data.rename(upgraded)
    old.data.rename(kept)
    upgraded.rename(old.data)
    return Upgraded(version, version_of(new.binaries), len(before), sum(before.values()), kept)


async def _dumped(launcher: Launcher, old: Cluster, programs: Path, dump: Path) -> dict[str, int]:
    """Write the dump with the new version's programs, as PostgreSQL recommends; return the row count of each table."""
    port = free_port()
    server = await run_server(launcher, old, port)
    rows = await _rows(old, port)
    await _client(old, port, programs / "pg_dump", "--format=custom", "--file", str(dump))
    await server.stop()
    return rows


async def _restored(launcher: Launcher, new: Cluster, dump: Path) -> dict[str, int]:
    port = free_port()
    server = await run_server(launcher, new, port)
    # The next start creates the application's role in the new cluster and grants its rights.
    options = ("--exit-on-error", "--no-privileges", "--single-transaction", "--dbname", DATABASE)
    await _client(new, port, new.binaries / "pg_restore", *options, str(dump))
    await _client(new, port, new.binaries / "vacuumdb", "--analyze-only")
    rows = await _rows(new, port)
    await server.stop()
    return rows


async def _rows(cluster: Cluster, port: int) -> dict[str, int]:
    async def asked(statement: str) -> str:
        return await _client(cluster, port, cluster.binaries / "psql", "--no-psqlrc", "-Atc", statement)

    return {table: int(await asked(f"SELECT count(*) FROM {table}")) for table in (await asked(_TABLES)).split()}  # noqa: S608


async def _client(cluster: Cluster, port: int, program: Path, *options: str) -> str:
    """Run a client program on our database and return its output."""
    address = {"PGHOST": LOOPBACK, "PGPORT": str(port), "PGUSER": USER, "PGDATABASE": DATABASE}
    process = await asyncio.create_subprocess_exec(
        program,
        "--no-password",
        *options,
        env={**address, "PGPASSWORD": cluster.password},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, words = await process.communicate()
    if process.returncode != 0:
        raise PartFailedError(
            f"{program.name} failed, and the data in {cluster.folder / 'postgres'} is as it was: "
            f"{words.decode(errors='replace').strip()[:600]}"
        )
    return output.decode().strip()


def _free_name(path: Path) -> Path:
    others = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(name for name in chain([path], others) if not name.exists())
