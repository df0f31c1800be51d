"""The lab's broker answers as the production KIS client does over HTTP, on the same exchange."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from activities.market.minute_bars import MinuteBars
from broker.kis import KisBroker
from broker.protocol import AccessToken
from domain.clock import KST
from domain.identity import Environment, IntentId, PositionId, WorkerId
from domain.lane import Lane
from domain.market import Side, Symbol
from domain.money import Price, Quantity
from domain.order import Accepted, OrderIntent, OrderPurpose, OrderType, Rejected
from domain.session import SessionDate
from lab.books import ACCOUNT
from lab.broker import LabBroker
from lab.exchange import open_exchange
from lab.market import LabMarket
from lab.recording import read_session
from simulator.simulation import Simulation
from tests.lab.recorded_days import CALENDAR, DAYS, STOCKS, a_store
from tests.support.stepping import a_broker, pinned_database

DAY = SessionDate(DAYS[0])


@dataclass
class Both:
    """Two clients of one exchange."""

    lab: LabBroker
    kis: KisBroker
    simulation: Simulation
    at: datetime

    def moves(self, minutes: float) -> None:
        self.at += timedelta(minutes=minutes)
        self.simulation.move_clock(self.at)


@pytest.fixture
async def both(database_url: str, tmp_path: Path) -> AsyncIterator[Both]:
    session = CALENDAR.session_on(DAY)
    assert session is not None
    recorded = read_session(a_store(tmp_path, DAYS[:1]), session)
    simulation = open_exchange(recorded, 100_000_000, CALENDAR, session.opens_at)
    market = LabMarket(recorded, simulation)
    async with pinned_database(database_url, Environment.SIMULATED) as database:
        found: Both
        lab = LabBroker(market, simulation, database.tokens("lab", AccessToken), lambda: found.at)
        async with a_broker(simulation, database, lambda: found.at) as kis, lab:
            found = Both(lab, kis, simulation, session.opens_at)
            yield found


def an_order(side: Side, price: int, quantity: int = 10) -> OrderIntent:
    return OrderIntent(
        intent_id=IntentId(f"run/{side}"),
        account_id=ACCOUNT,
        worker_id=WorkerId("worker-1"),
        position_id=PositionId("run/1"),
        session_date=DAY,
        symbol=STOCKS[0],
        side=side,
        quantity=Quantity(quantity),
        order_type=OrderType.LIMIT if price else OrderType.MARKET,
        limit_price=Price(price) if price else None,
        purpose=OrderPurpose.ENTRY if side is Side.BUY else OrderPurpose.EXIT,
        reason="test",
        fencing_token=1,
        decision_price=Price(price or 1),
        decided_at=datetime(2025, 11, 17, 10, tzinfo=KST),
    )


@pytest.mark.parametrize("minutes", [0, 1, 30, 30.4, 379, 385, 391])
async def test_quotations_are_the_same(both: Both, minutes: float) -> None:
    both.moves(minutes)

    assert await both.lab.quotes(STOCKS, Lane.SCAN) == await both.kis.quotes(STOCKS, Lane.SCAN)
    for symbol in STOCKS[:2]:
        assert await both.lab.order_book(symbol, Lane.SCAN) == await both.kis.order_book(symbol, Lane.SCAN)
        assert await both.lab.instrument_status(symbol, Lane.SCAN) == await both.kis.instrument_status(
            symbol, Lane.SCAN
        )
    assert await both.lab.is_session_day(DAY, Lane.SCAN) == await both.kis.is_session_day(DAY, Lane.SCAN)


async def test_orders_and_the_account_are_the_same(both: Both) -> None:
    both.moves(10)
    (price,) = [quote.ask for quote in (await both.lab.quotes(STOCKS[:1], Lane.SCAN)).values()]

    bought = await both.lab.submit(an_order(Side.BUY, int(price)), Lane.ENTRY)
    resting = await both.lab.submit(an_order(Side.BUY, int(price) // 2 // 50 * 50 + 4_000), Lane.ENTRY)
    refused = await both.lab.submit(an_order(Side.SELL, 0, 999_999), Lane.EXIT)
    both.moves(1)

    assert isinstance(bought, Accepted)
    assert isinstance(refused, Rejected)
    same = replace(an_order(Side.SELL, 0, 999_999), intent_id=IntentId("run/again"))
    assert refused == await both.kis.submit(same, Lane.EXIT)
    for side in (None, Side.BUY, Side.SELL):
        assert await both.lab.orders_on(DAY, Lane.WATCH, None, side) == await both.kis.orders_on(
            DAY, Lane.WATCH, None, side
        )
    assert await both.lab.balance(Lane.WATCH) == await both.kis.balance(Lane.WATCH)
    assert await both.lab.buying_power(STOCKS[1], Price(48_000), Lane.ENTRY) == await both.kis.buying_power(
        STOCKS[1], Price(48_000), Lane.ENTRY
    )
    if isinstance(resting, Accepted):
        await both.lab.cancel(resting.ref, an_order(Side.BUY, int(price)), Lane.EXIT)
        assert await both.lab.orders_on(DAY, Lane.WATCH, Symbol(STOCKS[0])) == await both.kis.orders_on(
            DAY, Lane.WATCH, Symbol(STOCKS[0])
        )


async def test_a_view_has_the_minutes_that_a_host_builds_from_the_same_prices(both: Both) -> None:
    market, bars = both.lab._market, MinuteBars()
    for _ in range(3 * 60 + 20):
        both.at += timedelta(seconds=1)
        bars.add(market.quote(STOCKS[0], both.at))

    view = market.view(market.quote(STOCKS[0], both.at))
    shown, built = view.minutes, bars.of(STOCKS[0])

    assert [(bar.at, bar.high, bar.low, bar.close) for bar in shown] == [
        (bar.at, bar.high, bar.low, bar.close) for bar in built
    ]
    assert view.session == CALENDAR.session_on(DAY)
