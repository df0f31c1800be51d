"""A close that is started manually before the opening sells the carried shares at the opening, not before."""

from typing import Final

import pytest

from domain.market import Side
from simulator.orders import Order
from tests.support.stepping import ACCOUNT, broker_account, kst
from tests.trials.clockwork.town import Town
from tests.trials.crash_points.closing_day import Afternoon
from tests.trials.crash_points.closing_plots import ClosingPlot

NEXT_DAY: Final = "2026-11-24"
CARRIED: Final = ClosingPlot("carried into the morning")
_MOST_EVENTS: Final = 200
"""Maximum events of a close that waits for hours, sells two positions and proves the day."""


async def a_night_later(town: Town, at: str) -> Afternoon:
    """Let the workers buy and vanish, start no close, and go to the next morning."""
    afternoon = Afternoon(town, CARRIED)
    await afternoon.come_to(closes_at="23:00")
    await town.let_leases_lapse()
    await afternoon.clockwork.until(lambda: False, kst(f"{NEXT_DAY} {at}"))
    return afternoon


def orders_of_the_day(afternoon: Afternoon) -> list[Order]:
    return [order for order in broker_account(afternoon.simulation).orders if f"{order.day}" == NEXT_DAY]


async def day_closed_at(town: Town, at: str, *, with_workers: bool = False) -> Afternoon:
    """Start the close manually, check the morning, and let the day end."""
    afternoon = await a_night_later(town, at)
    if with_workers:
        for number in range(CARRIED.stocks):
            afternoon.start_worker(number)
    afternoon.start_close()
    await afternoon.clockwork.until(lambda: False, kst(f"{NEXT_DAY} 08:59:59"))
    assert orders_of_the_day(afternoon) == []
    closed = await town.pool.fetch("SELECT session_date::text FROM closed_entries")
    assert [row["session_date"] for row in closed] == [NEXT_DAY]

    await afternoon.clockwork.until(lambda: False, kst(f"{NEXT_DAY} 09:01"))
    assert not any(holding.quantity for holding in broker_account(afternoon.simulation).holdings.values())
    return afternoon


@pytest.mark.parametrize(
    ("at", "with_workers"),
    [("00:10", False), ("08:58", False), ("08:50", True)],
    ids=["at night", "just before the opening", "with workers that wait for it"],
)
async def test_a_close_before_the_opening_sells_each_carried_share_once_at_the_opening(
    town: Town, at: str, *, with_workers: bool
) -> None:
    afternoon = await day_closed_at(town, at, with_workers=with_workers)
    run = afternoon.clockwork.runs["market-close"]

    outcome = await afternoon.ends()

    assert kst(f"{NEXT_DAY} 15:30") < afternoon.clockwork.now < kst(f"{NEXT_DAY} 15:31")
    assert str(outcome.session_date) == NEXT_DAY
    assert outcome.flat
    assert outcome.differences == ()
    sold = orders_of_the_day(afternoon)
    assert {(Side(order.side), order.filled) for order in sold} == {(Side.SELL, order.quantity) for order in sold}
    assert len(sold) == CARRIED.stocks
    assert run.events < _MOST_EVENTS
    trades = await town.database.trades.on(ACCOUNT, outcome.session_date)
    assert {trade.symbol: trade.quantity for trade in trades} == {order.symbol: order.quantity for order in sold}
    afternoon.clockwork.close()
