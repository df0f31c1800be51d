"""Volatility interruptions and circuit breakers: how they start, what orders may do meanwhile, how they end."""

from typing import Any

import pytest

from simulator.krx.prices import STOCK_GRID
from simulator.krx.units import Market, Price, Symbol
from simulator.order_types import OrderType
from simulator.pauses import InterruptionRule, PauseKind
from simulator.refusals import OrderRefusedError, Refusal
from tests.simulator.market_day import ACCOUNT, SAMSUNG, Client, Day, a_simulation, an_order

LIVELY = Symbol("056080")
STOCK = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": SAMSUNG}


@pytest.fixture
def day() -> Day:
    return Day(a_simulation())


def jump(day: Day, by: float, symbol: Symbol = SAMSUNG) -> int:
    """Force a price that may interrupt trading, and return it."""
    target = STOCK_GRID.round_up(round(day.price(symbol) * (1 + by)))
    day.simulation.force_price(symbol, target, vi=True)
    return target


def pause_of(day: Day, symbol: Symbol = SAMSUNG) -> Any:
    return day.simulation.exchange.snapshot(symbol, day.now).pause


@pytest.mark.parametrize(
    ("reference", "upper"), [(12_510, 13_770), (4_905, 5_400), (11_590, 12_750), (118_400, 130_300)]
)
def test_the_static_trigger_is_ten_percent_rounded_up_as_in_published_events(reference: int, upper: int) -> None:
    rule = InterruptionRule(Price(reference), Market.KOSPI, automatic=True, seed="")

    assert rule.bounds(Price(reference))[1] == upper


@pytest.mark.parametrize(
    ("symbol", "by", "kind"),
    [
        (SAMSUNG, 0.031, PauseKind.DYNAMIC),
        (SAMSUNG, 0.02, None),
        (LIVELY, 0.05, None),
        (LIVELY, 0.065, PauseKind.DYNAMIC),
        (SAMSUNG, -0.2, PauseKind.BOTH),
    ],
)
def test_a_jump_of_three_percent_on_kospi_and_six_on_kosdaq_interrupts(
    day: Day, symbol: Symbol, by: float, kind: PauseKind | None
) -> None:
    jump(day, by, symbol)

    pause = pause_of(day, symbol)
    assert (pause.kind if pause else None) is kind


def test_a_slow_rise_of_ten_percent_interrupts_once_and_its_auction_is_the_new_reference() -> None:
    day = Day(a_simulation())
    day.simulation.force_price(SAMSUNG, day.price(), drift=0.004, vi=True)
    day.reaches("2026-11-23 11:00:00")
    session = day.simulation.exchange.shown_session(day.now)
    path = day.simulation.exchange.path(SAMSUNG, session)

    first, second, *_ = path.pauses_until(7_200)

    assert {first.kind, second.kind} == {PauseKind.STATIC}
    assert first.static_reference == path.price_at(0)
    assert second.static_reference == path.price_at(first.end)
    assert 120 <= first.end - first.start <= 150
    assert {path.price_at(second) for second in range(first.start, first.end)} == {first.price}
    assert sum(path.volume_in(second) for second in range(first.start, first.end)) == 0
    assert path.volume_in(first.end) > path.volume_in(first.end + 1)


def test_orders_queue_and_trade_at_the_price_that_ends_the_interruption(day: Day) -> None:
    before = day.price()
    target = jump(day, 0.05)

    assert day.price() == before
    order = day.buys(10)
    for kind in (OrderType.BEST_LIMIT, OrderType.LIMIT_IOC, OrderType.MARKET_FOK):
        with pytest.raises(OrderRefusedError) as caught:
            day.buys(1, before, kind=kind)
        assert caught.value.refusal is Refusal.ORDER_TYPE
    day.passes(seconds=119)
    assert order.filled == 0
    day.passes(seconds=32)

    assert {(fill.price, fill.quantity) for fill in order.fills} == {(target, 10)}


def test_an_order_can_be_cancelled_while_trading_is_interrupted(day: Day) -> None:
    jump(day, 0.05)
    order = day.buys(10)

    day.cancels(order)

    assert order.remaining == 0


def test_forced_prices_interrupt_only_when_asked_and_seeded_ones_only_when_switched_on() -> None:
    day = Day(a_simulation())
    day.simulation.force_price(SAMSUNG, round(day.price() * 1.15))
    assert pause_of(day) is None

    counts = []
    for interruptions in (True, False):
        exchange = a_simulation("2026-11-23 15:20:00", interruptions=interruptions).exchange
        session = exchange.sessions.at(exchange.sessions.position(exchange.shown_session(day.now)))
        counts.append(sum(len(exchange.path(symbol, session).pauses_until(22_800)) for symbol in exchange.tapes))
    assert counts[0] > 0
    assert counts[1] == 0


async def test_an_interruption_shows_in_every_quote_and_in_the_days_list() -> None:
    client = Client(a_simulation())
    target = jump(Day(client.simulation), 0.05)
    values = {"FID_DIV_CLS_CODE": "0", "FID_COND_SCR_DIV_CODE": "20139", "FID_MRKT_CLS_CODE": "0"}
    values |= {"FID_INPUT_ISCD": SAMSUNG, "FID_RANK_SORT_CLS_CODE": "0", "FID_INPUT_DATE_1": ""}
    values |= {"FID_TRGT_CLS_CODE": "", "FID_TRGT_EXLS_CLS_CODE": ""}

    price = (await client.get("/quotations/inquire-price", "FHKST01010100", STOCK)).json()["output"]
    book = (await client.get("/quotations/inquire-asking-price-exp-ccn", "FHKST01010200", STOCK)).json()["output2"]
    running = (await client.get("/quotations/inquire-vi-status", "FHPST01390000", values)).json()["output"]
    Day(client.simulation).passes(seconds=151)
    ended = (await client.get("/quotations/inquire-vi-status", "FHPST01390000", values)).json()["output"]
    after = (await client.get("/quotations/inquire-price", "FHKST01010100", STOCK)).json()["output"]

    assert (price["vi_cls_code"], book["vi_cls_code"], after["vi_cls_code"]) == ("Y", "Y", "N")
    assert (book["antc_cnpr"], after["stck_prpr"]) == (str(target), str(target))
    assert int(book["antc_vol"]) > 0
    assert [(row["vi_cls_code"], row["vi_kind_code"], row["vi_prc"]) for row in running] == [("Y", "2", str(target))]
    assert ended[0]["vi_cncl_hour"] > ended[0]["cntg_vi_hour"] == "093000"


def test_a_circuit_breaker_refuses_orders_for_twenty_minutes_then_queues_them_for_an_auction(day: Day) -> None:
    resting = day.buys(5, day.price() - 1_000)
    day.simulation.break_circuit(1)
    frozen = day.price()

    with pytest.raises(OrderRefusedError) as caught:
        day.buys(10)
    day.cancels(resting)
    day.passes(minutes=21)
    queued = day.buys(10)
    day.passes(minutes=8)
    assert (day.price(), queued.filled) == (frozen, 0)
    day.passes(minutes=1)

    assert caught.value.refusal is Refusal.MARKET_HALTED
    assert (queued.filled, {fill.price for fill in queued.fills}) == (10, {day.price()})


def test_stage_three_ends_the_day_at_the_last_price(day: Day) -> None:
    resting = day.buys(5, day.price() - 1_000)
    day.simulation.break_circuit(3, "kospi")
    last, other = day.price(), day.price(LIVELY)
    day.reaches("2026-11-23 17:00:00")

    assert (day.price(), resting.filled, resting.remaining) == (last, 0, 0)
    assert day.price(LIVELY) != other
    day.reaches("2026-11-24 08:45:00")
    assert day.simulation.exchange.snapshot(SAMSUNG, day.now).base == last


async def test_a_breaker_that_the_rules_forbid_is_refused() -> None:
    client = Client(a_simulation("2026-11-23 14:40:00"))

    first = await client.control("/market", {"circuit_breaker": 2})
    again = await client.control("/market", {"circuit_breaker": 1})
    await client.control("/clock", {"set": "2026-11-23 14:51:00"})
    late = await client.control("/market", {"circuit_breaker": 1, "market": "kosdaq"})

    assert first["phase"] == "continuous"
    assert "stage" in again["error"]
    assert "last forty minutes" in late["error"]


def test_a_halt_lasts_through_the_closing_auction_and_after_hours(day: Day) -> None:
    day.buys(10)
    held = day.sells(10, day.price() + 5_000)
    day.simulation.set_conditions(SAMSUNG, halted=True)
    day.reaches("2026-11-23 18:00:00")

    assert held.filled == 0
    with pytest.raises(OrderRefusedError) as caught:
        day.sells(10, day.price(), kind=OrderType.EVENING_LIMIT)
    assert caught.value.refusal is Refusal.HALTED
    assert day.simulation.engine.account(ACCOUNT).sellable(SAMSUNG) == 10


def test_a_lower_limit_lock_leaves_a_position_unsold_until_the_day_is_over(day: Day) -> None:
    day.buys(10)
    limits = day.simulation.exchange.snapshot(SAMSUNG, day.now).limits
    day.simulation.force_price(SAMSUNG, limits.lower, volume=0)

    by_market, at_the_limit = day.sells(4), day.sells(3, limits.lower)
    day.reaches("2026-11-23 15:45:00")
    after_hours = day.sells(3, kind=OrderType.POST_CLOSE)
    day.reaches("2026-11-23 15:59:59")

    assert (by_market.filled, at_the_limit.filled, after_hours.filled) == (0, 0, 0)
    assert day.price() == limits.lower


async def test_the_price_interrupts_over_the_wire_too() -> None:
    client = Client(a_simulation())
    price = Day(client.simulation).price()

    shown = await client.control("/prices", {"symbol": SAMSUNG, "price": round(price * 1.05), "vi": True})
    reply = (await client.post("/trading/order-cash", "TTTC0012U", an_order(1) | {"ORD_DVSN": "03"})).json()

    assert (shown["pause"], shown["price"], reply["msg_cd"]) == ("dynamic", price, "APBK1943")
