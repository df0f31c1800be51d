"""Haru streams prices while it has a session, and polls without one: nothing depends on the stream."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

import activities.market.coverage
import activities.market.quote_feed
import activities.orders
import activities.resolving
from activities.resolving import ResolveRequest
from database.stream_leases import SESSIONS_A_MINUTE, StreamState
from domain.clock import MarketClock
from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.identity import Environment
from domain.lane import Lane
from domain.market import Symbol
from domain.market_phase import LONGEST_HALT, MarketWord
from domain.order import OrderStatus
from domain.position import ExitReason
from domain.session import session_date_of
from fleet.duties.phase import PhaseDuty
from fleet.fleet import Fleet
from tests.fleet.duties.hearing import AN_HOUR, BOUNDS, Process, a_market, a_process, until
from tests.simulator.streaming import Venue
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT, CALENDAR, pinned_database


@pytest.fixture
async def market() -> AsyncIterator[Venue]:
    async with a_market() as venue:
        yield venue


@pytest.fixture
async def process(market: Venue, database_url: str) -> AsyncIterator[Process]:
    async with a_process(market, database_url) as process:
        yield process


async def test_a_trade_wakes_the_watch_which_sells_without_asking(process: Process, market: Venue) -> None:
    entry = await process.desk.buys()
    watching = asyncio.create_task(process.desk.watches(entry))
    await process.hears_of()
    await process.knows_price(process.moves(0.975))
    market.simulation.add_fault(kind="http_error", path="intstock-multprice", count=0)
    process.moves(0.992)

    async with asyncio.timeout(4):
        signal = await watching

    assert signal.reason is ExitReason.STOP_LOSS


async def test_what_is_heard_is_not_asked_for_and_one_field_more_changes_nothing(
    process: Process, market: Venue
) -> None:
    market.simulation.add_fault(kind="stream_extra_field", path="stream", count=0)
    await process.hears_of()
    asked = process.asked()
    price = process.moves(1.005)

    await process.knows_price(price)

    for _ in range(10):
        await process.desk.feed.quotes([SAMSUNG], timedelta(seconds=0.1), Lane.WATCH, timedelta(seconds=30))
        await asyncio.sleep(0.12)
    assert process.asked() == asked


async def test_an_absurd_price_changes_nothing(process: Process, market: Venue) -> None:
    await process.hears_of()
    market.simulation.add_fault(kind="stream_absurd_price", path="stream", tr_id="H0STCNT0", count=3)
    price = process.moves(1.005)

    await process.knows_price(price)
    assert (await process.price()) == price


async def test_after_a_cut_the_gap_is_filled_by_asking_and_a_new_session_goes_on(
    process: Process, market: Venue
) -> None:
    await process.hears_of()
    asked = process.asked()
    with process.desk.feed.watching(SAMSUNG) as news, process.desk.notices.listening(SAMSUNG) as notices:
        market.simulation.add_fault(kind="stream_cut", path="stream")
        await until(lambda: not process.owns_session, "the cut is noticed")
        assert news.is_set()
        assert notices.is_set()
    await process.price()
    await process.hears_of()
    price = process.moves(1.005)
    await process.knows_price(price)

    assert process.asked() > asked


@pytest.mark.slow
async def test_a_stock_that_trades_without_ticks_is_polled_registered_again_and_costs_the_session_its_trust(
    process: Process, market: Venue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "haru.stream")
    await process.hears_of()
    market.simulation.add_fault(kind="stream_silent", path="stream", tr_id="H0STCNT0", count=0)
    looking = asyncio.create_task(_looks(process))

    await until(lambda: not process.desk.feed.coverage.covers(SAMSUNG), "the silence is noticed")
    price = process.moves(1.02)
    await process.knows_price(price)
    await until(lambda: logged(caplog, "stream_connected") == 2, "a new session is opened")
    looking.cancel()

    assert logged(caplog, "stream_registered_again") == 1


@pytest.mark.slow
async def test_no_session_is_opened_while_the_last_minute_had_enough(
    market: Venue, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with pinned_database(database_url) as database:
        await database.stream_leases.take(ACCOUNT, "earlier")
        for _ in range(SESSIONS_A_MINUTE):
            assert await database.stream_leases.turn_to_open(ACCOUNT, "earlier") == timedelta(0)
        await database.stream_leases.release(ACCOUNT, "earlier")
        async with a_process(market, database_url) as process:
            await until(lambda: logged(caplog, "stream_sessions_spent") > 0, "the bound is reported")
            assert not process.owns_session
            await database._pool.execute("UPDATE stream_leases SET opened_at = '{}'")

            await until(lambda: process.owns_session, "a session is open")


async def test_a_silent_stock_without_watchers_costs_no_session(
    process: Process, market: Venue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "haru.stream")
    await process.hears_of()
    monkeypatch.setattr(activities.market.quote_feed, "_OF_INTEREST", timedelta(seconds=0.5))
    market.simulation.add_fault(kind="stream_silent", path="stream", tr_id="H0STCNT0", count=0)
    looking = asyncio.create_task(_looks(process))
    await until(lambda: logged(caplog, "stream_registered_again") == 1, "the silence is noticed")

    looking.cancel()
    await asyncio.sleep(2.5)

    assert logged(caplog, "stream_connected") == 1
    assert process.owns_session


async def test_a_stream_that_says_nothing_at_all_is_opened_again(
    market: Venue, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "haru.stream")
    async with a_process(market, database_url, silence=1.0) as process:
        await process.hears_of()
        market.simulation.clear_faults()
        market.simulation.add_fault(kind="stream_silent", path="stream", count=0)
        await until(lambda: logged(caplog, "stream_connected") >= 2, "a new session is opened")

    assert any("no message for 1 s" in getattr(record, "cause", "") for record in caplog.records)


async def test_a_session_taken_by_somebody_else_is_not_fought_for_and_prices_come_by_asking(
    process: Process, market: Venue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "haru.stream")
    await process.hears_of()
    market.simulation.add_fault(kind="stream_stolen", path="stream", seconds=1)
    await until(lambda: not process.owns_session, "the session is lost")
    price = process.moves(1.02)

    assert await process.price(age=timedelta(0)) == price
    await until(lambda: logged(caplog, "stream_connected") >= 2 and process.owns_session, "the session is ours again")
    await process.hears_of()
    assert logged(caplog, "stream_lost") <= 5


async def test_a_circuit_breaker_that_the_stream_reports_shuts_entries_until_it_is_over(
    process: Process, market: Venue
) -> None:
    await process.hears_of()
    market.simulation.add_fault(kind="stream_extra_field", path="stream", count=0)
    clock = process.desk.pace.clock
    fleet = Fleet(cast("Any", None), process.desk.database, ACCOUNT, Environment.SIMULATED, clock, CALENDAR)
    duty, today = PhaseDuty(fleet), session_date_of(fleet.market_now())
    market.simulation.break_circuit(1, None)

    await _says(process, MarketWord.HALTED)
    await duty.look()
    assert await process.desk.database.risk.closed_because(ACCOUNT, today) == (
        "the exchange has halted trading (message 174)",
    )
    logged = {event.kind: event for event in await process.desk.database.events.latest(ACCOUNT, 20)}
    assert logged[EventKind.MARKET_MESSAGE].level is EventLevel.WARNING

    later = replace(fleet, clock=MarketClock(clock.real_anchor, clock.market_anchor + LONGEST_HALT))
    await PhaseDuty(later).look()
    assert await process.desk.database.risk.closed_because(ACCOUNT, today) == ()


async def _says(process: Process, word: MarketWord) -> None:
    async with asyncio.timeout(12):
        while True:
            kept = await process.desk.database.market_messages.latest(ACCOUNT)
            if kept is not None and kept.word is word:
                return
            await asyncio.sleep(0.05)


async def test_held_stocks_are_registered_before_candidates_and_no_more_than_may_be(database_url: str) -> None:
    five = replace(BOUNDS, registrations=5)
    async with a_market(listings=6) as market, a_process(market, database_url, bounds=five) as process:
        busier = [Symbol(symbol) for symbol in market.simulation.exchange.tapes if symbol != SAMSUNG]
        await process.desk.feed.quotes(busier, AN_HOUR, Lane.SCAN)
        await _has_registered(process, 3)
        await process.desk.buys(SAMSUNG)
        await until(lambda: process.desk.feed.coverage.covers(SAMSUNG), "what is held is registered")
        state = await _has_registered(process, 3, SAMSUNG)

    assert state.connected_since is not None


async def _has_registered(process: Process, count: int, *among: Symbol) -> StreamState:
    async with asyncio.timeout(10):
        while True:
            state = await process.desk.database.stream_leases.state(ACCOUNT)
            if state is not None and len(state.symbols) == count and {*among} <= {*state.symbols}:
                return state
            await asyncio.sleep(0.05)


async def test_another_process_hears_it_too_and_takes_over_when_the_first_ends(
    process: Process, market: Venue, database_url: str
) -> None:
    await process.hears_of()
    async with a_process(market, database_url) as other:
        await other.hears_of()
        assert process.owns_session
        assert not other.owns_session
        with other.desk.notices.listening(SAMSUNG) as notices:
            price = process.moves(1.005)
            await other.knows_price(price)
            await process.desk.buys()
            await until(notices.is_set, "the other process hears of the order")
        process.keeping.cancel()
        await until(lambda: other.owns_session, "the session is taken over")
        await other.hears_of()
        price = other.moves(0.995)
        await other.knows_price(price)


async def test_a_notice_wakes_who_follows_the_order(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activities.orders, "_LOOK_INTERVAL", timedelta(seconds=30))
    await process.hears_of()
    entry = await process.rests()
    following = asyncio.create_task(process.desk.follows(entry.intent_id, timedelta(seconds=60)))
    await asyncio.sleep(0.3)
    process.moves(0.95, volume=1_000_000)

    async with asyncio.timeout(5):
        record = await following

    assert record.status is OrderStatus.FILLED


async def test_a_notice_wakes_who_looks_for_an_order_whose_reply_was_lost(
    process: Process, market: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities.resolving, "_LOOK_INTERVAL", timedelta(seconds=30))
    await process.hears_of()
    market.simulation.add_fault(kind="drop_reply_after", path="order-cash")
    market.simulation.add_fault(kind="lag_orders", path="inquire-daily-ccld", seconds=1, count=1)
    entry = await process.rests()
    resolving = asyncio.create_task(
        process.desk.does(process.desk.resolving.resolve_order, ResolveRequest(entry.intent_id))
    )
    await asyncio.sleep(1)
    process.moves(0.95, volume=1_000_000)

    async with asyncio.timeout(5):
        record = await resolving

    assert record.status is OrderStatus.ACCEPTED


@pytest.mark.parametrize("kind", ["notice_lost", "notice_twice", "notice_swapped", "stream_new_keys"])
async def test_a_fill_is_booked_once_whatever_becomes_of_its_notice(process: Process, market: Venue, kind: str) -> None:
    await process.hears_of()
    market.simulation.add_fault(kind=kind, path="stream", count=1 if kind == "stream_new_keys" else 0)
    entry = await process.rests()
    following = asyncio.create_task(process.desk.follows(entry.intent_id, timedelta(seconds=20)))
    await asyncio.sleep(0.2)
    process.moves(0.95, volume=1_000_000)

    async with asyncio.timeout(5):
        record = await following
    again = await process.desk.follows(entry.intent_id, timedelta(0))

    fills = await process.desk.database.orders.count_fills(ACCOUNT, record.intent.session_date)
    assert (record.status, fills) == (OrderStatus.FILLED, len(process.desk.sent[0].fills))
    assert again.filled_quantity == record.filled_quantity == entry.quantity


async def test_a_bug_in_the_stream_costs_the_stream_and_not_the_process(
    process: Process, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await process.hears_of()

    def broken(_: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(process.desk.feed, "take", broken)
    price = process.moves(1.02)
    await until(lambda: logged(caplog, "stream_failed") == 1, "the bug is logged")

    assert not process.keeping.done()
    assert not process.owns_session
    assert await process.price(age=timedelta(0)) == price


async def _looks(process: Process) -> None:
    while True:
        await process.price(age=timedelta(seconds=0.5))
        await asyncio.sleep(0.2)


def logged(caplog: pytest.LogCaptureFixture, event: str) -> int:
    return sum(record.getMessage() == event for record in caplog.records)
