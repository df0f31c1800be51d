"""Orders against the simulated market: fills, priorities, auctions, reservations, refusals."""

import pytest

from simulator.krx.costs import charged
from simulator.krx.units import Market, Price, Side
from simulator.order_types import OrderType
from simulator.refusals import OrderRefusedError, Refusal
from tests.simulator.market_day import ACCOUNT, SAMSUNG, THIN, Day, a_simulation, steps

OPENING_CASH = 100_000_000


@pytest.fixture
def day() -> Day:
    return Day(a_simulation())


def book(day: Day) -> tuple[Price, Price]:
    """Return best bid and ask of Samsung."""
    session = day.simulation.exchange.shown_session(day.now)
    second = int((day.now - session.opens_at).total_seconds())
    levels = day.simulation.engine.liquidity.levels
    bids, asks = (levels(SAMSUNG, side, session, second) for side in (Side.BUY, Side.SELL))
    return bids[0].price, asks[0].price


def refused(day: Day, quantity: int, price: int = 0, **order: object) -> Refusal:
    with pytest.raises(OrderRefusedError) as caught:
        day.buys(quantity, price, **order)
    return caught.value.refusal


def test_a_market_order_fills_at_the_best_ask_and_pays_commission(day: Day) -> None:
    _, ask = book(day)

    order = day.buys(10)

    costs = charged(Side.BUY, Market.KOSPI, order.day, 10 * ask)
    account = day.simulation.engine.account(ACCOUNT)
    assert [(fill.price, fill.quantity) for fill in order.fills] == [(ask, 10)]
    assert account.cash == OPENING_CASH - 10 * ask - costs.total
    assert account.holdings[SAMSUNG].cost == 10 * ask


def test_a_large_order_walks_up_the_book_and_fills_in_parts() -> None:
    day = Day(a_simulation(opening_cash=10_000_000_000))

    order = day.buys(20_000, symbol=THIN)

    prices = [fill.price for fill in order.fills]
    assert prices == sorted(set(prices))
    assert 0 < order.filled < 20_000
    assert order.remaining == 20_000 - order.filled


def test_used_up_liquidity_comes_back_with_time() -> None:
    day = Day(a_simulation(opening_cash=10_000_000_000))
    order = day.buys(5_000, symbol=THIN)
    at_once = order.filled

    day.passes(seconds=1)
    soon = order.filled
    day.passes(seconds=60)

    assert at_once <= soon < order.filled


def test_a_resting_buy_fills_at_its_own_price_when_the_market_comes_down(day: Day) -> None:
    limit = steps(book(day)[0], -10)
    order = day.buys(10, limit)
    assert order.filled == 0

    day.simulation.force_price(SAMSUNG, steps(limit, -3))

    assert [(fill.price, fill.quantity) for fill in order.fills] == [(limit, 10)]


def test_the_better_price_is_served_first_then_the_older_order() -> None:
    day = Day(a_simulation(opening_cash=10_000_000_000))
    bid = book(day)[0]
    older, newer, better = (
        day.buys(3_000, steps(bid, -5)),
        day.buys(3_000, steps(bid, -5)),
        day.buys(3_000, steps(bid, -4)),
    )

    day.simulation.set_conditions(SAMSUNG, thin=True)
    day.simulation.force_price(SAMSUNG, steps(bid, -7))

    assert better.filled > 0
    assert better.remaining == 0 or older.filled == 0
    assert older.remaining == 0 or newer.filled == 0


def test_money_for_a_resting_buy_is_kept_back_and_comes_back_with_the_cancel(day: Day) -> None:
    account = day.simulation.engine.account(ACCOUNT)
    order = day.buys(100, steps(book(day)[0], -20))

    kept_back = OPENING_CASH - account.free_cash
    row = day.cancels(order)

    assert kept_back >= 100 * order.price
    assert account.free_cash == account.cash == OPENING_CASH
    assert (row.original, row.quantity, row.remaining) == (order.number, 100, 0)


def test_a_partial_cancel_leaves_the_rest_working(day: Day) -> None:
    order = day.buys(100, steps(book(day)[0], -20))

    day.cancels(order, 30)

    assert (order.cancelled, order.remaining) == (30, 70)


def test_an_amendment_gets_a_number_of_its_own_and_trades_at_the_new_price(day: Day) -> None:
    bid, ask = book(day)
    order = day.buys(10, steps(bid, -20))

    row = day.amends(order, ask)

    assert row.number != order.number
    assert (order.remaining, row.original, row.filled) == (0, order.number, 10)


def test_a_cancelled_order_cannot_be_cancelled_again(day: Day) -> None:
    order = day.buys(10, steps(book(day)[0], -20))
    day.cancels(order)

    with pytest.raises(OrderRefusedError) as caught:
        day.cancels(order)

    assert caught.value.refusal is Refusal.NOTHING_TO_CHANGE


def test_nothing_is_sold_that_is_not_held_or_already_offered(day: Day) -> None:
    day.buys(10)
    day.sells(7, steps(book(day)[1], 50))

    with pytest.raises(OrderRefusedError) as caught:
        day.sells(4)

    assert caught.value.refusal is Refusal.NO_HOLDING


def test_sale_proceeds_buy_again_at_once(day: Day) -> None:
    quantity = 900
    day.buys(quantity)
    day.sells(quantity)

    assert day.buys(quantity).filled == quantity


@pytest.mark.parametrize(
    ("quantity", "offset", "refusal"),
    [
        (1, 50, Refusal.OFF_GRID),
        (1, 90_000, Refusal.OUTSIDE_LIMITS),
        (0, 0, Refusal.QUANTITY),
        (99_999, 0, Refusal.NO_FUNDS),
    ],
)
def test_orders_that_krx_or_the_account_does_not_take(day: Day, quantity: int, offset: int, refusal: Refusal) -> None:
    assert refused(day, quantity, book(day)[0] + offset) is refusal


def test_a_market_buy_needs_cash_at_the_upper_limit(day: Day) -> None:
    price = book(day)[1]

    assert refused(day, OPENING_CASH // price - 5) is Refusal.NO_FUNDS


@pytest.mark.parametrize(
    ("at", "refusal"),
    [
        ("2026-11-22 10:00:00", Refusal.MARKET_NOT_OPEN_TODAY),
        ("2026-11-23 08:29:00", Refusal.BEFORE_OPEN),
        ("2026-11-23 15:30:00", Refusal.AFTER_CLOSE),
    ],
)
def test_outside_the_hours_orders_are_refused(at: str, refusal: Refusal) -> None:
    assert refused(Day(a_simulation(at)), 1) is refusal


def test_orders_before_the_open_trade_at_the_opening_price() -> None:
    day = Day(a_simulation("2026-11-23 08:50:00"))
    order = day.buys(10)
    assert order.filled == 0

    day.reaches("2026-11-23 09:00:05")

    session = day.simulation.exchange.shown_session(day.now)
    opening = day.simulation.exchange.path(SAMSUNG, session).price_at(0)
    assert [(fill.price, fill.quantity) for fill in order.fills] == [(opening, 10)]


def test_the_closing_auction_trades_once_at_the_close_and_the_rest_expires(day: Day) -> None:
    day.buys(10)
    day.reaches("2026-11-23 15:21:00")
    sale, hopeless = day.sells(4), day.sells(6, steps(book(day)[1], 60))
    assert sale.filled == 0

    day.reaches("2026-11-23 15:30:00")

    assert [(fill.price, fill.quantity) for fill in sale.fills] == [(day.price(), 4)]
    assert (hopeless.filled, hopeless.cancelled, hopeless.remaining) == (0, 6, 0)


def test_without_bids_nothing_can_be_sold_even_in_the_auction(day: Day) -> None:
    day.buys(10)
    day.simulation.set_conditions(SAMSUNG, no_bids=True)
    sale = day.sells(10)

    day.reaches("2026-11-23 15:31:00")

    assert (sale.filled, sale.cancelled) == (0, 10)


def test_at_the_upper_limit_there_are_no_sellers(day: Day) -> None:
    upper = day.simulation.exchange.snapshot(SAMSUNG, day.now).limits.upper
    day.simulation.force_price(SAMSUNG, upper)

    order = day.buys(10)
    day.passes(minutes=10)

    assert order.filled == 0


def test_a_halted_stock_takes_no_orders_but_cancels(day: Day) -> None:
    order = day.buys(10, steps(book(day)[0], -20))
    day.simulation.set_conditions(SAMSUNG, halted=True)

    assert refused(day, 1) is Refusal.HALTED
    assert day.cancels(order).quantity == 10


def test_an_interrupted_stock_queues_orders_and_trades_them_afterwards(day: Day) -> None:
    day.simulation.set_conditions(SAMSUNG, interrupted=True)
    order = day.buys(10)
    day.passes(minutes=2)
    assert order.filled == 0

    day.simulation.set_conditions(SAMSUNG, interrupted=False)

    assert order.filled == 10


def test_fill_or_kill_does_nothing_by_halves_and_ioc_keeps_nothing() -> None:
    day = Day(a_simulation(opening_cash=10_000_000_000))

    killed = day.buys(20_000, symbol=THIN, kind=OrderType.MARKET_FOK)
    taken = day.buys(20_000, symbol=THIN, kind=OrderType.MARKET_IOC)

    assert (killed.filled, killed.remaining) == (0, 0)
    assert taken.filled > 0
    assert taken.remaining == 0


def test_a_best_limit_order_takes_the_best_ask(day: Day) -> None:
    _, ask = book(day)

    order = day.buys(10, kind=OrderType.BEST_LIMIT)

    assert (order.price, order.filled) == (ask, 10)


def test_order_numbers_rise_within_a_day_and_begin_again_the_next(day: Day) -> None:
    first, second = day.buys(1), day.buys(1)
    day.reaches("2026-11-24 10:00:00")
    next_day = day.buys(1)

    assert first.number < second.number
    assert next_day.number == first.number
    assert len(first.number) == 10
