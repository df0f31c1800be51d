"""One process holds the session by lease; its messages reach the others over their own connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from database.database import Database, open_database
from database.stream_news import StreamNews
from domain.market import Quote, Side, Symbol
from domain.money import Price, Quantity, Won
from domain.stream import Covered, Gap, Garbled, News, NoticeKind, OrderNotice
from tests.support.builders import ACCOUNT, NOW, SAMSUNG

TICK = Quote(
    SAMSUNG, Price(70_100), NOW, Price(70_000), Price(70_100), Quantity(3), Quantity(4), Quantity(10), Won(701_000),
    Price(69_000), Price(71_000), Price(68_000),
)  # fmt: skip
NOTICE = OrderNotice(NoticeKind.FILLED, SAMSUNG, Side.SELL, "0000000007", None, Quantity(3), Price(70_000))
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()
"""
EVERYTHING: list[News] = [TICK, NOTICE, Covered((SAMSUNG,)), Garbled("45 fields"), Gap()]


@pytest.fixture
async def others(database_url: str) -> AsyncIterator[Database]:
    """The books as opened by another process."""
    opened = await open_database(database_url, 2)
    yield opened
    await opened.aclose()


async def heard_by(stream_news: StreamNews, listener: str, count: int, ready: asyncio.Event) -> list[News]:
    found: list[News] = []
    async with aclosing(stream_news.heard(listener)) as heard:
        async for news in heard:
            found.append(news)
            ready.set()
            if len(found) == count:
                break
    return found


async def test_sessions_of_all_processes_are_bounded_in_a_minute(database: Database, others: Database) -> None:
    ours, theirs = database.stream_leases, others.stream_leases
    await ours.take(ACCOUNT, "first")
    assert [await ours.turn_to_open(ACCOUNT, "first", 3) for _ in range(2)] == [timedelta(0)] * 2
    await ours.release(ACCOUNT, "first")
    await theirs.take(ACCOUNT, "second")
    assert await theirs.turn_to_open(ACCOUNT, "second", 3) == timedelta(0)

    waits = [await theirs.turn_to_open(ACCOUNT, "second", 3) for _ in range(3)]

    assert all(timedelta(0) < wait <= timedelta(minutes=1) for wait in waits)
    assert waits == sorted(waits, reverse=True)
    await database._pool.execute(
        "UPDATE stream_leases SET opened_at = array(SELECT at - interval '50 s' FROM unnest(opened_at) AS at)"
    )
    assert await theirs.turn_to_open(ACCOUNT, "second", 3) < timedelta(seconds=11)
    await database._pool.execute(
        "UPDATE stream_leases SET opened_at = array(SELECT at - interval '50 s' FROM unnest(opened_at) AS at)"
    )
    assert await theirs.turn_to_open(ACCOUNT, "second", 3) == timedelta(0)


async def test_a_process_without_the_lease_opens_no_session(database: Database) -> None:
    await database.stream_leases.take(ACCOUNT, "first")

    assert await database.stream_leases.turn_to_open(ACCOUNT, "second") > timedelta(0)


async def test_the_session_has_one_owner_until_its_lease_ends_or_is_released(
    database: Database, others: Database
) -> None:
    ours, theirs = database.stream_leases, others.stream_leases
    assert await ours.take(ACCOUNT, "first")
    assert not await theirs.take(ACCOUNT, "second")
    assert await ours.take(ACCOUNT, "first", timedelta(0))

    assert await theirs.take(ACCOUNT, "second")
    assert not await ours.take(ACCOUNT, "first")
    await theirs.release(ACCOUNT, "second")
    assert await ours.take(ACCOUNT, "first")


async def test_two_that_want_it_at_once_do_not_both_get_it(database: Database, others: Database) -> None:
    names = [f"process-{number}" for number in range(12)]
    takes = (each.stream_leases.take(ACCOUNT, name) for each, name in zip([database, others] * 6, names, strict=True))

    assert sum(await asyncio.gather(*takes)) == 1


async def test_what_the_owner_reports_is_seen_and_ends_with_its_lease(database: Database, others: Database) -> None:
    leases = database.stream_leases
    assert await leases.state(ACCOUNT) is None
    await leases.take(ACCOUNT, "first")
    await leases.report(ACCOUNT, "first", [SAMSUNG])
    await leases.report(ACCOUNT, "second", [])
    state = await others.stream_leases.state(ACCOUNT)
    assert state is not None
    assert (state.owner, state.is_live, state.symbols, state.trouble) == ("first", True, (SAMSUNG,), "")
    assert state.connected_since is not None

    await leases.report_lost(ACCOUNT, "first", "cut")
    state = await leases.state(ACCOUNT)
    assert state is not None
    assert (state.connected_since, state.symbols, state.trouble) == (None, (), "cut")


async def test_everything_that_is_reported_arrives_as_it_was(database: Database, others: Database) -> None:
    ready = asyncio.Event()
    hearing = asyncio.create_task(heard_by(others.stream_news, "second", 1 + len(EVERYTHING), ready))
    await ready.wait()
    await database.stream_news.publish("second", [Garbled("its own words")])
    await database.stream_news.publish("first", EVERYTHING)

    async with asyncio.timeout(5):
        assert await hearing == [Gap(), *EVERYTHING]


async def test_many_ticks_go_in_as_many_payloads_as_they_need(database: Database, others: Database) -> None:
    ready = asyncio.Event()
    hearing = asyncio.create_task(heard_by(others.stream_news, "second", 401, ready))
    await ready.wait()
    ticks = [replace(TICK, volume=Quantity(number)) for number in range(400)]
    await database.stream_news.publish("first", ticks)

    async with asyncio.timeout(5):
        assert await hearing == [Gap(), *ticks]


@pytest.mark.parametrize("payload", ["", "{", "[]", '["x",7]', '["x",["tick",1]]', '["x",["notice","?",1,2,3,4,5,6]]'])
async def test_what_cannot_be_read_counts_as_a_gap(database: Database, others: Database, payload: str) -> None:
    ready = asyncio.Event()
    hearing = asyncio.create_task(heard_by(others.stream_news, "second", 2, ready))
    await ready.wait()
    await database._pool.execute("SELECT pg_notify('haru_stream', $1)", payload)

    async with asyncio.timeout(5):
        assert await hearing == [Gap(), Gap()]


async def test_a_listener_whose_connection_is_cut_listens_again_and_knows_that_it_missed_something(
    database: Database, others: Database, connection: asyncpg.Connection, database_url: str
) -> None:
    hasty, ready = StreamNews(others._pool, database_url, pauses=(0.05,)), asyncio.Event()
    hearing = asyncio.create_task(heard_by(hasty, "second", 4, ready))
    await ready.wait()
    await connection.execute(CUT)
    await asyncio.sleep(0.3)
    await database.stream_news.publish("first", [TICK])

    async with asyncio.timeout(5):
        assert await hearing == [Gap(), Gap(), Gap(), TICK]


async def test_a_quiet_line_is_tried(database: Database, others: Database, database_url: str) -> None:
    hasty, ready = StreamNews(others._pool, database_url, quiet=0.05), asyncio.Event()
    hearing = asyncio.create_task(heard_by(hasty, "second", 2, ready))
    await ready.wait()
    await asyncio.sleep(0.3)
    await database.stream_news.publish("first", [Covered((Symbol("000660"),))])

    async with asyncio.timeout(5):
        assert await hearing == [Gap(), Covered((Symbol("000660"),))]
