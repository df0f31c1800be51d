"""Concurrent callers: full batches of prices, no lane blocks another, one order list for all, no outdated answers."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from activities.market.order_list import OrderList
from activities.market.quote_feed import QuoteFeed
from domain.clock import LIVE_CLOCK, MarketClock
from domain.errors import BrokerProtocolError, BrokerRefusedError, BrokerUnavailableError, TradingError
from domain.identity import WorkerId
from domain.lane import Lane
from domain.market import Quote, Side, Symbol
from domain.money import Price, Quantity
from domain.order import BrokerOrder, OrderRecord, OrderStatus
from domain.session import SessionDate
from tests.activities.desk import Desk
from tests.support.builders import SAMSUNG
from tests.support.stepping import kst

FRESH = timedelta(seconds=0.5)
MANY = tuple(Symbol(f"{400_000 + 10 * number}") for number in range(1, 41))
HYNIX = Symbol("000660")
CLOSING = kst("2026-11-23 15:15")
LIST = "/uapi/domestic-stock/v1/trading/inquire-daily-ccld"


@dataclass
class SlowMarket:
    """Prices as of the request, however late the answer is released."""

    stocks_per_call: int = 30
    now_is: datetime = CLOSING
    volume: int = 1_000
    clock: MarketClock = LIVE_CLOCK
    asked: list[tuple[Symbol, ...]] = field(default_factory=list)
    held_up: dict[Lane, asyncio.Event] = field(default_factory=dict)
    fault: TradingError | None = None

    def now(self) -> datetime:
        return self.now_is

    async def quotes(self, symbols: Sequence[Symbol], lane: Lane) -> dict[Symbol, Quote]:
        self.asked.append(tuple(symbols))
        price = Price(self.volume)
        quote = Quote(SAMSUNG, price, self.now_is, price, price, volume=Quantity(self.volume))
        if lane in self.held_up:
            await self.held_up[lane].wait()
        if self.fault is not None:
            raise self.fault
        return {symbol: replace(quote, symbol=symbol) for symbol in symbols}

    def holds_up(self, lane: Lane) -> asyncio.Event:
        self.held_up[lane] = asyncio.Event()
        return self.held_up[lane]


@pytest.fixture
def market() -> SlowMarket:
    return SlowMarket()


@pytest.fixture
def feed(market: SlowMarket) -> QuoteFeed:
    return QuoteFeed(market, market)  # type: ignore[arg-type]


def asks(feed: QuoteFeed, symbol: Symbol, lane: Lane = Lane.EXIT) -> "asyncio.Task[dict[Symbol, Quote]]":
    return asyncio.create_task(feed.quotes([symbol], FRESH, lane))


async def test_a_stock_that_is_watched_no_more_is_not_asked_for(feed: QuoteFeed, market: SlowMarket) -> None:
    with feed.watching(HYNIX):
        await feed.quotes([SAMSUNG], FRESH, Lane.WATCH)
    market.now_is += timedelta(minutes=1)
    await feed.quotes([SAMSUNG], FRESH, Lane.WATCH)

    assert [set(asked) for asked in market.asked] == [{SAMSUNG, HYNIX}, {SAMSUNG}]


async def test_sales_that_wait_for_a_price_are_asked_for_in_full_calls(feed: QuoteFeed, market: SlowMarket) -> None:
    answers = market.holds_up(Lane.EXIT)
    asking = [asks(feed, symbol) for symbol in MANY]
    await asyncio.sleep(0)
    answers.set()

    found = await asyncio.gather(*asking)

    assert [len(symbols) for symbols in market.asked] == [1, 30, 9]
    assert [list(each) for each in found] == [[symbol] for symbol in MANY]


async def test_a_sale_waits_for_no_watcher(feed: QuoteFeed, market: SlowMarket) -> None:
    answers = market.holds_up(Lane.WATCH)
    watcher = asks(feed, SAMSUNG, Lane.WATCH)
    await asyncio.sleep(0)

    async with asyncio.timeout(5):
        assert SAMSUNG in await asks(feed, SAMSUNG)

    answers.set()
    await watcher


async def test_who_has_a_fresh_price_waits_for_no_call_of_its_lane(feed: QuoteFeed, market: SlowMarket) -> None:
    await asks(feed, HYNIX)
    answers = market.holds_up(Lane.EXIT)
    other = asks(feed, SAMSUNG)
    await asyncio.sleep(0)

    async with asyncio.timeout(20):
        assert HYNIX in await asks(feed, HYNIX)

    answers.set()
    await other


async def test_all_that_wait_share_one_failure_and_the_next_one_asks_again(feed: QuoteFeed, market: SlowMarket) -> None:
    answers, market.fault = market.holds_up(Lane.EXIT), BrokerUnavailableError("no answer")
    asking = [asks(feed, symbol) for symbol in MANY]
    await asyncio.sleep(0)
    answers.set()

    failed = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(each) for each in failed} == {BrokerUnavailableError}
    assert len(market.asked) == 1
    market.fault = None
    assert MANY[0] in await asks(feed, MANY[0])


async def test_a_refusal_of_one_stock_is_no_answer_for_another(feed: QuoteFeed, market: SlowMarket) -> None:
    answers, market.fault = market.holds_up(Lane.EXIT), BrokerRefusedError("KIER0001", "no such stock")
    refused, other = asks(feed, SAMSUNG), asks(feed, HYNIX)
    await asyncio.sleep(0)
    answers.set()
    with pytest.raises(BrokerRefusedError):
        await refused
    market.fault = None

    assert HYNIX in await other


async def test_who_leaves_takes_no_call_along_that_others_wait_for(feed: QuoteFeed, market: SlowMarket) -> None:
    answers = market.holds_up(Lane.EXIT)
    first = asks(feed, SAMSUNG)
    await asyncio.sleep(0)
    second = asks(feed, SAMSUNG)
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    answers.set()

    assert SAMSUNG in await second
    assert len(market.asked) == 1


async def test_an_older_answer_that_comes_later_changes_nothing(feed: QuoteFeed, market: SlowMarket) -> None:
    answers = market.holds_up(Lane.WATCH)
    watcher = asks(feed, SAMSUNG, Lane.WATCH)
    await asyncio.sleep(0)
    market.now_is += timedelta(seconds=0.1)
    market.volume = 2_000
    await asks(feed, SAMSUNG)
    answers.set()

    assert (await watcher)[SAMSUNG].volume == 2_000


@pytest.mark.parametrize(("stocks_per_call", "asked"), [(30, 30), (1, 1)])
async def test_what_is_watched_rides_along_only_where_it_costs_no_call(
    feed: QuoteFeed, market: SlowMarket, stocks_per_call: int, asked: int
) -> None:
    market.stocks_per_call = stocks_per_call
    watched = [feed.watching(symbol) for symbol in MANY]
    for each in watched:
        each.__enter__()

    await asks(feed, SAMSUNG)

    ((first, *others),) = market.asked
    assert first == SAMSUNG
    assert len(others) == asked - 1


async def two_bought(desk: Desk) -> tuple[OrderRecord, OrderRecord]:
    """Send a buy of two stocks, by two workers."""
    first = await desk.submits(await desk.prepared(SAMSUNG))
    other = WorkerId("worker-2")
    second = await desk.submits(await desk.prepared(HYNIX, worker=other))
    return first, second


def lists_read(desk: Desk) -> int:
    return desk.simulation.calls.by_path[LIST]


async def test_followers_that_ask_together_share_one_list(desk: Desk) -> None:
    first, second = await two_bought(desk)
    order_list = OrderList(desk.broker)

    rows = await asyncio.gather(order_list.row_of(first), order_list.row_of(second))

    assert [row.ref for row in rows if row is not None] == [first.ref, second.ref]
    assert lists_read(desk) == 1


async def test_a_list_that_began_before_an_order_says_nothing_of_it(desk: Desk) -> None:
    first = await desk.submits(await desk.prepared(SAMSUNG))
    desk.simulation.add_fault(kind="delay", path="inquire-daily-ccld", seconds=0.3, count=1)
    order_list = OrderList(desk.broker)
    under_way = asyncio.create_task(order_list.row_of(first))
    async with asyncio.timeout(5):
        while not lists_read(desk):
            await asyncio.sleep(0.01)
    second = await desk.submits(await desk.prepared(HYNIX, worker=WorkerId("worker-2")))

    row = await order_list.row_of(second)

    assert row is not None
    assert row.ref == second.ref
    assert lists_read(desk) == 2
    assert (await under_way) is not None


async def test_a_list_that_cannot_be_had_fails_for_all_and_the_next_one_is_read_again(desk: Desk) -> None:
    first, second = await two_bought(desk)
    desk.simulation.add_fault(kind="http_error", path="inquire-daily-ccld", status=503, count=1)
    order_list = OrderList(desk.broker)

    failed = await asyncio.gather(order_list.row_of(first), order_list.row_of(second), return_exceptions=True)
    again = await asyncio.gather(order_list.row_of(first), order_list.row_of(second))

    assert [type(each) for each in failed] == [BrokerUnavailableError] * 2
    assert all(again)


@dataclass
class OneForeignRow:
    """A broker whose full list has an unreadable row, as the list of one stock has."""

    desk: Desk
    orders_per_call: int = 100

    async def orders_on(
        self, date: SessionDate, lane: Lane, symbol: Symbol | None = None, side: Side | None = None
    ) -> tuple[BrokerOrder, ...]:
        if symbol in {None, HYNIX}:
            raise BrokerProtocolError("order list: pdno is no stock")
        return await self.desk.broker.orders_on(date, lane, symbol, side)


async def test_a_row_that_cannot_be_read_fails_only_those_who_follow_its_stock(desk: Desk) -> None:
    first, second = await two_bought(desk)
    order_list = OrderList(OneForeignRow(desk))  # type: ignore[arg-type]

    row, failed = await asyncio.gather(order_list.row_of(first), order_list.row_of(second), return_exceptions=True)

    assert isinstance(row, BrokerOrder)
    assert row.ref == first.ref
    assert isinstance(failed, BrokerProtocolError)


class GoneError(BaseException):
    """An exit that no fault handler catches."""


async def test_whatever_ends_the_reader_leaves_no_follower_waiting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = await two_bought(desk)
    order_list = OrderList(desk.broker)
    late: list[asyncio.Task[BrokerOrder | None]] = []

    async def gone(*_: object) -> tuple[BrokerOrder, ...]:
        late.append(asyncio.create_task(order_list.row_of(second)))
        await asyncio.sleep(0)
        raise GoneError

    with monkeypatch.context() as away:
        away.setattr(type(desk.broker), "orders_on", gone)
        early = asyncio.create_task(order_list.row_of(first))
        await asyncio.wait([early], timeout=5)
        await asyncio.wait(late, timeout=5)

    assert [type(each.exception()) for each in (early, *late)] == [GoneError, GoneError]
    assert await order_list.row_of(first) is not None


async def test_a_follower_that_goes_takes_no_other_answer_along(desk: Desk) -> None:
    first, second = await two_bought(desk)
    order_list = OrderList(desk.broker)
    going = asyncio.create_task(order_list.row_of(first))
    staying = asyncio.create_task(order_list.row_of(second))
    await asyncio.sleep(0)
    going.cancel()

    row = await staying

    assert row is not None
    assert row.ref == second.ref


async def test_the_more_follow_the_less_often_the_list_is_read(desk: Desk) -> None:
    first, second = await two_bought(desk)
    order_list, loop = OrderList(desk.broker), asyncio.get_running_loop()
    with order_list.followed(), order_list.followed():
        began = loop.time()
        for _ in range(3):
            await asyncio.gather(order_list.row_of(first), order_list.row_of(second))
        took = loop.time() - began

    assert lists_read(desk) == 3
    assert took >= 2 * 2 * 0.05
    assert first.status is second.status is OrderStatus.ACCEPTED


@dataclass
class Lanes:
    """A broker that records the priority of each request for its order list."""

    desk: Desk
    orders_per_call: int = 100
    seen: list[Lane] = field(default_factory=list)

    async def orders_on(
        self, date: SessionDate, lane: Lane, symbol: Symbol | None = None, side: Side | None = None
    ) -> tuple[BrokerOrder, ...]:
        self.seen.append(lane)
        return await self.desk.broker.orders_on(date, lane, symbol, side)


@pytest.mark.parametrize(("followers", "lane"), [(10, Lane.RESOLVE), (11, Lane.WATCH)])
async def test_the_list_of_many_followers_waits_for_calls_to_spare(desk: Desk, followers: int, lane: Lane) -> None:
    first, second = await two_bought(desk)
    lanes = Lanes(desk)
    order_list = OrderList(lanes)  # type: ignore[arg-type]
    with ExitStack() as stack:
        for _ in range(followers):
            stack.enter_context(order_list.followed())
        await asyncio.gather(order_list.row_of(first), order_list.row_of(second))

    assert lanes.seen == [lane]
