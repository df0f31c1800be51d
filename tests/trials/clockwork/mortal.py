"""A process that dies at a chosen moment: its database and broker calls are counted from outside and then cut off."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
from temporalio import activity

from database.pool import Connection, Pool

_WRITES: Final = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)")
_LOCK_WORDS: Final = frozenset({"SET", "OF"})
_BESIDE: Final = {
    ("watch_scans", "update SKIP+update market_watches+update stock_locks"),
    ("watch_scans", "insert last_scans"),
}
"""Writes beside the scans: they have no place of their own among the crossings.

The renewal runs each second of real time, and renews no lease of a position. The note of a scan is only shown.
"""


class ProcessDiedError(BaseException):
    """The process is gone. Not an ``Exception``, so that no handler in it can treat this as a fault and continue."""


class Life:
    """One process: counts each commit and request, before and after, and ends at the chosen crossing."""

    def __init__(self, ends_at: int | str = 0) -> None:
        self.crossings: list[str] = []
        self.is_over = False
        self._ends_at = ends_at

    def begin_counting(self, ends_at: int | str) -> None:
        """Reset the count: crossings, and the one to die at, are counted from here on."""
        self.crossings.clear()
        self._ends_at = ends_at

    def check(self) -> None:
        """Let no call of a dead process reach the outside."""
        if self.is_over:
            raise ProcessDiedError

    async def cross(self, moment: str, what: str, *, in_transaction: bool = False) -> None:
        """Count a crossing, and die at the chosen one."""
        self.check()
        doing = activity.info().activity_type if activity.in_activity() else "start"
        if (doing, what) in _BESIDE:
            return
        self.crossings.append(f"{doing}: {moment} {what}")
        if self._ends_at in (len(self.crossings), self.crossings[-1]):
            self.is_over = True
            raise ProcessDiedError


class MortalPool:
    """A process's access to the database. Only writes count: a death around a read leaves no other trace."""

    def __init__(self, pool: Pool, life: Life) -> None:
        self._pool = pool
        self._life = life

    async def execute(self, query: str, *values: Any) -> Any:
        return await self._run(self._pool.execute, query, values)

    async def fetch(self, query: str, *values: Any) -> Any:
        return await self._run(self._pool.fetch, query, values)

    async def fetchrow(self, query: str, *values: Any) -> Any:
        return await self._run(self._pool.fetchrow, query, values)

    async def fetchval(self, query: str, *values: Any) -> Any:
        return await self._run(self._pool.fetchval, query, values)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator["MortalConnection"]:
        self._life.check()
        async with self._pool.acquire() as connection:
            yield MortalConnection(connection, self._life)

    async def _run(self, ask: Any, query: str, values: tuple[Any, ...]) -> Any:
        written = writes_of(query)
        if not written:
            self._life.check()
            answer = await ask(query, *values)
            self._life.check()
            return answer
        await self._life.cross("before", written)
        answer = await ask(query, *values)
        await self._life.cross("after", written)
        return answer


class MortalConnection:
    """A borrowed connection; a transaction that its process does not commit before its death is rolled back."""

    def __init__(self, connection: Connection, life: Life) -> None:
        self._connection = connection
        self._life = life
        self._written: list[str] = []

    async def execute(self, query: str, *values: Any) -> Any:
        return await self._run(self._connection.execute, query, values)

    async def executemany(self, query: str, *values: Any) -> Any:
        return await self._run(self._connection.executemany, query, values)

    async def fetch(self, query: str, *values: Any) -> Any:
        return await self._run(self._connection.fetch, query, values)

    async def fetchrow(self, query: str, *values: Any) -> Any:
        return await self._run(self._connection.fetchrow, query, values)

    async def fetchval(self, query: str, *values: Any) -> Any:
        return await self._run(self._connection.fetchval, query, values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        self._life.check()
        async with self._connection.transaction():
            yield
            written = "+".join(dict.fromkeys(self._written))
            if written:
                await self._life.cross("before", written, in_transaction=True)
        if written:
            await self._life.cross("after", written)

    async def _run(self, ask: Any, query: str, values: tuple[Any, ...]) -> Any:
        self._life.check()
        if written := writes_of(query):
            self._written.append(written)
        answer = await ask(query, *values)
        self._life.check()
        return answer


class MortalTransport(httpx.AsyncBaseTransport):
    """A process's access to the broker; each request has a crossing before it leaves and one after its reply."""

    def __init__(self, inside: httpx.AsyncBaseTransport, life: Life) -> None:
        self._inside = inside
        self._life = life

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.path.rsplit('/', 1)[-1]}"
        await self._life.cross("before", what)
        try:
            response = await self._inside.handle_async_request(request)
        except OSError:
            await self._life.cross("after", what)
            raise
        await self._life.cross("after", what)
        return response


def writes_of(query: str) -> str:
    """Return the tables that a statement writes, with the SQL verb."""
    found = (f"{verb.split()[0].lower()} {table}" for verb, table in _WRITES.findall(query) if table not in _LOCK_WORDS)
    return "+".join(dict.fromkeys(found))
