"""How old a price or status may be: each limit is exact in market time, on both sides."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.account.beside import PriceInSight
from activities.market.quote_feed import QuoteFeed
from activities.watch.messages import WatchRequest
from domain.clock import MarketClock
from domain.exits import ExitSignal
from domain.lane import Lane
from domain.market import InstrumentStatus, Symbol
from domain.position import ExitReason
from domain.rules import ExecutionRules
from tests.activities.desk import OPENS_AT, Desk, HandPace
from tests.activities.test_ticks import Market
from tests.support.builders import SAMSUNG, a_status
from tests.support.stepping import RULES, kst

RULE = ExecutionRules()
A_MOMENT = timedelta(milliseconds=1)


def fast(monkeypatch: pytest.MonkeyPatch, speed: int) -> None:
    anchor = kst(OPENS_AT)
    monkeypatch.setattr(HandPace, "clock", property(lambda _: MarketClock(anchor, anchor, speed)))


@pytest.mark.parametrize("speed", [1, 60])
@pytest.mark.parametrize(("more", "decides"), [(-A_MOMENT, True), (timedelta(0), True), (A_MOMENT, False)])
async def test_a_watch_decides_on_a_known_price_up_to_its_greatest_age(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, speed: int, more: timedelta, *, decides: bool
) -> None:
    fast(monkeypatch, speed)
    entry = await desk.buys()
    desk.simulation.force_price(SAMSUNG, round(desk.price() * 0.9), natural=False)
    desk.passes(seconds=1)
    found = await desk.feed.quotes([SAMSUNG], timedelta(0), Lane.SCAN)
    desk.simulation.add_fault(kind="http_error", path="quotations", count=0)
    desk.simulation.move_clock(found[SAMSUNG].observed_at + RULE.greatest_quote_age * speed + more)
    request = WatchRequest(entry.position_id, SAMSUNG, entry.lease, RULES, desk.pace.now() + timedelta(seconds=speed))

    signal: ExitSignal = await desk.does(desk.watching.watch_position, request)

    assert (signal.reason is ExitReason.STOP_LOSS) is decides
    assert (signal.seen is not None) is decides


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
def feed(market: Market) -> QuoteFeed:
    return QuoteFeed(market, market)  # type: ignore[arg-type]


async def refreshed(feed: QuoteFeed, market: Market) -> int:
    """Let a watch refresh its price once; return how often it has asked the broker so far."""
    async with PriceInSight(feed, market, SAMSUNG, RULE) as price:  # type: ignore[arg-type]
        await ActivityEnvironment().run(_refresh, price)
    return len(market.asked)


async def _refresh(price: PriceInSight) -> None:
    await price.refresh(asyncio.Event(), timedelta(seconds=20))


@pytest.mark.parametrize("speed", [1, 60])
@pytest.mark.parametrize("covered", [False, True])
async def test_a_watch_asks_when_its_price_is_older_than_a_look_or_half_its_greatest_age_if_covered(
    feed: QuoteFeed, market: Market, speed: int, *, covered: bool
) -> None:
    market.clock = MarketClock(market.now_is, market.now_is, speed)
    longest = (RULE.greatest_quote_age / 2 if covered else RULE.price_interval).total_seconds() * speed
    await feed.quotes([SAMSUNG], timedelta(0), Lane.WATCH)
    if covered:
        feed.cover([SAMSUNG])
        await feed.quotes([SAMSUNG], timedelta(0), Lane.WATCH)
    before = len(market.asked)

    market.passes(longest)
    assert await refreshed(feed, market) == before
    market.passes(0.001)
    assert await refreshed(feed, market) == before + 1


async def test_a_price_is_fresh_to_the_moment_and_no_longer(feed: QuoteFeed, market: Market) -> None:
    age = timedelta(seconds=3)
    await feed.quotes([SAMSUNG], age, Lane.SCAN)

    market.passes(3)
    await feed.quotes([SAMSUNG], age, Lane.SCAN)
    assert len(market.asked) == 1
    market.passes(0.001)
    await feed.quotes([SAMSUNG], age, Lane.SCAN)
    assert len(market.asked) == 2


async def test_a_price_from_before_a_clock_was_set_back_is_not_fresh(feed: QuoteFeed, market: Market) -> None:
    await feed.quotes([SAMSUNG], timedelta(seconds=3), Lane.SCAN)

    market.passes(-600)
    await feed.quotes([SAMSUNG], timedelta(seconds=3), Lane.SCAN)

    assert len(market.asked) == 2


async def test_cover_never_makes_a_price_older_sooner(feed: QuoteFeed, market: Market) -> None:
    await feed.quotes([SAMSUNG], timedelta(0), Lane.SCAN)
    feed.cover([SAMSUNG])
    await feed.quotes([SAMSUNG], timedelta(0), Lane.SCAN)
    market.passes(2)

    await feed.quotes([SAMSUNG], timedelta(seconds=3), Lane.SCAN, timedelta(seconds=1))

    assert len(market.asked) == 2


async def test_a_status_is_asked_for_again_when_it_is_older_than_was_wished(
    feed: QuoteFeed, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Symbol] = []

    async def instrument_status(symbol: Symbol, _: Lane) -> InstrumentStatus:
        asked.append(symbol)
        return a_status()

    monkeypatch.setattr(market, "instrument_status", instrument_status, raising=False)
    age = timedelta(seconds=30)
    await feed.status(SAMSUNG, age, Lane.ENTRY)

    market.passes(30)
    await feed.status(SAMSUNG, age, Lane.ENTRY)
    assert len(asked) == 1
    market.passes(0.001)
    assert feed.known_status(SAMSUNG, age) is None
    await feed.status(SAMSUNG, age, Lane.ENTRY)
    assert len(asked) == 2


async def test_a_stock_is_of_interest_for_half_a_minute(feed: QuoteFeed, market: Market) -> None:
    await feed.quotes([SAMSUNG], timedelta(seconds=3), Lane.SCAN)

    market.passes(30)
    assert feed.of_interest() == (SAMSUNG,)
    market.passes(0.001)
    assert feed.of_interest() == ()


@pytest.mark.parametrize(("later", "asks"), [(A_MOMENT, 1), (timedelta(0), 0)])
async def test_a_covered_stock_is_asked_for_once_if_its_price_is_from_before_the_purchase(
    feed: QuoteFeed, market: Market, later: timedelta, asks: int
) -> None:
    feed.cover([SAMSUNG])
    found = await feed.quotes([SAMSUNG], timedelta(0), Lane.WATCH)
    before = len(market.asked)

    feed.need_price_since(SAMSUNG, found[SAMSUNG].observed_at + later)

    assert await refreshed(feed, market) == before + asks
    assert await refreshed(feed, market) == before + asks
