"""PostgreSQL connections: opened once per process, JSON decoded, dropped when their server becomes read-only."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from asyncpg.connection import LoggedQuery
from asyncpg.pool import PoolConnectionProxy

from database.errors import DatabaseAwayError
from domain.masking import Masking

logger = logging.getLogger("haru.database")

TAKES_NO_WRITES: Final = (
    "PostgreSQL refuses writes: it is a replica, or default_transaction_read_only is on; "
    "point DATABASE_URL at the primary"
)
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Executor: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record] | asyncpg.Pool[asyncpg.Record]"
)
"""A connection inside a transaction, or the pool for a statement that is its own transaction."""
Row: TypeAlias = asyncpg.Record
Heard = Callable[[str, float], None]
"""Takes the text and the seconds of a statement that has ended, in the context of its caller."""

NAMED_ONLY: Final = Masking()
_STATEMENTS: Final = 500
"""Prepared statements that a connection keeps. There are more than asyncpg's default of 100."""
_COMMAND_TIMEOUT = 30.0
"""Real seconds after which a statement times out; none of ours takes one second."""
_IDLE_IN_TRANSACTION = 10.0
"""Real seconds after which the server ends the transaction of a process that has stopped, and with it its locks.

Our transactions only compute between two statements.
"""


class FullDisk:
    """When the server last refused a statement of this process because its disk was full."""

    def __init__(self) -> None:
        self._refused_at: float | None = None

    def hear(self, fault: BaseException | None) -> None:
        """Note an error of a statement."""
        if isinstance(fault, asyncpg.DiskFullError):
            self._refused_at = asyncio.get_running_loop().time()

    def is_full(self, within: float) -> bool:
        """Return whether a statement was refused in the last ``within`` real seconds."""
        now = asyncio.get_running_loop().time()
        return self._refused_at is not None and now - self._refused_at < within


@dataclass(frozen=True, slots=True)
class Listeners:
    """What hears of each statement of a pool."""

    disk: FullDisk = field(default_factory=FullDisk)
    heard: Heard | None = None


async def open_pool(
    url: str, size: int, mask: Masking = NAMED_ONLY, *, at_once: bool = True, listeners: Listeners | None = None
) -> Pool:
    """Open at most ``size`` connections, the first one ``at_once``, so that a wrong URL is reported.

    Only a server that accepts writes is used, the first such server in ``url``. After a failover the old primary may
    continue as read-only. Its connections are then reopened to the current servers of ``url``.

    Raises:
        DatabaseAwayError: no server of the URL accepts writes.
    """
    guard = _WritesOnly(mask, listeners or Listeners())
    try:
        guard.pool = await asyncpg.create_pool(
            url,
            min_size=int(at_once),
            max_size=size,
            init=guard.prepare,
            setup=guard.check,
            reset=_keep_session,
            command_timeout=_COMMAND_TIMEOUT,
            statement_cache_size=_STATEMENTS,
            target_session_attrs=SessionAttribute.read_write,
        )
    except asyncpg.TargetServerAttributeNotMatched:
        raise DatabaseAwayError(TAKES_NO_WRITES) from None
    return guard.pool


async def open_connection(url: str) -> Connection:
    """Open one connection to a server that never fails over: without time limits, logs and checks of each statement."""
    connection = await asyncpg.connect(url, ssl=False, statement_cache_size=_STATEMENTS)
    await _speak_json(connection, NAMED_ONLY)
    return connection


class _WritesOnly:
    """Drops a pool's connections once their server is read-only, and notes that its disk is full."""

    pool: Pool

    def __init__(self, mask: Masking, listeners: Listeners) -> None:
        self._mask = mask
        self._listeners = listeners
        self._dropping: asyncio.Task[None] | None = None

    async def prepare(self, connection: Connection) -> None:
        await _speak_json(connection, self._mask)
        await connection.execute(f"SET idle_in_transaction_session_timeout = {round(_IDLE_IN_TRANSACTION * 1000)}")
        connection.add_query_logger(self._hear)

    async def check(self, connection: Connection) -> None:
        """Refuse a connection whose server has reported a change; querying the server would cost a round trip."""
        if takes_no_writes(connection):
            self._drop()
            raise asyncpg.ReadOnlySQLTransactionError(TAKES_NO_WRITES)

    def _hear(self, query: LoggedQuery) -> None:
        self._listeners.disk.hear(query.exception)
        if isinstance(query.exception, asyncpg.ReadOnlySQLTransactionError):
            self._drop()
        if self._listeners.heard is not None:
            self._listeners.heard(query.query, query.elapsed)

    def _drop(self) -> None:
        logger.error("database_is_read_only")
        self._dropping = asyncio.get_running_loop().create_task(self.pool.expire_connections())


def takes_no_writes(connection: Connection) -> bool:
    """Return whether the server has reported that it became a replica or read-only."""
    said = connection.get_settings()
    return "on" in {getattr(said, name, "off") for name in ("in_hot_standby", "default_transaction_read_only")}


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """Borrow a connection for one transaction, committed when the block ends without an exception."""
    async with pool.acquire() as connection, connection.transaction():
        yield connection


async def _speak_json(connection: Connection, mask: Masking) -> None:
    def written(value: object) -> str:
        return json.dumps(mask.within(value), ensure_ascii=False)

    await connection.set_type_codec("jsonb", encoder=written, decoder=json.loads, schema="pg_catalog")


async def _keep_session(connection: Connection) -> None:
    """Skip asyncpg's default reset and its round trip: no session state is set that it would clear."""
