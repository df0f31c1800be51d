"""The index is read beside the scans: one read for all, and none of its faults delays a price."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from activities.market.index_levels import IndexLevels
from activities.market.quote_feed import QuoteFeed
from domain.errors import BrokerRefusedError, BrokerUnavailableError, TradingError
from domain.lane import Lane
from domain.market import NOT_READ, IndexLevel, Market, MarketView
from tests.activities.desk import Desk, HandPace
from tests.support.builders import NOW, SAMSUNG


@dataclass
class Asked:
    """A broker whose index answers as the test says; ``gate`` holds the answer back."""

    answers: list[IndexLevel | TradingError | None] = field(default_factory=list)
    asked: list[tuple[Market, Lane]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def index_level(self, market: Market, lane: Lane) -> IndexLevel | None:
        self.asked.append((market, lane))
        await self.gate.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, TradingError):
            raise answer
        return answer


async def looked(desk: Desk, feed: QuoteFeed | None = None) -> MarketView:
    view = await (feed or desk.feed).view(SAMSUNG, timedelta(0), Lane.SCAN)
    assert view is not None
    return view


async def settled(levels: IndexLevels) -> None:
    levels.refresh()
    assert levels._reading is not None
    await asyncio.wait([levels._reading])


def levels_of(desk: Desk, broker: Asked, pace: HandPace | None = None) -> IndexLevels:
    return IndexLevels(broker, pace or desk.pace)  # type: ignore[arg-type]  # the part that is asked


async def test_the_first_look_asks_for_the_index_and_the_next_ones_share_it(desk: Desk) -> None:
    first = await looked(desk)
    await settled(desk.feed._indices)
    views = [await looked(desk) for _ in range(5)]

    assert (first.index, first.no_index) == (None, NOT_READ)
    assert {view.index for view in views} == {views[0].index}
    index = views[0].index
    assert index is not None
    assert (index.market, index.age_at(desk.pace.now()), views[0].no_index) == (Market.KOSPI, timedelta(0), "")
    assert Decimal(1_500) < index.level < 4_500
    assert index.change_rate is not None
    assert abs(index.change_rate) < Decimal("0.1")
    assert desk.simulation.calls.by_tr_id["FHPUP02100000"] == 1


async def test_an_index_that_never_answers_delays_no_price(desk: Desk) -> None:
    feed, broker = QuoteFeed(desk.broker, desk.pace), Asked()
    feed._indices = levels_of(desk, broker)

    views = [await looked(desk, feed) for _ in range(3)]
    await asyncio.sleep(0)
    sale = await feed.view(SAMSUNG, timedelta(0), Lane.EXIT)

    assert broker.asked == [(Market.KOSPI, Lane.SCAN)]
    assert {(view.index, view.no_index) for view in [*views, sale] if view} == {(None, NOT_READ)}
    assert all(view.quote.price for view in views)
    broker.answers = [None]
    broker.gate.set()


async def test_a_fault_is_the_reason_and_a_later_answer_counts(desk: Desk) -> None:
    level = IndexLevel(Market.KOSPI, Decimal("2600.5"), desk.pace.now())
    broker = Asked([BrokerUnavailableError("no answer within 5 s"), BrokerRefusedError("X", "no rights"), level])
    broker.gate.set()
    levels, seen = levels_of(desk, broker), list[tuple[IndexLevel | None, str]]()
    levels.of(Market.KOSPI, desk.pace.now())

    for pause in (15, 60, 0):
        await settled(levels)
        seen.append(levels.of(Market.KOSPI, level.observed_at))
        await desk.pace.pause(timedelta(seconds=pause))

    assert seen[0] == (None, "no answer within 5 s")
    assert seen[1][0] is None
    assert "no rights" in seen[1][1]
    assert seen[2] == (level, "")


async def test_an_old_level_does_not_count(desk: Desk) -> None:
    level = IndexLevel(Market.KOSPI, Decimal("2600.5"), NOW)
    broker = Asked([level])
    broker.gate.set()
    levels = levels_of(desk, broker)
    levels.of(Market.KOSPI, desk.pace.now())
    await settled(levels)

    assert levels.of(Market.KOSPI, NOW + timedelta(seconds=60)) == (level, "")
    assert levels.of(Market.KOSPI, NOW + timedelta(seconds=61)) == (None, "61 s old")


async def test_a_stock_without_a_board_and_a_service_without_an_index_say_so(desk: Desk) -> None:
    broker = Asked([None])
    broker.gate.set()
    levels = levels_of(desk, broker)

    assert levels.of(None, NOW) == (None, "the stock's board is unknown")
    levels.refresh()
    assert levels._reading is None
    levels.of(Market.KOSDAQ, desk.pace.now())
    await settled(levels)
    assert levels.of(Market.KOSDAQ, NOW) == (None, "this service of the broker has no index")
