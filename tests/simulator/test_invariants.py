"""Invariants after any sequence of orders: money is conserved, fills are valid, call frequency does not matter."""

from dataclasses import dataclass
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.clock import ManualClock
from simulator.krx.prices import STOCK_GRID
from simulator.krx.units import Side, Symbol
from simulator.orders import Account, OrderAction
from simulator.refusals import OrderRefusedError
from simulator.simulation import Simulation
from tests.simulator.market_day import ACCOUNT, SAMSUNG, THIN, Day, a_simulation, steps

LIVELY = Symbol("056080")
OPENING_CASH = 100_000_000


@dataclass(frozen=True)
class Step:
    """One customer action, and the market seconds until the next."""

    side: Side
    symbol: Symbol
    quantity: int
    ticks: int | None
    cancel: bool
    wait: int


STEPS = st.lists(
    st.builds(
        Step,
        side=st.sampled_from(Side),
        symbol=st.sampled_from((SAMSUNG, THIN, LIVELY)),
        quantity=st.integers(1, 900),
        ticks=st.none() | st.integers(-12, 12),
        cancel=st.booleans(),
        wait=st.sampled_from((0, 1, 7, 61, 900, 7_200)),
    ),
    max_size=14,
)


def live(steps_taken: list[Step], *, pace: int | None = None) -> Simulation:
    """Execute the steps. With a pace, also advance market time every ``pace`` seconds in between."""
    simulation = a_simulation("2026-11-23 09:05:00")
    day = Day(simulation)
    for step in steps_taken:
        _do(day, step)
        target = day.now + timedelta(seconds=step.wait)
        clock = simulation.settings.clock
        assert isinstance(clock, ManualClock)
        while pace and clock.market_time + timedelta(seconds=pace) < target:
            clock.advance(timedelta(seconds=pace))
            simulation.advance()
        clock.set(target)
        simulation.advance()
    return simulation


def _do(day: Day, step: Step) -> None:
    price = 0 if step.ticks is None else steps(day.simulation.exchange.snapshot(step.symbol, day.now).price, step.ticks)
    try:
        act = day.buys if step.side is Side.BUY else day.sells
        order = act(step.quantity, price, step.symbol)
        if step.cancel and order.remaining:
            day.cancels(order)
    except OrderRefusedError:
        pass


def books(simulation: Simulation) -> Account:
    return simulation.engine.account(ACCOUNT)


@given(STEPS)
@settings(max_examples=40, deadline=None)
def test_cash_and_shares_are_conserved_to_the_won(steps_taken: list[Step]) -> None:
    account = books(live(steps_taken))

    spent = sum(order.amount + order.costs.total for order in account.orders if order.side is Side.BUY)
    earned = sum(order.amount - order.costs.total for order in account.orders if order.side is Side.SELL)
    assert account.cash == OPENING_CASH - spent + earned
    assert account.free_cash >= 0
    for symbol, holding in account.holdings.items():
        bought, sold = (
            sum(order.filled for order in account.orders if order.symbol == symbol and order.side is side)
            for side in (Side.BUY, Side.SELL)
        )
        assert holding.quantity == bought - sold >= 0
        assert account.sellable(symbol) >= 0


@given(STEPS)
@settings(max_examples=40, deadline=None)
def test_every_fill_is_lawful(steps_taken: list[Step]) -> None:
    simulation = live(steps_taken)

    for order in books(simulation).orders:
        limits = simulation.exchange.snapshot(order.symbol, order.placed_at).limits
        assert order.filled == sum(fill.quantity for fill in order.fills)
        assert order.amount == sum(fill.price * fill.quantity for fill in order.fills)
        if order.action is not OrderAction.CANCEL:
            assert order.filled + order.cancelled + order.remaining == order.quantity
        for fill in order.fills:
            assert STOCK_GRID.is_on_grid(fill.price)
            assert limits.contains(fill.price)
            assert fill.at >= order.placed_at
            if order.price:
                assert fill.price <= order.price if order.side is Side.BUY else fill.price >= order.price


@given(STEPS, st.sampled_from((1, 13, 400)))
@settings(max_examples=20, deadline=None)
def test_the_books_do_not_depend_on_how_often_somebody_looks(steps_taken: list[Step], pace: int) -> None:
    seldom, often = (
        books(live(steps_taken)),
        books(live(steps_taken, pace=max(pace, 60 if len(steps_taken) > 6 else 1))),
    )

    assert often.cash == seldom.cash
    assert [order.fills for order in often.orders] == [order.fills for order in seldom.orders]


def test_no_fill_takes_more_than_the_book_shows() -> None:
    simulation = a_simulation(opening_cash=50_000_000_000)
    session = simulation.exchange.shown_session(simulation.market_now())
    offered = dict(simulation.engine.liquidity.levels(THIN, Side.SELL, session, 1_800))

    order = Day(simulation).buys(100_000, symbol=THIN)

    assert all(fill.quantity <= offered[fill.price] for fill in order.fills)
    assert order.filled == sum(offered.values())
