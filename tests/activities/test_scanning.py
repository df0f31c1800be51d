"""Scanning: every stock accounted for, within the rate budget, until there is a candidate to buy."""

import asyncio
import itertools
import time
from collections import deque
from dataclasses import replace
from datetime import timedelta

import pytest

from activities.market.quote_feed import _REFERENCES_PER_CALL, QuoteFeed
from activities.market_data import Findings, MarketDataActivities, ScanRequest
from domain.lane import Lane
from domain.lock import Lease
from domain.market import Symbol
from domain.money import Price
from domain.rules import ScreeningRules, UniverseRules
from domain.screening import ScreeningFilter
from simulator import charts
from tests.activities.desk import PLAN, Desk
from tests.broker.parts import a_price_row, success
from tests.support.builders import HYNIX, SAMSUNG, WORKER, a_reference
from tests.support.stepping import ACCOUNT, RULES, SYMBOLS, a_broker

CALLS_PER_SECOND = 18


async def test_each_stock_is_a_candidate_or_counted_by_the_filter_that_dropped_it(desk: Desk) -> None:
    assert isinstance(await desk.database.locks.acquire(ACCOUNT, SAMSUNG, WORKER), Lease)
    await desk.database.risk.cool_down(ACCOUNT, SYMBOLS[1], desk.pace.now() + timedelta(minutes=5))

    report = await desk.does(desk.market_data.scan, desk.scan_request())

    assert report.looked_at == len(SYMBOLS) == sum(report.dropped.values()) + len(report.candidates)
    assert report.dropped[ScreeningFilter.LOCKED] == report.dropped[ScreeningFilter.COOLDOWN] == 1
    counted = await desk.database.events.dropped_on(ACCOUNT, PLAN.session.date)
    assert counted[WORKER] == {name.value: number for name, number in report.dropped.items()}


async def test_a_flagged_stock_that_a_strategy_would_buy_is_dropped(desk: Desk) -> None:
    rising = _breaks_out(desk)
    desk.simulation.set_conditions(HYNIX, flags=["overheated"])

    report = await desk.does(desk.market_data.scan, rising)

    assert HYNIX not in {candidate.symbol for candidate in report.candidates}
    assert report.dropped[ScreeningFilter.TRADING_FLAG] == 1


async def test_a_scan_goes_on_until_a_strategy_would_buy(desk: Desk) -> None:
    await desk.registers()
    request = _breaks_out(desk)

    candidates = (await desk.does(desk.market_data.find_candidates, request)).candidates

    assert HYNIX in {candidate.symbol for candidate in candidates}


async def test_a_code_that_the_broker_does_not_know_is_reported_once_and_the_others_are_bought(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.registers()
    request = _breaks_out(desk)
    universe = replace(request.rules.universe, symbols=(Symbol("999999"), *request.rules.universe.symbols))
    request = replace(request, rules=replace(request.rules, universe=universe))

    found = [(await desk.does(desk.market_data.find_candidates, request)).candidates for _ in range(2)]

    assert all(HYNIX in {candidate.symbol for candidate in candidates} for candidates in found)
    left_out = [record.__dict__["symbol"] for record in caplog.records if record.getMessage() == "stock_left_out"]
    assert left_out == ["999999"]


async def test_a_candidate_on_a_board_that_is_not_ours_is_left_out_and_the_others_are_bought(desk: Desk) -> None:
    await desk.registers()
    request = _breaks_out(desk)
    desk.price_moves(0.04, SAMSUNG)
    konex = success(output=a_price_row(rprs_mrkt_kor_name="KONEX")).text
    desk.simulation.add_fault(kind="garbage", path="inquire-price", count=1, body=konex)

    candidates = (await desk.does(desk.market_data.find_candidates, request)).candidates

    assert len(candidates) == 1


async def test_a_scan_ends_empty_when_the_time_for_entries_is_over(desk: Desk) -> None:
    await desk.registers()
    desk.simulation.move_clock(PLAN.entries_until - timedelta(seconds=5))
    request = desk.scan_request(screening=ScreeningRules(least_price=Price(10**9)))

    assert await desk.does(desk.market_data.find_candidates, request) == Findings()
    assert desk.pace.pauses == 3


async def test_a_worker_that_may_not_buy_does_not_look_either_and_says_why_once(desk: Desk) -> None:
    await desk.registers()
    request = _breaks_out(desk)
    await desk.database.risk.press_kill_switch(ACCOUNT, "operator", "test")
    desk.simulation.move_clock(PLAN.entries_until - timedelta(seconds=30))
    calls = desk.simulation.calls.total

    found = await desk.does(desk.market_data.find_candidates, request)

    assert found.candidates == ()
    assert desk.simulation.calls.total == calls
    assert (await desk.database.events.denials_on(ACCOUNT, PLAN.session.date))[WORKER] == {"KILL_SWITCH_ON": 1}
    (row,) = await desk.database.workers.board(ACCOUNT, PLAN.session.date)
    assert row.last_event == "not buying: the kill switch is on"


async def test_a_worker_looks_again_as_soon_as_it_may_buy(desk: Desk) -> None:
    await desk.registers()
    request = _breaks_out(desk)
    await desk.database.risk.press_kill_switch(ACCOUNT, "operator", "test")
    waiting = asyncio.create_task(desk.does(desk.market_data.find_candidates, request))
    await desk.database.risk.lift_kill_switch(ACCOUNT, "operator")

    assert (await waiting).candidates


async def test_a_pause_that_is_over_is_no_longer_shown(desk: Desk) -> None:
    await desk.registers()
    request = desk.scan_request(screening=ScreeningRules(least_price=Price(10**9)))
    await desk.database.risk.press_kill_switch(ACCOUNT, "operator", "test")
    scanning = asyncio.create_task(desk.does(desk.market_data.find_candidates, request))

    await _is_shown(desk, "not buying: the kill switch is on")
    await desk.database.risk.lift_kill_switch(ACCOUNT, "operator")
    await _is_shown(desk, "scanning")

    assert not scanning.done()
    scanning.cancel()
    await asyncio.gather(scanning, return_exceptions=True)


async def test_a_broker_out_of_reach_postpones_the_scan(desk: Desk) -> None:
    await desk.registers()
    request = _breaks_out(desk)
    desk.simulation.add_fault(kind="http_error", path="intstock-multprice", count=3)
    desk.passes(seconds=10)

    candidates = (await desk.does(desk.market_data.find_candidates, request)).candidates

    assert candidates
    assert desk.pace.pauses >= 1


async def test_a_scan_of_the_whole_market_takes_less_than_two_seconds_within_the_rate(desk: Desk) -> None:
    everything = tuple(Symbol(symbol) for symbol in desk.simulation.exchange.tapes)
    _draw(desk, everything)
    budget = desk.database.rate_budget(ACCOUNT, CALLS_PER_SECOND)
    async with a_broker(desk.simulation, desk.database, desk.pace.now, budget) as broker:
        await broker.quotes([SAMSUNG], Lane.SCAN)
        feed = QuoteFeed(broker, desk.pace)
        for symbol in everything[_REFERENCES_PER_CALL:]:
            feed._references[symbol, PLAN.session.date] = a_reference(symbol=symbol)
        scanner = MarketDataActivities(feed, broker, desk.database, desk.pace, desk.day_start, guard=desk.guard)
        request = desk.scan_request(universe=UniverseRules(ranking_size=0, symbols=everything))

        scans = [await _timed(desk, scanner, request) for _ in range(3)]

    assert {looked_at for looked_at, _ in scans} == {len(everything)}
    assert len(everything) >= 40
    assert min(took for _, took in scans) < 2
    assert desk.simulation.calls.most_in_a_second <= CALLS_PER_SECOND


async def test_thirty_stocks_fit_into_one_call_however_many_watch_them(desk: Desk) -> None:
    everything = [Symbol(symbol) for symbol in desk.simulation.exchange.tapes][:31]
    before = desk.simulation.calls.by_tr_id["FHKST11300006"]

    with desk.feed.watching(everything[0]), desk.feed.watching(everything[0]):
        quotes = await desk.feed.quotes(everything[1:], timedelta(seconds=1), Lane.WATCH)
        again = await desk.feed.quotes(everything[:1], timedelta(seconds=1), Lane.WATCH)

    assert len(quotes) == 30
    assert set(again) == {everything[0]}
    assert desk.simulation.calls.by_tr_id["FHKST11300006"] - before == 2


async def test_watchers_at_the_same_moment_share_one_call(desk: Desk) -> None:
    before = desk.simulation.calls.by_tr_id["FHKST11300006"]
    with desk.feed.watching(SAMSUNG), desk.feed.watching(HYNIX):
        await asyncio.gather(
            *(desk.feed.quotes([symbol], timedelta(seconds=1), Lane.WATCH) for symbol in (SAMSUNG, HYNIX) * 10)
        )

    assert desk.simulation.calls.by_tr_id["FHKST11300006"] - before == 1


async def _is_shown(desk: Desk, word: str) -> None:
    async with asyncio.timeout(5):
        while (await desk.database.workers.board(ACCOUNT, PLAN.session.date))[0].last_event != word:
            await asyncio.sleep(0.01)


async def _timed(desk: Desk, scanner: MarketDataActivities, request: ScanRequest) -> tuple[int, float]:
    """Scan with fresh quotes; return the number of stocks scanned and the duration in real seconds."""
    desk.passes(seconds=5)
    began = time.monotonic()
    report = await desk.does(scanner.scan, request)
    return report.looked_at, time.monotonic() - began


def _breaks_out(desk: Desk) -> ScanRequest:
    """Raise one stock just above its target, and return a scan whose strategy buys it."""
    desk.price_moves(0.04, HYNIX)
    rules = replace(RULES.strategy, names=("volatility_breakout",))
    return desk.scan_request(strategy=rules, universe=UniverseRules(0, (SAMSUNG, HYNIX)))


def _draw(desk: Desk, symbols: tuple[Symbol, ...]) -> None:
    """Let the simulator generate its data now, so that the measurement excludes that work."""
    exchange = desk.simulation.exchange
    for symbol in symbols:
        desk.simulation.look_at(symbol)
    for symbol in symbols[:_REFERENCES_PER_CALL]:
        seen = exchange.snapshot(symbol, desk.simulation.market_now())
        deque(itertools.islice(charts.days_of(exchange, seen), 12), maxlen=0)
