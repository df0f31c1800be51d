"""A streamed price counts only if it can be trusted and is new."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.market.quote_feed import QuoteFeed
from domain.clock import LIVE_CLOCK, MarketClock
from domain.lane import Lane
from domain.market import Quote, Symbol
from domain.money import Price, Quantity
from domain.tick_size import price_limits
from tests.support.builders import SAMSUNG
from tests.support.stepping import kst

TEN = kst("2026-11-23 10:00")
HYNIX = Symbol("000660")
CONFIRMED = timedelta(seconds=2.5)
FRESH = timedelta(seconds=0.5)


def a_quote(price: int = 70_000, volume: int = 1_000, symbol: Symbol = SAMSUNG, **changes: Any) -> Quote:
    quote = Quote(symbol, Price(price), TEN, Price(price), Price(price + 100), volume=Quantity(volume))
    known: dict[str, Any] = {"limits": price_limits(Price(70_000)), "name": "삼성전자"}
    return replace(quote, **(known | changes))


def a_tick(price: int = 70_100, volume: int = 1_001, after: float = 1, **changes: Any) -> Quote:
    at = TEN + timedelta(seconds=after)
    return a_quote(price, volume, **({"observed_at": at, "limits": None, "name": ""} | changes))


@dataclass
class Market:
    """A broker that answers price queries, and a clock that the test moves."""

    now_is: datetime = TEN
    quote: Quote = field(default_factory=a_quote)
    asked: list[tuple[Symbol, ...]] = field(default_factory=list)
    meanwhile: Any = None
    clock: MarketClock = LIVE_CLOCK
    stocks_per_call: int = 30

    def now(self) -> datetime:
        return self.now_is

    async def quotes(self, symbols: Sequence[Symbol], _: Lane) -> dict[Symbol, Quote]:
        self.asked.append(tuple(symbols))
        answer = replace(self.quote, observed_at=self.now_is)
        if self.meanwhile is not None:
            self.passes(0.1)
            self.meanwhile()
        return {symbol: replace(answer, symbol=symbol) for symbol in symbols}

    def passes(self, seconds: float) -> None:
        self.now_is += timedelta(seconds=seconds)


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
def feed(market: Market) -> QuoteFeed:
    return QuoteFeed(market, market)  # type: ignore[arg-type]


async def price_in(feed: QuoteFeed, symbol: Symbol = SAMSUNG) -> Price:
    return (await feed.quotes([symbol], FRESH, Lane.WATCH, CONFIRMED))[symbol].price


async def test_a_tick_is_the_price_with_the_limits_and_the_name_that_were_asked_for(
    feed: QuoteFeed, market: Market
) -> None:
    await price_in(feed)
    market.passes(1)

    assert feed.take(a_tick())
    found = (await feed.quotes([SAMSUNG], FRESH, Lane.WATCH))[SAMSUNG]
    assert (found.price, found.limits, found.name) == (70_100, price_limits(Price(70_000)), "삼성전자")
    assert len(market.asked) == 1


@pytest.mark.parametrize(
    "tick",
    [
        a_tick(price=0),
        a_tick(price=99_000),
        a_tick(bid=Price(70_300), ask=Price(70_200)),
        a_tick(after=-6, volume=2_000),
        a_tick(after=9),
        a_tick(volume=999),
        a_tick(volume=1_000, after=-1),
        a_tick(after=-86_400),
        a_tick(symbol=HYNIX),
    ],
    ids=["none", "outside", "crossed", "late", "future", "outrun", "before", "yesterday", "unknown"],
)
async def test_a_tick_that_is_absurd_old_or_about_an_unknown_stock_changes_nothing(
    feed: QuoteFeed, market: Market, tick: Quote
) -> None:
    await price_in(feed)
    market.passes(0.1)

    with feed.watching(SAMSUNG) as news:
        assert not feed.take(tick)
        assert not news.is_set()
    assert await price_in(feed) == 70_000
    assert len(market.asked) == 1


async def test_without_limits_of_today_no_tick_counts(feed: QuoteFeed, market: Market) -> None:
    market.quote = a_quote(limits=None)
    await price_in(feed)
    market.passes(1)

    assert not feed.take(a_tick())


async def test_an_answer_that_a_trade_has_outrun_does_not_bring_the_old_price_back(
    feed: QuoteFeed, market: Market
) -> None:
    await price_in(feed)
    market.passes(1)
    market.meanwhile = lambda: feed.take(a_tick(after=1.1))

    assert await price_in(feed) == 70_100
    assert len(market.asked) == 2


async def test_each_attempt_has_a_bell_of_its_own(feed: QuoteFeed, market: Market) -> None:
    await price_in(feed)
    market.passes(1)
    with feed.watching(SAMSUNG) as first, feed.watching(HYNIX) as other:
        with feed.watching(SAMSUNG):
            pass
        feed.take(a_tick())
        assert first.is_set()
        assert not other.is_set()
    first.clear()
    feed.take(a_tick(after=1.1))
    assert not first.is_set(), "no caller waits for it any more"


async def test_silence_confirms_a_price_only_while_the_stream_speaks_for_the_stock(
    feed: QuoteFeed, market: Market
) -> None:
    await price_in(feed)
    feed.cover([SAMSUNG])
    await price_in(feed)
    assert len(market.asked) == 2, "what was missed before is asked for once"

    for _ in range(4):
        market.passes(0.6)
        feed.cover([SAMSUNG])
        await price_in(feed)
    assert len(market.asked) == 2
    market.passes(0.6)
    await price_in(feed)
    assert len(market.asked) == 3, "and confirmed now and then"
    market.passes(3.1)
    assert not feed.coverage.covers(SAMSUNG)
    market.passes(-2.0)
    feed.forget_stream()
    await price_in(feed)
    assert len(market.asked) == 4


async def test_a_sale_trusts_no_silence(feed: QuoteFeed, market: Market) -> None:
    await price_in(feed)
    feed.cover([SAMSUNG])
    await price_in(feed)
    market.passes(0.6)

    await feed.quotes([SAMSUNG], FRESH, Lane.EXIT)
    assert len(market.asked) == 3


async def test_a_stock_that_trades_without_a_tick_loses_its_cover_and_a_tick_brings_it_back(
    feed: QuoteFeed, market: Market
) -> None:
    for volume in (1_000, 1_010, 1_020):
        feed.cover([SAMSUNG])
        market.quote = a_quote(volume=volume)
        await price_in(feed)
        market.passes(2.6)
    assert feed.coverage.silent() == (SAMSUNG,)
    feed.cover([SAMSUNG])
    assert not feed.coverage.covers(SAMSUNG)

    assert feed.take(a_tick(volume=1_030, after=7.8))
    assert feed.coverage.silent() == ()
    assert feed.coverage.covers(SAMSUNG)


async def test_a_stock_that_does_not_trade_keeps_its_cover(feed: QuoteFeed, market: Market) -> None:
    for _ in range(4):
        feed.cover([SAMSUNG])
        market.quote = a_quote(volume=1_000)
        await price_in(feed)
        market.passes(2.6)

    assert feed.coverage.silent() == ()


async def test_a_tick_between_two_answers_clears_the_suspicion(feed: QuoteFeed, market: Market) -> None:
    for volume in (1_000, 1_010, 1_020, 1_030):
        feed.cover([SAMSUNG])
        market.quote = a_quote(volume=volume)
        await price_in(feed)
        market.passes(2.6)
        feed.take(a_tick(volume=volume + 5, observed_at=market.now()))

    assert feed.coverage.silent() == ()


async def test_many_ticks_leave_half_an_hour_of_the_path(feed: QuoteFeed, market: Market) -> None:
    await price_in(feed)
    for number in range(1, 3_601):
        market.passes(0.5)
        feed.take(a_tick(70_000 + 100 * (number % 3), 1_000 + number, observed_at=market.now()))

    path = feed.view_of(feed._prices.known[SAMSUNG]).recent
    assert path[-1].at == market.now()
    assert path[-1].at - path[0].at >= timedelta(minutes=29)


async def test_what_was_asked_for_lately_is_of_interest_the_busiest_first(feed: QuoteFeed, market: Market) -> None:
    market.quote = a_quote(turnover=1)
    await price_in(feed, HYNIX)
    market.passes(20)
    market.quote = a_quote(turnover=9)
    await price_in(feed)
    assert feed.of_interest() == (SAMSUNG, HYNIX)

    market.passes(20)
    assert feed.of_interest() == (SAMSUNG,)
    await asyncio.sleep(0)
