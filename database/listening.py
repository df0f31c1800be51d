"""LISTEN on one channel, on a connection of its own: the pool's connections are not reset between users."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from database.errors import DATABASE_FAULTS
from database.pool import TAKES_NO_WRITES, takes_no_writes

_ANSWERS_WITHIN: Final = 5.0
_MOST_WAITING: Final = 10_000


@asynccontextmanager
async def listening(
    url: str, channel: str
) -> "AsyncIterator[tuple[asyncpg.Connection[Any], asyncio.Queue[str | None]]]":
    """Open a connection that listens; the queue gets each payload, and None when payloads may be lost."""
    waiting: asyncio.Queue[str | None] = asyncio.Queue()

    def arrived(*arguments: object) -> None:
        waiting.put_nowait(str(arguments[-1]) if waiting.qsize() < _MOST_WAITING else None)

    connection = await asyncpg.connect(
        url,
        command_timeout=_ANSWERS_WITHIN,
        timeout=_ANSWERS_WITHIN,
        target_session_attrs=SessionAttribute.read_write,
    )
    try:
        connection.add_termination_listener(lambda _: waiting.put_nowait(None))
        await connection.add_listener(channel, arrived)
        yield connection, waiting
    finally:
        with suppress(*DATABASE_FAULTS):
            await connection.close(timeout=1)


async def arriving(
    connection: "asyncpg.Connection[Any]", waiting: "asyncio.Queue[str | None]", quiet: float
) -> AsyncIterator[str]:
    """Yield the payloads; test the connection after ``quiet`` seconds without one.

    Raises:
        ConnectionResetError: the connection has ended, lost payloads, or its server takes no writes.
    """
    while True:
        try:
            async with asyncio.timeout(quiet):
                payload = await waiting.get()
        except TimeoutError:
            await connection.execute("SELECT 1")
            if takes_no_writes(connection):
                raise ConnectionResetError(TAKES_NO_WRITES) from None
            continue
        if payload is None:
            raise ConnectionResetError("the listening connection has ended, or could not keep up")
        yield payload
