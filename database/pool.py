"""Connections to PostgreSQL: opened once per process, JSON decoded, nothing reset that we never set."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Executor: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record] | asyncpg.Pool[asyncpg.Record]"
)
"""A connection in somebody's transaction, or the pool for a statement that is its own transaction."""
Row: TypeAlias = asyncpg.Record

_COMMAND_TIMEOUT = 30.0
"""Real seconds after which a statement is given up; none of ours takes one."""


async def open_pool(url: str, size: int) -> Pool:
    """Open at most ``size`` connections, the first one now, so that a wrong URL is told at once."""
    return await asyncpg.create_pool(
        url, min_size=1, max_size=size, init=_decode_json, reset=_keep_session, command_timeout=_COMMAND_TIMEOUT
    )


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """Borrow a connection for one transaction, committed when the block ends well."""
    async with pool.acquire() as connection, connection.transaction():
        yield connection


async def _decode_json(connection: Connection) -> None:
    await connection.set_type_codec("jsonb", encoder=_dumps, decoder=json.loads, schema="pg_catalog")


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


async def _keep_session(connection: Connection) -> None:
    """Save the round trip of asyncpg's default reset: we set no session state that it would clear."""
