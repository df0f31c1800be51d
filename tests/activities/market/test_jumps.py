"""A streamed price that jumps waits for the broker's confirmation, but not without limit if the broker is silent."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from activities.market.jumps import AGREEING, UNANSWERED_FOR
from activities.market.quote_feed import QuoteFeed
from domain.errors import BrokerUnavailableError
from domain.lane import Lane
from domain.market import Quote, Symbol
from tests.activities.test_ticks import CONFIRMED, FRESH, HYNIX, Market, a_quote, a_tick, price_in
from tests.support.builders import SAMSUNG

FALLEN = 66_500
PATIENCE = UNANSWERED_FOR.total_seconds()


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
async def feed(market: Market) -> QuoteFeed:
    feed = QuoteFeed(market, market)  # type: ignore[arg-type]
    await price_in(feed)
    market.passes(0.1)
    return feed


class Forger:
    """Ticks in sequence, each with one share more than the last."""

    def __init__(self, feed: QuoteFeed, market: Market) -> None:
        self.feed, self.market, self.volume = feed, market, 1_000

    def says(self, price: int, **changes: Any) -> bool:
        self.volume += 1
        given: dict[str, Any] = {"volume": self.volume, "observed_at": self.market.now()}
        return self.feed.take(a_tick(price, **(given | changes)))


@pytest.fixture
def stream(feed: QuoteFeed, market: Market) -> Forger:
    return Forger(feed, market)


def known(feed: QuoteFeed, symbol: Symbol = SAMSUNG) -> int:
    quote = feed.known_quote(symbol)
    assert quote is not None
    return quote.price


def away(market: Market) -> None:
    """Let the broker refuse every connection."""

    def refuse() -> None:
        raise BrokerUnavailableError("away")

    market.meanwhile = refuse


async def asks(feed: QuoteFeed) -> None:
    with suppress(BrokerUnavailableError):
        await price_in(feed)


async def test_an_ordinary_move_counts_at_once(feed: QuoteFeed, market: Market, stream: Forger) -> None:
    assert stream.says(69_300)

    assert await price_in(feed) == 69_300
    assert len(market.asked) == 1


async def test_one_forged_tick_is_asked_about_and_never_becomes_the_price(
    feed: QuoteFeed, market: Market, stream: Forger
) -> None:
    with feed.watching(SAMSUNG) as news:
        assert not stream.says(FALLEN)
        assert news.is_set()
    assert known(feed) == 70_000
    market.quote = a_quote(volume=1_001)

    assert await price_in(feed) == 70_000
    assert len(market.asked) == 2
    assert stream.says(70_100)
    assert FALLEN not in {sample.price for sample in feed.view_of(a_quote()).recent}


async def test_a_jump_that_the_broker_confirms_costs_one_call(feed: QuoteFeed, market: Market, stream: Forger) -> None:
    assert not stream.says(FALLEN)
    market.quote = a_quote(FALLEN, 1_001)

    assert await price_in(feed) == FALLEN
    assert stream.says(FALLEN - 100), "what follows is near the confirmed price"
    assert len(market.asked) == 2


async def test_an_ordinary_tick_after_a_forged_one_ends_the_question(
    feed: QuoteFeed, market: Market, stream: Forger
) -> None:
    stream.says(FALLEN)
    stream.says(70_000)

    assert await price_in(feed) == 70_000
    assert len(market.asked) == 1


async def test_an_answer_that_was_on_its_way_before_the_jump_does_not_refute_it(
    feed: QuoteFeed, market: Market, stream: Forger
) -> None:
    market.passes(0.6)
    market.meanwhile = lambda: stream.says(FALLEN)
    with feed.watching(SAMSUNG) as news:
        assert await price_in(feed) == 70_000
        assert news.is_set()
    market.meanwhile, market.quote = None, a_quote(FALLEN, 1_001)

    assert await price_in(feed) == FALLEN
    assert len(market.asked) == 3


async def test_a_broker_that_lags_behind_the_stream_is_asked_again_until_it_has_the_last_word(
    feed: QuoteFeed, market: Market, stream: Forger
) -> None:
    stream.says(FALLEN)
    for _ in range(4):
        assert await price_in(feed) == 70_000
        market.passes(PATIENCE / 4)
    assert len(market.asked) == 5
    assert await price_in(feed) == 70_000
    assert await price_in(feed) == 70_000
    assert len(market.asked) == 6, "after so long its price counts"

    stream.says(FALLEN)
    market.quote = a_quote(FALLEN, 1_002)
    assert await price_in(feed) == FALLEN


async def test_while_the_broker_is_silent_ticks_that_agree_decide_by_the_mildest(
    feed: QuoteFeed, market: Market, stream: Forger
) -> None:
    away(market)
    stream.says(FALLEN)
    await asks(feed)
    for price in (FALLEN - 100, FALLEN + 200):
        market.passes(0.9)
        stream.says(price)
    assert known(feed) == 70_000
    market.passes(0.3)

    assert known(feed) == FALLEN + 200
    assert stream.says(FALLEN), "and what follows is compared with it"


async def test_a_forged_volume_does_not_keep_later_trades_from_agreeing(
    feed: QuoteFeed, market: Market, stream: Forger
) -> None:
    away(market)
    stream.says(FALLEN, volume=10**9)
    await asks(feed)
    for _ in range(AGREEING):
        market.passes(0.8)
        stream.says(FALLEN)

    assert known(feed) == FALLEN


@pytest.mark.parametrize(
    "ticks",
    [
        [{}],
        [{}, {}],
        [{}, {"volume": 1_001}, {"volume": 1_001}, {"volume": 1_001}],
        [{"after": 0}, {"after": 0}, {"after": 0}, {"after": 0}],
        [{}, {}, {"price": 70_000}, {}, {}],
        [{}, {}, {"price": 73_000}, {}, {}],
    ],
    ids=["one", "two", "same volume", "same time", "an ordinary one between", "another side between"],
)
async def test_ticks_that_do_not_agree_decide_nothing_however_long_the_broker_is_silent(
    feed: QuoteFeed, market: Market, stream: Forger, ticks: Sequence[dict[str, Any]]
) -> None:
    away(market)
    at = market.now()
    for changes in ticks:
        given = {"observed_at": at} if changes.get("after") == 0 else {}
        stream.says(changes.get("price", FALLEN), **given, **{k: v for k, v in changes.items() if k == "volume"})
        await asks(feed)
        market.passes(0.6)
    market.passes(PATIENCE)

    assert known(feed) == 70_000


async def test_ticks_that_agree_decide_nothing_while_no_question_is_open(
    feed: QuoteFeed, market: Market, stream: Forger
) -> None:
    for _ in range(2 * AGREEING):
        stream.says(FALLEN)
        market.passes(PATIENCE / AGREEING)

    assert known(feed) == 70_000
    assert await price_in(feed) == 70_000
    assert len(market.asked) == 2


async def test_a_question_that_hangs_counts_from_the_jump_on(feed: QuoteFeed, market: Market, stream: Forger) -> None:
    market.passes(0.6)
    asked, hanging = asyncio.Event(), asyncio.Event()

    async def hangs(*_: object) -> dict[Symbol, Quote]:
        asked.set()
        await hanging.wait()
        return {}

    market.quotes = hangs  # type: ignore[method-assign, assignment]
    question = asyncio.create_task(price_in(feed))
    await asked.wait()
    for _ in range(AGREEING):
        stream.says(FALLEN)
        market.passes(PATIENCE / AGREEING)
    market.passes(0.1)

    assert known(feed) == FALLEN
    hanging.set()
    assert await question == FALLEN


async def test_forged_ticks_at_the_old_price_and_a_great_volume_do_not_hide_a_fall(
    feed: QuoteFeed, market: Market, stream: Forger
) -> None:
    market.passes(0.6)
    stream.volume = 10**9
    market.quote = a_quote(FALLEN, 2_000)
    market.meanwhile = lambda: stream.says(70_000)
    market.passes(0.6)

    assert await price_in(feed) == FALLEN
    assert not stream.says(70_000)
    assert known(feed) == FALLEN


async def test_a_flood_of_forged_ticks_wakes_the_watches_at_once_and_then_after_a_pause(
    feed: QuoteFeed, market: Market, stream: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed._waking, "_pause", 0.5)
    woken = 0
    began = asyncio.get_running_loop().time()
    with feed.watching(SAMSUNG) as news:
        for _ in range(1_000):
            news.clear()
            stream.says(FALLEN)
            woken += news.is_set()
        elapsed = asyncio.get_running_loop().time() - began
        assert woken == 1 if elapsed < 0.5 else woken <= 1 + elapsed / 0.5
        news.clear()
        async with asyncio.timeout(30):
            await news.wait()


async def test_a_new_session_asks_anyway(feed: QuoteFeed, market: Market, stream: Forger) -> None:
    stream.says(FALLEN)
    feed.forget_stream()

    assert await price_in(feed) == 70_000
    assert len(market.asked) == 2
    assert stream.says(69_900)


async def test_twenty_held_stocks_that_gap_at_once_cost_two_calls(market: Market) -> None:
    held = [Symbol(f"{number:06d}") for number in range(1, 20)] + [HYNIX]
    feed = QuoteFeed(market, market)  # type: ignore[arg-type]
    await feed.quotes(held, FRESH, Lane.WATCH, CONFIRMED)
    market.passes(0.1)
    market.quote = a_quote(FALLEN, 1_001)

    async def answers(symbols: Sequence[Symbol], lane: Lane) -> dict[Symbol, Quote]:
        await asyncio.sleep(0.01)
        return await Market.quotes(market, symbols, lane)

    async def watch(symbol: Symbol) -> int:
        with feed.watching(symbol) as news:
            while known(feed, symbol) > 68_000:
                await news.wait()
                news.clear()
                await feed.quotes([symbol], FRESH, Lane.WATCH, CONFIRMED)
        return known(feed, symbol)

    market.quotes = answers  # type: ignore[method-assign, assignment]
    watches = [asyncio.create_task(watch(symbol)) for symbol in held]
    await asyncio.sleep(0)
    for symbol in held:
        feed.take(a_tick(FALLEN, 1_001, symbol=symbol, observed_at=market.now()))
        await asyncio.sleep(0)
    async with asyncio.timeout(30):
        found = await asyncio.gather(*watches)

    assert set(found) == {FALLEN}
    assert [len(call) for call in market.asked[1:]] in ([20], [20, 20])
