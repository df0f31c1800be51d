"""Connections to a backtest's own database, without the checks that a failover needs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from database.pool import Connection, Pool

_STATEMENTS: Final = 1_000
"""Prepared statements that a connection keeps: more than the ledger has."""


class LabPool:
    """Keeps its connections for good; the one that was used last is used again."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._free: list[Connection] = []
        self._turn = asyncio.Semaphore(pool.get_max_size())

    async def execute(self, query: str, *values: Any) -> Any:
        async with self.acquire() as connection:
            return await connection.execute(query, *values)

    async def fetch(self, query: str, *values: Any) -> Any:
        async with self.acquire() as connection:
            return await connection.fetch(query, *values)

    async def fetchrow(self, query: str, *values: Any) -> Any:
        async with self.acquire() as connection:
            return await connection.fetchrow(query, *values)

    async def fetchval(self, query: str, *values: Any) -> Any:
        async with self.acquire() as connection:
            return await connection.fetchval(query, *values)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """Borrow a connection."""
        async with self._turn:
            connection = self._free.pop() if self._free else await self._pool.acquire()
            try:
                yield connection
            finally:
                self._free.append(connection)

    async def close(self) -> None:
        """Close all connections. The pool's own ``close`` would wait for those that are kept here."""
        while self._free:
            await self._pool.release(self._free.pop())  # type: ignore[arg-type]
        await self._pool.close()
