"""Acceptance by the broker and by the exchange are two events; a cancel on its way can be beaten by a fill."""

from pathlib import Path
from typing import Any

import pytest

from simulator.krx.units import Price, Quantity, Side
from simulator.order_types import OrderType
from simulator.orders import ChangeRequest, Order, OrderAction, OrderRequest
from simulator.refusals import OrderRefusedError, Refusal
from simulator.underway import Way
from tests.simulator.market_day import (
    ACCOUNT,
    ORDER_LIST,
    SAMSUNG,
    Client,
    Day,
    a_cancel,
    a_simulation,
    an_order,
    steps,
)

BUY = "TTTC0012U"
CANCEL = "TTTC0013U"
LIST = ("/trading/inquire-daily-ccld", "TTTC0081R", ORDER_LIST)


@pytest.fixture
def day() -> Day:
    return Day(a_simulation())


@pytest.fixture
def client() -> Client:
    return Client(a_simulation())


def the_order(client: Client) -> Order:
    return client.simulation.engine.account(ACCOUNT).orders[0]


async def rows(client: Client) -> list[dict[str, Any]]:
    return list((await client.get(*LIST)).json()["output1"])


async def test_an_accepted_order_trades_only_when_it_has_reached_the_exchange(client: Client) -> None:
    client.simulation.add_fault(kind="late_at_exchange", path="order-cash", seconds=10)

    reply = await client.post("/trading/order-cash", BUY, an_order(10))
    Day(client.simulation).passes(seconds=9)
    before = await rows(client)
    Day(client.simulation).passes(seconds=2)

    assert reply.json()["rt_cd"] == "0"
    assert (before[0]["odno"], before[0]["rmn_qty"]) == (reply.json()["output"]["ODNO"], "10")
    assert the_order(client).filled == 10


async def test_an_order_on_its_way_cannot_be_cancelled_and_lives_on(client: Client) -> None:
    client.simulation.add_fault(kind="late_at_exchange", path="order-cash", seconds=10)
    number = (await client.post("/trading/order-cash", BUY, an_order(10))).json()["output"]["ODNO"]

    refused = await client.post("/trading/order-rvsecncl", CANCEL, a_cancel(number))
    Day(client.simulation).passes(seconds=11)

    assert (refused.json()["rt_cd"], refused.json()["msg_cd"]) == ("1", "APBK0344")
    assert the_order(client).filled == 10


async def test_the_exchange_rejects_an_accepted_order_later(client: Client) -> None:
    client.simulation.add_fault(kind="reject_later", path="order-cash", seconds=5)

    await client.post("/trading/order-cash", BUY, an_order(10))
    before = await rows(client)
    Day(client.simulation).passes(seconds=6)

    assert (before[0]["rmn_qty"], before[0]["rjct_qty"]) == ("10", "0")
    assert [(row["rmn_qty"], row["rjct_qty"]) for row in await rows(client)] == [("0", "10")]


@pytest.mark.parametrize(("shares", "filled", "cancelled"), [(0, 10, 0), (4, 4, 6)])
async def test_an_accepted_cancel_is_beaten_by_a_fill(client: Client, shares: int, filled: int, cancelled: int) -> None:
    day = Day(client.simulation)
    limit = steps(day.price(), -20)
    number = (await client.post("/trading/order-cash", BUY, an_order(10, limit))).json()["output"]["ODNO"]
    client.simulation.add_fault(kind="cancel_beaten", path="order-rvsecncl", seconds=3, shares=shares)

    reply = await client.post("/trading/order-rvsecncl", CANCEL, a_cancel(number))
    underway = the_order(client).remaining
    again = await client.post("/trading/order-rvsecncl", CANCEL, a_cancel(number))
    day.passes(seconds=4)

    order, row = client.simulation.engine.account(ACCOUNT).orders
    assert (reply.json()["rt_cd"], underway, again.json()["msg_cd"]) == ("0", 10, "APBK0344")
    assert (order.filled, order.cancelled, order.remaining) == (filled, cancelled, 0)
    assert [(fill.price, fill.quantity) for fill in order.fills] == [(limit, filled)]
    assert (row.action, row.quantity, row.rejected) == (OrderAction.CANCEL, 10, filled)


def test_nobody_beats_the_cancel_of_a_stock_without_buyers(day: Day) -> None:
    day.buys(10)
    sale = day.sells(10, steps(day.price(), 20))
    day.simulation.set_conditions(SAMSUNG, no_bids=True)

    day.simulation.change_order(a_change(sale), Way(beaten=10))
    day.passes(seconds=1)

    assert (sale.filled, sale.cancelled) == (0, 10)


def test_a_cancel_of_a_sale_that_has_filled_meanwhile_books_nothing(day: Day) -> None:
    day.buys(10)
    sale = day.sells(10, steps(day.price(), 3))
    cancel = day.simulation.change_order(a_change(sale), Way(late=20, beaten=10))

    day.passes(seconds=5)
    day.simulation.force_price(SAMSUNG, steps(sale.price, 5))
    day.passes(seconds=20)

    assert (sale.filled, sale.cancelled, cancel.rejected) == (10, 0, 10)
    assert all(fill.quantity for fill in sale.fills)


def test_an_order_that_reaches_a_closed_exchange_is_rejected(day: Day) -> None:
    day.reaches("2026-11-23 15:29:58")

    order = day.simulation.place_order(a_buy(), way=Way(late=5))
    day.passes(seconds=10)

    assert (order.filled, order.rejected, order.remaining) == (0, 10, 0)


def test_a_restart_finds_orders_on_their_way(tmp_path: Path) -> None:
    simulation = a_simulation(journal=tmp_path)
    simulation.place_order(a_buy(), way=Way(late=30))
    simulation.close()

    again = Day(a_simulation(journal=tmp_path))
    order = again.simulation.engine.account(ACCOUNT).orders[0]
    underway = again.simulation.engine.is_underway(order)
    again.passes(seconds=31)

    assert underway
    assert order.filled == 10


def test_an_order_on_its_way_is_not_among_those_that_can_be_changed(day: Day) -> None:
    order = day.simulation.place_order(a_buy(), way=Way(late=30))

    with pytest.raises(OrderRefusedError) as caught:
        day.amends(order, day.price())

    assert caught.value.refusal is Refusal.NOTHING_TO_CHANGE


def a_buy() -> OrderRequest:
    return OrderRequest(ACCOUNT, SAMSUNG, Side.BUY, OrderType.MARKET, Quantity(10), Price(0))


def a_change(order: Order) -> ChangeRequest:
    return ChangeRequest(ACCOUNT, order.number, OrderAction.CANCEL, OrderType.LIMIT, None, Price(0))
