"""The PostgreSQL of backtests: one server without durability, one database a process."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from database.migrations import apply
from runtime.embedded.errors import (
    CorruptFolderError,
    OtherVersionError,
    PartFailedError,
)
from runtime.embedded.folder import FolderHold, check_room, hold_folder
from runtime.embedded.ports import free_port
from runtime.embedded.postgres import Cluster, prepared_cluster, query, run_server
from runtime.embedded.process import Launcher

_HASTY: Final = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "shared_buffers=64MB",
    "wal_level=minimal",
    "max_wal_senders=0",
    "jit=off",
    "plan_cache_mode=force_generic_plan",
)
"""A crash may destroy these books: they last for one day of one backtest."""


class Engine:
    """A running server; processes get databases of their own."""

    def __init__(self, cluster: Cluster, port: int) -> None:
        self._cluster = cluster
        self._port = port

    async def database(self, name: str) -> str:
        """Return the URL of a new database with the schema."""
        statement = f"DROP DATABASE IF EXISTS {name} WITH (FORCE);\nCREATE DATABASE {name} TEMPLATE haru;"
        await query(self._cluster, self._port, statement, "postgres")
        return self._cluster.url(self._port, name)


@asynccontextmanager
async def held_engine(folder: Path) -> AsyncIterator[FolderHold]:
    """Hold the folder of the server of backtests, so that one backtest at a time writes results beside it.

    Raises:
        FolderHeldError: another backtest uses the folder.
        DiskFullError: the disk would soon be full.
    """
    hold = await hold_folder(folder)
    try:
        check_room(hold.folder)
        yield hold
    finally:
        hold.release()


@asynccontextmanager
async def running_engine(hold: FolderHold) -> AsyncIterator[Engine]:
    """Run the server of backtests in a held folder, which is made at the first use and again when it is damaged.

    Raises:
        EmbeddedError: the server cannot be started.
    """
    launcher = Launcher(hold.folder, kept_open=[hold.shared])
    try:
        yield await _started(launcher, hold.folder)
    finally:
        await launcher.stack.aclose()


async def _started(launcher: Launcher, folder: Path) -> Engine:
    try:
        return await _start(launcher)
    except (CorruptFolderError, OtherVersionError, PartFailedError):
        await launcher.stack.aclose()
        for name in ("postgres", "postgres-password"):
            _remove(folder / name)
        return await _start(launcher)


async def _start(launcher: Launcher) -> Engine:
    cluster, port = await prepared_cluster(launcher), free_port()
    await run_server(launcher, cluster, port, _HASTY)
    try:
        apply(cluster.url(port))
    except Exception as error:
        raise PartFailedError(f"the schema of backtests cannot be made: {error}") from error
    return Engine(cluster, port)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
