"""Shards of held positions: one attempt watches a shard, one statement renews its leases, one writes its marks."""

import asyncio
from dataclasses import replace
from datetime import datetime

import asyncpg
import pytest

from database.database import Database
from database.market_watches import MarketWatches
from domain.identity import WorkerId
from domain.market import Symbol
from domain.money import Price
from domain.watch import PriceMark, WatchWish
from tests.database.books import Books
from tests.support.builders import ACCOUNT, HYNIX, NOW, SAMSUNG, WORKER

OTHER = WorkerId("worker-2")
SHARD = (ACCOUNT, 0)
_AN_OLDER_BEAT = "UPDATE stock_locks SET heartbeat_at = heartbeat_at - interval '8 seconds'"
_BEATS = "SELECT symbol, heartbeat_at FROM stock_locks"


@pytest.fixture
def watches(database: Database) -> MarketWatches:
    return database.market_watches


async def wish(books: Books, symbol: Symbol = SAMSUNG, worker: WorkerId = WORKER) -> WatchWish:
    """Hold shares of a stock, and return the wish to have them watched."""
    record = await books.held(worker, symbol)
    lease = await books.locked(worker, symbol)
    position_id = record.intent.position_id
    return WatchWish(lease, position_id, f"trading-worker/{ACCOUNT}/{worker}", {"symbol": symbol})


async def beats(connection: asyncpg.Connection) -> dict[str, datetime]:
    return {row["symbol"]: row["heartbeat_at"] for row in await connection.fetch(_BEATS)}


async def test_wishes_fill_one_shard_after_the_other(books: Books, watches: MarketWatches) -> None:
    first, second = await wish(books), await wish(books, HYNIX, OTHER)

    placed = [await watches.ask(each, 1) for each in (first, second, first)]

    assert [each.shard for each in placed] == [0, 1, 0]
    assert [each.is_attended for each in placed] == [False, False, False]
    assert [row.symbol for row in await watches.of_shard(*SHARD)] == [SAMSUNG]
    assert await watches.unattended(ACCOUNT) == (0, 1)


async def test_a_later_wish_of_a_worker_replaces_its_earlier_one(books: Books, watches: MarketWatches) -> None:
    asked = await wish(books)
    await watches.ask(asked, 9)
    (before,) = await watches.of_shard(*SHARD)

    await watches.ask(replace(asked, request={"symbol": SAMSUNG, "rules": 2}), 9)

    (after,) = await watches.of_shard(*SHARD)
    assert after.request["rules"] == 2
    assert after.asked_at > before.asked_at
    await watches.end(ACCOUNT, WORKER, asked.lease.fencing_token, before.asked_at)
    assert await watches.of_shard(*SHARD) == (after,), "only the version that was asked for ends"
    await watches.end(ACCOUNT, WORKER, asked.lease.fencing_token)
    assert await watches.of_shard(*SHARD) == ()


async def test_a_version_that_the_reader_knows_comes_without_its_request(books: Books, watches: MarketWatches) -> None:
    for each in (await wish(books), await wish(books, HYNIX, OTHER)):
        await watches.ask(each, 9)
    first, second = await watches.of_shard(*SHARD)
    assert first.request

    known = await watches.of_shard(*SHARD, {WORKER: first.asked_at, OTHER: first.asked_at})

    assert known == (replace(first, request={}), second), "the other one's version differs"


async def test_one_statement_renews_what_is_due(
    books: Books, watches: MarketWatches, connection: asyncpg.Connection
) -> None:
    asked = [await wish(books), await wish(books, HYNIX, OTHER)]
    for each in asked:
        await watches.ask(each, 9)
    token = await watches.take(*SHARD, "4711@here")
    fresh = await beats(connection)

    assert (await watches.keep(*SHARD, token, [each.lease for each in asked])).is_ours
    assert await beats(connection) == fresh, "a young lease needs no write"

    await connection.execute(_AN_OLDER_BEAT)
    old = await beats(connection)
    kept = await watches.keep(*SHARD, token, [each.lease for each in asked])
    assert (kept.is_ours, kept.lost) == (True, frozenset())
    assert all(at > old[symbol] for symbol, at in (await beats(connection)).items())
    assert await watches.unattended(ACCOUNT) == ()


async def test_an_attempt_whose_shard_was_taken_renews_nothing(
    books: Books, watches: MarketWatches, connection: asyncpg.Connection
) -> None:
    asked = await wish(books)
    await watches.ask(asked, 9)
    first = await watches.take(*SHARD, "4711@here")
    second = await watches.take(*SHARD, "4712@there")
    await connection.execute(_AN_OLDER_BEAT)
    old = await beats(connection)

    assert not (await watches.keep(*SHARD, first, [asked.lease])).is_ours
    assert await beats(connection) == old

    assert (await watches.keep(*SHARD, second, [asked.lease])).is_ours
    assert await beats(connection) != old
    assert (await watches.owners(ACCOUNT))[0][0] == "4712@there"


async def test_a_shard_renews_no_lease_of_another_shard(
    books: Books, watches: MarketWatches, connection: asyncpg.Connection
) -> None:
    ours, theirs = await wish(books), await wish(books, HYNIX, OTHER)
    await watches.ask(ours, 1)
    await watches.ask(theirs, 1)
    token = await watches.take(*SHARD, "4711@here")
    await connection.execute(_AN_OLDER_BEAT)
    old = await beats(connection)

    await watches.keep(*SHARD, token, [ours.lease, theirs.lease])

    renewed = await beats(connection)
    assert renewed[SAMSUNG] > old[SAMSUNG]
    assert renewed[HYNIX] == old[HYNIX]


async def test_a_lease_that_another_holder_has_is_reported_lost(books: Books, watches: MarketWatches) -> None:
    asked = await wish(books)
    await watches.ask(asked, 9)
    token = await watches.take(*SHARD, "4711@here")

    await books.database.locks.take_over(ACCOUNT, SAMSUNG, OTHER)

    assert (await watches.keep(*SHARD, token, [asked.lease])).lost == {asked.lease}


async def test_a_row_that_another_transaction_holds_delays_no_other_lease(
    books: Books, watches: MarketWatches, connection: asyncpg.Connection
) -> None:
    asked = [await wish(books), await wish(books, HYNIX, OTHER)]
    for each in asked:
        await watches.ask(each, 9)
    token = await watches.take(*SHARD, "4711@here")
    await connection.execute(_AN_OLDER_BEAT)
    old = await beats(connection)

    async with connection.transaction():
        await connection.execute("SELECT FROM stock_locks WHERE symbol = $1 FOR UPDATE", SAMSUNG)
        async with asyncio.timeout(60):
            await watches.keep(*SHARD, token, [each.lease for each in asked])

    renewed = await beats(connection)
    assert renewed[HYNIX] > old[HYNIX]
    assert renewed[SAMSUNG] == old[SAMSUNG]


async def test_a_shard_is_released_only_while_it_is_empty(books: Books, watches: MarketWatches) -> None:
    asked = await wish(books)
    await watches.ask(asked, 9)
    token = await watches.take(*SHARD, "4711@here")

    assert not await watches.release(*SHARD, token)
    assert (await watches.ask(asked, 9)).is_attended

    await watches.end(ACCOUNT, WORKER, asked.lease.fencing_token)
    assert await watches.release(*SHARD, token)
    assert not (await watches.ask(asked, 9)).is_attended, "the next wish starts the watch again"


async def test_an_older_attempt_cannot_release_the_shard(books: Books, watches: MarketWatches) -> None:
    first = await watches.take(*SHARD, "4711@here")
    await watches.take(*SHARD, "4712@there")

    assert await watches.release(*SHARD, first)

    assert (await watches.ask(await wish(books), 9)).is_attended


async def test_the_first_order_of_a_sale_marks_its_wish_as_sent(books: Books, watches: MarketWatches) -> None:
    asked = await wish(books)
    sale = books.a_sale(asked.lease, asked.position_id)
    await watches.ask(replace(asked, request={"first": {"intent_id": sale.intent_id}}), 9)
    assert [row.is_sent for row in await watches.of_shard(*SHARD)] == [False]

    await books.decided(sale)

    assert [row.is_sent for row in await watches.of_shard(*SHARD)] == [True]
    (sent,) = await watches.of_shard(*SHARD)
    assert await watches.of_shard(*SHARD, {sent.worker_id: sent.asked_at}) == (sent,), "it is decoded once more"


async def test_marks_of_several_positions_are_one_statement(books: Books, connection: asyncpg.Connection) -> None:
    positions = [(await wish(books)).position_id, (await wish(books, HYNIX, OTHER)).position_id]
    marks = [PriceMark(each, Price(80_000), Price(90_000), NOW) for each in positions]

    await books.database.price_marks.write(marks)
    lower = [replace(each, last_price=Price(75_000), high_water_mark=Price(70_000)) for each in marks]
    await books.database.price_marks.write(lower)

    held = await books.database.positions.live_among(positions)
    assert {(each.last_price, each.high_water_mark) for each in held.values() if not isinstance(each, Exception)} == {
        (75_000, 90_000)
    }
    bars = await connection.fetch("SELECT open, high, low, close FROM price_marks")
    assert [tuple(bar) for bar in bars] == [(80_000, 80_000, 75_000, 75_000)] * 2


async def test_a_position_that_cannot_be_read_hides_no_other(books: Books, connection: asyncpg.Connection) -> None:
    odd, sound = (await wish(books)).position_id, (await wish(books, HYNIX, OTHER)).position_id
    await connection.execute("""UPDATE positions SET exit_rules = '{"stop_loss": "odd"}' WHERE position_id = $1""", odd)

    found = await books.database.positions.live_among([odd, sound])

    assert isinstance(found[odd], Exception)
    assert not isinstance(found[sound], Exception)


async def test_a_wish_wakes_the_listeners_of_its_shard(books: Books, watches: MarketWatches) -> None:
    asked: WatchWish = await wish(books)
    with books.database.watch_calls.of(*SHARD) as called, books.database.watch_calls.of(ACCOUNT, 1) as other:
        await until_set(called)  # a new connection calls once: notifications may have been lost
        await until_set(other)
        called.clear()
        other.clear()

        await watches.ask(asked, 9)

        await until_set(called)
        assert not other.is_set()


async def test_a_cut_connection_of_listeners_is_opened_again(
    books: Books, watches: MarketWatches, connection: asyncpg.Connection
) -> None:
    asked = await wish(books)
    with books.database.watch_calls.of(*SHARD) as called:
        await until_set(called)
        called.clear()

        cut = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE query ~ '^LISTEN' AND pid <> pg_backend_pid() AND datname = current_database()
        """
        assert await connection.fetchval(cut)
        await until_set(called)
        called.clear()
        await watches.ask(asked, 9)

        await until_set(called)


async def until_set(event: asyncio.Event) -> None:
    async with asyncio.timeout(60):
        await event.wait()
