"""Order types and the markets beside the regular session: hours, prices and unfilled remainders."""

import pytest

from simulator.krx.prices import STOCK_GRID
from simulator.order_types import OrderType
from simulator.refusals import OrderRefusedError, Refusal
from tests.simulator.market_day import ACCOUNT, BALANCE, SAMSUNG, Client, Day, a_simulation, an_order, steps

OVERHEATED = "090710"


@pytest.fixture
def day() -> Day:
    return Day(a_simulation())


def refusal_of(day: Day, kind: OrderType, price: int = 0) -> Refusal | None:
    try:
        day.buys(1, price, kind=kind)
    except OrderRefusedError as error:
        return error.refusal
    return None


@pytest.mark.parametrize(
    ("at", "kind", "refusal"),
    [
        ("08:29:59", "05", Refusal.BEFORE_OPEN),
        ("08:30:00", "05", None),
        ("08:40:00", "05", Refusal.AFTER_CLOSE),
        ("08:29:59", "01", Refusal.BEFORE_OPEN),
        ("08:30:00", "01", None),
        ("08:30:00", "03", Refusal.ORDER_TYPE),
        ("08:30:00", "21", Refusal.ORDER_TYPE),
        ("09:00:00", "04", None),
        ("15:19:59", "13", None),
        ("15:20:00", "13", Refusal.ORDER_TYPE),
        ("15:29:59", "01", None),
        ("15:30:00", "01", Refusal.AFTER_CLOSE),
        ("15:29:59", "06", Refusal.BEFORE_OPEN),
        ("15:30:00", "06", None),
        ("16:00:00", "06", Refusal.AFTER_CLOSE),
        ("15:59:59", "44", Refusal.BEFORE_OPEN),
        ("16:00:00", "44", None),
        ("20:00:00", "44", Refusal.AFTER_CLOSE),
        ("16:30:00", "07", Refusal.ORDER_TYPE),
    ],
)
def test_each_market_opens_and_closes_to_the_second(at: str, kind: str, refusal: Refusal | None) -> None:
    assert refusal_of(Day(a_simulation(f"2026-11-23 {at}")), OrderType(kind)) is refusal


@pytest.mark.parametrize(("kind", "refusal"), [("07", None), ("41", Refusal.ORDER_TYPE)])
def test_until_september_2026_the_single_price_session_stood_where_the_after_market_is(
    kind: str, refusal: Refusal | None
) -> None:
    day = Day(a_simulation("2026-09-11 16:05:00"))

    assert refusal_of(day, OrderType(kind), day.price()) is refusal


def test_before_the_open_orders_trade_at_the_previous_close_and_the_rest_is_cancelled() -> None:
    day = Day(a_simulation("2026-11-23 08:31:00", opening_cash=10**12))
    base = day.simulation.exchange.snapshot(SAMSUNG, day.now).base

    order = day.buys(2_000_000, kind=OrderType.PRE_OPEN_CLOSE)
    at_once = order.filled
    day.reaches("2026-11-23 08:40:00")

    assert {fill.price for fill in order.fills} == {base}
    assert at_once < order.filled < order.quantity
    assert (order.remaining, order.cancelled) == (0, order.quantity - order.filled)


def test_after_the_close_orders_wait_ten_minutes_and_trade_at_the_close(day: Day) -> None:
    day.reaches("2026-11-23 15:31:00")
    order = day.buys(10, kind=OrderType.POST_CLOSE)
    day.reaches("2026-11-23 15:39:59")
    waiting = order.filled
    day.reaches("2026-11-23 15:45:00")

    assert (waiting, order.filled) == (0, 10)
    assert {fill.price for fill in order.fills} == {day.price()}


def test_the_single_price_session_matches_every_ten_minutes_within_ten_percent() -> None:
    day = Day(a_simulation("2026-09-11 16:01:00"))
    close = day.price()
    order = day.buys(1, close, kind=OrderType.SINGLE_PRICE)

    assert refusal_of(day, OrderType.SINGLE_PRICE, steps(close, 200)) is Refusal.OUTSIDE_LIMITS
    day.reaches("2026-09-11 16:09:59")
    assert order.filled == 0
    day.reaches("2026-09-11 16:10:00")
    assert [fill.price for fill in order.fills] == [close]


def test_the_evening_moves_price_and_volume_until_midnight_and_leaves_the_next_base_alone(day: Day) -> None:
    day.reaches("2026-11-23 15:59:00")
    exchange = day.simulation.exchange
    closed = exchange.snapshot(SAMSUNG, day.now)
    day.reaches("2026-11-23 19:59:00")
    evening = exchange.snapshot(SAMSUNG, day.now)
    order = day.buys(3, kind=OrderType.EVENING_BEST)
    too_many = day.buys(900, closed.limits.lower, kind=OrderType.EVENING_LIMIT_FOK)
    resting = day.buys(5, closed.limits.lower, kind=OrderType.EVENING_LIMIT)
    day.reaches("2026-11-23 20:00:00")

    assert evening.totals.volume > closed.totals.volume
    assert (order.filled, too_many.filled, too_many.cancelled) == (3, 0, 900)
    assert abs(order.fills[0].price - evening.price) <= 2 * (steps(evening.price, 1) - evening.price)
    assert (resting.filled, resting.remaining) == (0, 0)
    day.reaches("2026-11-24 00:00:00")
    assert exchange.snapshot(SAMSUNG, day.now).price == closed.price
    day.reaches("2026-11-24 08:45:00")
    assert exchange.snapshot(SAMSUNG, day.now).base == closed.price


async def test_a_balance_is_valued_at_the_regular_close_unless_the_evening_is_asked_for() -> None:
    client = Client(a_simulation())
    day = Day(client.simulation)
    day.buys(10)
    day.reaches("2026-11-23 17:00:00")
    close = day.simulation.exchange.path(SAMSUNG, day.simulation.exchange.shown_session(day.now)).close_price
    day.simulation.force_price(SAMSUNG, steps(close, 5))

    prices = [
        (await client.get("/trading/inquire-balance", "TTTC8434R", BALANCE | {"AFHR_FLPR_YN": basis})).json()
        for basis in ("N", "Y")
    ]

    assert [body["output1"][0]["prpr"] for body in prices] == [str(close), str(steps(close, 5))]
    assert [body["output2"][0]["scts_evlu_amt"] for body in prices] == [str(10 * close), str(10 * steps(close, 5))]


def test_a_price_forced_in_the_evening_holds_there_and_fills_who_waits(day: Day) -> None:
    day.reaches("2026-11-23 17:00:00")
    close = day.simulation.exchange.path(SAMSUNG, day.simulation.exchange.shown_session(day.now)).close_price
    limit = steps(day.price(), -20)
    order = day.buys(4, limit, kind=OrderType.EVENING_LIMIT)

    day.simulation.force_price(SAMSUNG, steps(limit, -2))
    day.passes(minutes=2)

    assert [(fill.price, fill.quantity) for fill in order.fills] == [(limit, 4)]
    assert day.price() == steps(limit, -2)
    day.reaches("2026-11-24 08:45:00")
    assert day.price() == close


def test_a_conditional_limit_turns_into_a_market_order_in_the_closing_auction(day: Day) -> None:
    far_below = steps(day.price(), -60)
    conditional, plain = day.buys(10, far_below, kind=OrderType.CONDITIONAL_LIMIT), day.buys(10, far_below)
    kept_back = conditional.reserved
    day.reaches("2026-11-23 15:29:59")
    before = conditional.filled
    day.reaches("2026-11-23 15:30:00")

    assert kept_back >= 10 * day.simulation.exchange.snapshot(SAMSUNG, day.now).limits.upper
    assert (before, conditional.filled, plain.filled) == (0, 10, 0)
    assert conditional.fills[0].price == day.price()


def test_a_stop_limit_sleeps_until_its_trigger(day: Day) -> None:
    day.buys(10)
    price = day.price()
    client_order = day.sells(10, steps(price, -30), kind=OrderType.STOP_LIMIT, trigger=steps(price, -10))
    day.simulation.force_price(SAMSUNG, steps(price, -9))
    asleep = (client_order.filled, client_order.triggered)
    day.simulation.force_price(SAMSUNG, steps(price, -11))

    assert asleep == (0, False)
    assert (client_order.filled, client_order.triggered) == (10, True)


def test_a_mid_price_order_trades_between_the_best_prices(day: Day) -> None:
    order = day.buys(40, kind=OrderType.MID_PRICE)
    day.passes(seconds=30)
    impossible = day.buys(5_000_000 // day.price(), kind=OrderType.MID_FOK)

    assert order.filled > 0
    assert any(not STOCK_GRID.is_on_grid(fill.price) for fill in order.fills)
    assert impossible.filled in (0, impossible.quantity)
    assert impossible.remaining == 0


def test_an_order_cannot_be_amended_into_another_market(day: Day) -> None:
    order = day.buys(10, steps(day.price(), -20))

    with pytest.raises(OrderRefusedError) as caught:
        day.amends(order, steps(day.price(), -20), kind=OrderType.EVENING_LIMIT)

    assert caught.value.refusal is Refusal.ORDER_TYPE
    assert order.remaining == 10


def test_an_evening_order_can_be_cancelled_in_the_evening_only(day: Day) -> None:
    day.reaches("2026-11-23 16:30:00")
    order = day.buys(1, steps(day.price(), -20), kind=OrderType.EVENING_LIMIT)

    day.cancels(order)

    assert order.cancelled == 1
    with pytest.raises(OrderRefusedError) as caught:
        day.cancels(order)
    assert caught.value.refusal is Refusal.AFTER_CLOSE


async def test_market_orders_of_overheated_stocks_and_most_types_on_paper_are_refused() -> None:
    real, paper = Client(a_simulation()), Client(a_simulation(environment="paper"))

    overheated = (await real.post("/trading/order-cash", "TTTC0012U", an_order(1, symbol=OVERHEATED))).json()
    on_paper = (await paper.post("/trading/order-cash", "VTTC0012U", an_order(1) | {"ORD_DVSN": "13"})).json()
    conditional = an_order(1, 60_000) | {"ORD_DVSN": "02"}
    taken = (await paper.post("/trading/order-cash", "VTTC0012U", conditional)).json()

    assert (overheated["msg_cd"], on_paper["msg_cd"], taken["rt_cd"]) == ("APBK1943", "90000000", "0")


async def test_a_stop_limit_shows_its_trigger_over_the_wire() -> None:
    client = Client(a_simulation())
    body = an_order(1, 60_000) | {"ORD_DVSN": "22", "CNDT_PRIC": "90000"}

    reply = (await client.post("/trading/order-cash", "TTTC0012U", body)).json()

    order = client.simulation.engine.account(ACCOUNT).orders[-1]
    assert (reply["rt_cd"], order.trigger, order.filled, order.is_dormant) == ("0", 90_000, 0, True)


@pytest.mark.parametrize(
    ("at", "code"), [("08:35", "00"), ("12:00", "20"), ("15:25", "00"), ("15:45", "31"), ("17:00", "30")]
)
async def test_the_book_says_which_market_is_open(at: str, code: str) -> None:
    client = Client(a_simulation(f"2026-11-23 {at}:00"))
    stock = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": SAMSUNG}

    body = (await client.get("/quotations/inquire-asking-price-exp-ccn", "FHKST01010200", stock)).json()["output1"]

    assert body["new_mkop_cls_code"] == code
    assert (int(body["askp1"]) > 0) == (code in ("00", "20") or at == "17:00")
