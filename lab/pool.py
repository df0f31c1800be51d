"""Connections to a backtest's own database, without the checks that a failover needs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from database.pool import Connection, open_connection


class LabPool:
    """Opens connections when they are needed and keeps them for good; the one that was used last is used again."""

    def __init__(self, url: str, size: int) -> None:
        self._url = url
        self._free: list[Connection] = []
        self._turn = asyncio.Semaphore(size)

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
            connection = self._free.pop() if self._free else await open_connection(self._url)
            try:
                yield connection
            finally:
                self._free.append(connection)

    async def close(self) -> None:
        """Close the connections that are not lent."""
        while self._free:
            await self._free.pop().close()
