"""A transaction of a stopped process delays no lease, and no sale, of another position of its shard."""

import asyncio

import asyncpg
import pytest

import database.pool
from database.database import Database, open_database
from database.errors import DATABASE_FAULTS
from database.market_watches import MarketWatches
from database.pool import transaction
from domain.identity import WorkerId
from domain.money import Price
from domain.watch import PriceMark, WatchWish
from tests.database.books import Books
from tests.support.application_role import as_application
from tests.support.builders import ACCOUNT, HYNIX, NOW, SAMSUNG, WORKER
from tests.trials.planted_bugs.swapping import swapped

OTHER = WorkerId("worker-2")
SHARD = (ACCOUNT, 0)
_OLDER = "UPDATE stock_locks SET heartbeat_at = heartbeat_at - interval '8 seconds' RETURNING heartbeat_at"
_PRICE = "SELECT last_price FROM positions WHERE symbol = $1"
_LONGEST = 10.0
"""Real seconds; far below a statement's own limit of 30."""


@pytest.fixture
def watches(database: Database) -> MarketWatches:
    return database.market_watches


@pytest.fixture
async def wishes(books: Books, watches: MarketWatches) -> list[WatchWish]:
    """Two positions in one shard."""
    asked = []
    for worker, symbol in ((WORKER, SAMSUNG), (OTHER, HYNIX)):
        position_id = (await books.held(worker, symbol)).intent.position_id
        asked.append(WatchWish(await books.locked(worker, symbol), position_id, "workflow", {}))
        await watches.ask(asked[-1], 9)
    return asked


async def test_a_wish_that_is_never_committed_delays_no_lease(
    wishes: list[WatchWish], watches: MarketWatches, connection: asyncpg.Connection
) -> None:
    token = await watches.take(*SHARD, "4711@here")
    old = {row["heartbeat_at"] for row in await connection.fetch(_OLDER)}

    async with connection.transaction():
        await connection.execute("SELECT FROM market_watches FOR UPDATE")
        async with asyncio.timeout(_LONGEST):
            kept = await watches.keep(*SHARD, token, [each.lease for each in wishes])

    assert kept.is_ours
    beats = [row["heartbeat_at"] for row in await connection.fetch("SELECT heartbeat_at FROM stock_locks")]
    assert all(beat > max(old) for beat in beats)


async def test_an_older_attempt_renews_nothing_while_the_shard_is_locked(
    wishes: list[WatchWish], watches: MarketWatches, connection: asyncpg.Connection
) -> None:
    first = await watches.take(*SHARD, "4711@here")
    await watches.take(*SHARD, "4712@there")
    old = {row["heartbeat_at"] for row in await connection.fetch(_OLDER)}

    async with connection.transaction():
        await connection.execute("SELECT FROM market_watches FOR UPDATE")
        async with asyncio.timeout(_LONGEST):
            kept = await watches.keep(*SHARD, first, [each.lease for each in wishes])

    assert not kept.is_ours
    assert {row["heartbeat_at"] for row in await connection.fetch("SELECT heartbeat_at FROM stock_locks")} == old


async def test_a_locked_position_delays_the_marks_of_no_other(
    wishes: list[WatchWish], books: Books, connection: asyncpg.Connection
) -> None:
    marks = [PriceMark(each.position_id, Price(80_000), Price(90_000), NOW) for each in wishes]

    async with connection.transaction():
        await connection.execute("SELECT FROM positions WHERE symbol = $1 FOR UPDATE", SAMSUNG)
        async with asyncio.timeout(_LONGEST):
            await books.database.price_marks.write(marks)

    assert await connection.fetchval(_PRICE, SAMSUNG) != 80_000
    assert await connection.fetchval(_PRICE, HYNIX) == 80_000


async def test_the_transaction_of_a_stopped_process_ends(
    books: Books, database_url: str, connection: asyncpg.Connection
) -> None:
    await books.held()
    with swapped(database.pool, "_IDLE_IN_TRANSACTION", 0.2):
        stopped = await open_database(as_application(database_url))
        holds = transaction(stopped._pool)
        held = await holds.__aenter__()
        await held.execute("SELECT FROM stock_locks FOR UPDATE")
        async with asyncio.timeout(_LONGEST):
            await connection.execute("SELECT FROM stock_locks FOR UPDATE")
        with pytest.raises(DATABASE_FAULTS):
            await holds.__aexit__(None, None, None)
        await stopped.aclose()
