"""An empty database in the data folder for a restore: taken into use when the restore is complete, else not at all."""

import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from runtime.embedded.binaries import postgres_binaries
from runtime.embedded.errors import CorruptFolderError
from runtime.embedded.folder import check_room, hold_folder
from runtime.embedded.identity import identity_for
from runtime.embedded.ports import free_port
from runtime.embedded.postgres import PASSWORD, RESTORING, UPGRADED, Cluster, initialise, run_server
from runtime.embedded.process import Launcher
from security.private_files import write_private

_OF_TEMPORAL: Final = ("temporal.sqlite", "temporal.sqlite-wal", "temporal.sqlite-shm")


@asynccontextmanager
async def empty_books(folder: Path) -> AsyncIterator[str]:
    """Yield the owner's URL of a new database, and take it into use at the end of the block.

    If the block fails, nothing of it stays. After a kill, the next start refuses to begin with empty books.

    Raises:
        CorruptFolderError: the folder has books already.
        EmbeddedError: another process uses the folder, or the database cannot be made.
    """
    hold = await hold_folder(folder)
    folder = hold.folder
    launcher = Launcher(folder, kept_open=[hold.shared])
    launcher.stack.callback(hold.release)
    async with launcher.stack:
        refuse_books(folder)
        check_room(folder)
        _remove(folder)
        password, binaries = secrets.token_urlsafe(24), postgres_binaries()
        write_private(folder / PASSWORD, password)
        cluster = Cluster(folder, binaries, await identity_for(binaries, folder), password, name=RESTORING)
        port = free_port()
        try:
            await initialise(launcher, cluster)
            server = await run_server(launcher, cluster, port)
            try:
                yield cluster.url(port)
            finally:
                await server.stop()
            cluster.data.rename(folder / "postgres")
        except BaseException:
            _remove(folder)
            raise


def refuse_books(folder: Path) -> None:
    """Refuse a folder that has a database.

    Raises:
        CorruptFolderError: it has one.
    """
    for name in ("postgres", UPGRADED):
        if (folder / name).exists():
            raise CorruptFolderError(
                f"there are books in {folder} already, and a restore never overwrites books: stop worker.py and move "
                f"them away (mv {folder / name} {folder / name}.before-restore), or set HARU_DATA_DIR to another folder"
            )


def set_aside(folder: Path, now: datetime) -> list[Path]:
    """Rename what belongs to the lost books: the dev server's histories, and the last row of the audit log."""
    mark = f"before-restore-{now:%Y%m%dT%H%M%S}"
    found = (*(folder / name for name in _OF_TEMPORAL), *(folder / "audit").glob("last-row-*.json"))
    return [path.rename(path.with_name(f"{path.name}.{mark}")) for path in found if path.exists()]


def _remove(folder: Path) -> None:
    for name in (RESTORING, f"{RESTORING}.new"):
        shutil.rmtree(folder / name, ignore_errors=True)
