"""A real primary with a real streaming replica, for failover tests."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from runtime.embedded.binaries import postgres_binaries
from runtime.embedded.ports import free_port
from tests.conftest import HASTY, running
from tests.support.bare_postgres import start_postgres


@dataclass(frozen=True)
class TwoServers:
    """Their URLs, and one that names both, the first primary before its replica."""

    primary: str
    replica: str

    @property
    def both(self) -> str:
        first, second = urlsplit(self.primary), urlsplit(self.replica)
        return first._replace(netloc=f"{first.netloc},{second.hostname}:{second.port}").geturl()

    async def catch_up(self) -> None:
        """Wait until the replica has everything that the primary has written."""
        async with asked(self.primary) as primary, asked(self.replica) as replica, asyncio.timeout(60):
            written = await primary.fetchval("SELECT pg_current_wal_insert_lsn()")
            while not await replica.fetchval("SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn", written):
                await asyncio.sleep(0.05)

    async def separate(self) -> None:
        """Disconnect the replica from the primary."""
        async with asked(self.replica) as replica, asyncio.timeout(60):
            await replica.execute("ALTER SYSTEM SET primary_conninfo = ''")
            await replica.execute("SELECT pg_reload_conf()")
            while await replica.fetchval("SELECT count(*) FROM pg_stat_wal_receiver"):
                await asyncio.sleep(0.05)

    async def promote(self) -> None:
        """Promote the replica."""
        async with asked(self.replica) as replica:
            assert await replica.fetchval("SELECT pg_promote()")


async def become_read_only(url: str, *, on: bool = True) -> None:
    """Let a server refuse writes, also in open sessions, or accept them again."""
    async with asked(url) as server:
        await server.execute("SET default_transaction_read_only = off")
        change = "SET default_transaction_read_only = on" if on else "RESET default_transaction_read_only"
        await server.execute(f"ALTER SYSTEM {change}")
        await server.execute("SELECT pg_reload_conf()")


@asynccontextmanager
async def asked(url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@contextmanager
def two_servers(folder: Path) -> Iterator[TwoServers]:
    """Run both for the duration of the block."""
    first, second = folder / "primary", folder / "replica"
    for each in (first, second):
        each.mkdir()
    with running(first, lambda launcher: start_postgres(launcher, free_port(), HASTY)) as primary:
        _copy(primary, first, second)
        with running(second, lambda launcher: start_postgres(launcher, free_port(), HASTY)) as replica:
            yield TwoServers(primary, replica)


def _copy(primary: str, first: Path, second: Path) -> None:
    """Create the replica's data, with the owner of the primary's."""
    at, data = urlsplit(primary), second / "postgres"
    environment = os.environ | {"PGPASSWORD": at.password or ""}
    where = ("-h", str(at.hostname), "-p", str(at.port), "-U", str(at.username))
    command = (str(postgres_binaries() / "pg_basebackup"), *where, "-D", str(data), "-R", "-X", "stream", "-c", "fast")
    subprocess.run(command, env=environment, capture_output=True, check=True)
    shutil.copy(first / "postgres-password", second / "postgres-password")
    owner = (first / "postgres").stat().st_uid
    for path in (data, *data.rglob("*")):
        os.chown(path, owner, -1, follow_symlinks=False)
