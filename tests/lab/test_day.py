"""A recorded session through the production workflows: sound, the same each time, and never blind to a lost fill."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.market import Side
from domain.money import Price, Quantity
from domain.position import OpenPosition
from domain.rules import StrategyRules, TradingRules
from lab import counter, moments
from lab.day import LabBooks, Order, play
from lab.moments import DayMoments, Moment
from lab.recording import RecordedSession, read_session
from lab.results import DayResult, hash_of, result_of
from reporting.candles import minute_in
from simulator.orders import Order as BrokerOrder
from tests.lab.recorded_days import CALENDAR, DAYS, a_store

RULES = TradingRules(strategy=StrategyRules(names=("volatility_breakout",)))
ORDER = Order(RULES, workers=3, capital=50_000_000)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RecordedSession:
    store = a_store(tmp_path_factory.mktemp("bars"))
    session = CALENDAR.session_on(DAYS[0])
    assert session is not None
    return read_session(store, session)


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[LabBooks]:
    found = LabBooks(database_url)
    yield found
    await found.aclose()


async def judged(books: LabBooks, recorded: RecordedSession, order: Order = ORDER) -> DayResult:
    return result_of(await play(books, recorded, order, CALENDAR), "", 0)


@pytest.mark.timeout(600)
async def test_a_recorded_day_is_sound_and_the_same_each_time(books: LabBooks, recorded: RecordedSession) -> None:
    first = await judged(books, recorded)
    again = await judged(books, recorded)

    assert first.trades
    assert (first.violations, first.unexplained, first.carried) == ((), 0, {})
    assert first.net == sum(trade.net_pnl for trade in first.trades)
    assert first.signals is not None
    assert set(first.signals) == {trade.symbol for trade in first.trades}
    for trade in first.trades:
        entered = minute_in(first.date, trade.opened_at)
        assert any(run.first <= entered <= run.last + 1 for run in first.signals[trade.symbol])
    assert hash_of([first]) == hash_of([again])
    assert hash_of([first]) != hash_of([replace(again, trades=again.trades[1:])])


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_looking_at_every_minute_gives_the_same_trades(
    books: LabBooks, recorded: RecordedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_worker = replace(ORDER, workers=1)
    skipping = await judged(books, recorded, one_worker)

    def each_minute(self: DayMoments, now: datetime, until: datetime) -> Moment:
        opens = recorded.session.opens_at
        minute = -(-(now - opens) // timedelta(minutes=1))
        return Moment(max(min(opens + max(minute, 0) * timedelta(minutes=1), until), now))

    def each_look(self: DayMoments, now: datetime, position: OpenPosition, best: Price, deadline: datetime) -> datetime:
        looks: Iterator[datetime] = self._looks(now, position, best, deadline)
        return next(looks)

    monkeypatch.setattr(moments.DayMoments, "next_scan", each_minute)
    monkeypatch.setattr(moments.DayMoments, "next_look", each_look)
    dense = await judged(books, recorded, one_worker)

    assert skipping.trades
    assert hash_of([dense]) == hash_of([skipping])


@pytest.mark.timeout(600)
async def test_a_lost_fill_makes_the_day_unsound(
    books: LabBooks, recorded: RecordedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = counter._row

    def without_a_bought_share(order: BrokerOrder) -> Any:
        row, lost = listed(order), order.side == Side.BUY.value and order.filled > 1
        return replace(row, filled_quantity=Quantity(row.filled_quantity - 1)) if lost else row

    monkeypatch.setattr(counter, "_row", without_a_bought_share)
    found = await judged(books, recorded, replace(ORDER, workers=1))

    assert not found.is_sound
    assert found.violations or found.unexplained
