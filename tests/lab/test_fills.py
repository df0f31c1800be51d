"""The fill rule of a backtest: no fill that the recorded minute could not have given."""

from datetime import timedelta
from pathlib import Path

import pytest

from domain.bar import DailyBar, MinuteBar
from domain.market import Symbol
from domain.money import Price, Quantity
from history.store import BarStore
from lab.counter import LAB_ACCOUNT
from lab.exchange import open_exchange
from lab.fills import FILL_RULE
from lab.recording import read_session, session_there
from lab.results import Settings
from lab.summary import summary_of
from simulator.krx.units import Side
from simulator.order_types import OrderType
from simulator.orders import Order, OrderRequest
from simulator.simulation import Simulation
from tests.lab.recorded_days import CALENDAR, DAYS

STOCK = Symbol("005930")
DAY = DAYS[0]


def an_exchange(folder: Path, bars: list[MinuteBar]) -> Simulation:
    session = CALENDAR.session_on(DAY)
    assert session is not None
    store = BarStore(folder)
    with store.writing():
        before = DailyBar(CALENDAR.session_before(DAY).date, 1, 10_500, 9_500, 10_000, 5, None, None)
        store.write_day(DAY, {STOCK: bars})
        store.write_daily({STOCK: [before, DailyBar(DAY, 1, 1, 1, 1, 1, None, 10_000)]})
    return open_exchange(read_session(store, session), 100_000_000, CALENDAR, session.opens_at)


def ordered(exchange: Simulation, quantity: int, price: int, *, minute: int = 0, side: Side = Side.BUY) -> Order:
    session = CALENDAR.session_on(DAY)
    assert session is not None
    exchange.move_clock(session.opens_at + timedelta(minutes=minute))
    kind = OrderType.LIMIT if price else OrderType.MARKET
    return exchange.place_order(OrderRequest(LAB_ACCOUNT, STOCK, side, kind, Quantity(quantity), Price(price)))


def passes(exchange: Simulation, minutes: float) -> None:
    exchange.move_clock(exchange.market_now() + timedelta(minutes=minutes))


def test_an_order_never_trades_more_than_the_minute(tmp_path: Path) -> None:
    bars = [MinuteBar(540 + minute, 10_000, 10_000, 10_000, 10_000, volume) for minute, volume in enumerate((30, 7))]
    exchange = an_exchange(tmp_path, bars)

    order = ordered(exchange, 1_000, 10_500)
    assert order.filled <= 30
    passes(exchange, 1)
    assert order.filled <= 30
    passes(exchange, 1)

    assert order.filled <= 37


@pytest.mark.parametrize("price", [0, 10_500])
def test_a_minute_without_volume_fills_nothing(tmp_path: Path, price: int) -> None:
    exchange = an_exchange(tmp_path, [MinuteBar(540, 10_000, 10_000, 10_000, 10_000, 900)])

    order = ordered(exchange, 10, price, minute=5)
    passes(exchange, 2)

    assert order.filled == 0


def test_a_minute_locked_at_the_limit_fills_nothing(tmp_path: Path) -> None:
    bars = [MinuteBar(540 + minute, 13_000, 13_000, 13_000, 13_000, 9_000) for minute in range(3)]
    exchange = an_exchange(tmp_path, bars)

    order = ordered(exchange, 10, 13_000)
    passes(exchange, 2.5)

    assert order.filled == 0


def test_an_order_at_the_touch_waits_for_the_shares_ahead_of_it(tmp_path: Path) -> None:
    bars = [MinuteBar(540 + minute, 10_000, 10_000, 10_000, 10_000, 60_000) for minute in range(30)]
    exchange = an_exchange(tmp_path, bars)
    session = CALENDAR.session_on(DAY)
    assert session is not None
    bids = exchange.engine.liquidity.levels(STOCK, Side.BUY, session_there(session), 0)
    order = ordered(exchange, 100, bids[0].price)
    ahead = bids[0].quantity

    passes(exchange, 1 / 60)
    assert order.filled == (0 if ahead >= 1_000 else min(100, 1_000 - ahead))
    passes(exchange, 20)

    assert order.filled == 100


def test_no_fill_is_off_the_grid_although_the_recorded_price_is(tmp_path: Path) -> None:
    """Mid-price trades lie between two ticks; our orders trade at one of these."""
    bars = [MinuteBar(540 + minute, 10_005, 10_005, 10_005, 10_005, 60_000) for minute in range(30)]
    closing = MinuteBar(930, 10_005, 10_005, 10_005, 10_005, 60_000)
    exchange = an_exchange(tmp_path, [*bars, closing])

    bought = ordered(exchange, 500, 10_010)
    passes(exchange, 5)
    sold = ordered(exchange, 500, 0, minute=385, side=Side.SELL)
    passes(exchange, 6)

    fills = [*bought.fills, *sold.fills]
    assert (bought.filled, sold.filled) == (500, 500)
    assert all(fill.price % 10 == 0 for fill in fills), [fill.price for fill in fills]


@pytest.mark.parametrize(("price", "side"), [(13_000, Side.BUY), (7_000, Side.SELL)], ids=["upper", "lower"])
def test_a_closing_auction_at_the_limit_fills_nothing(tmp_path: Path, price: int, side: Side) -> None:
    usual = [MinuteBar(540, 10_000, 10_000, 10_000, 10_000, 60_000)]
    exchange = an_exchange(tmp_path, [*usual, MinuteBar(930, price, price, price, price, 60_000)])
    if side is Side.SELL:
        assert ordered(exchange, 10, 10_500).filled == 10

    order = ordered(exchange, 10, price if side is Side.BUY else 0, minute=385, side=side)
    passes(exchange, 6)

    assert order.filled == 0


def test_the_report_names_the_fill_rule() -> None:
    settings = Settings("volatility_breakout", "1", f"{DAY}", f"{DAY}", {}, 1, 1, "")

    assert summary_of(settings, [])["fill_rule"] == FILL_RULE
    assert all(word in FILL_RULE for word in ("without volume", "locked at a limit", "synthetic book"))
