"""The account's owner sells what we hold, by hand: two witnesses must agree before we believe it (F22, F23, F32)."""

from datetime import timedelta

from activities.selling import PreparedExit, SoldByOthers
from activities.settling import CloseRequest
from domain.market import Side
from domain.money import Price, Quantity
from domain.position import ExitReason
from simulator.orders import OrderRequest, OrderType
from tests.activities.desk import Desk
from tests.builders import SAMSUNG
from tests.stepping import ACCOUNT


def sell_by_hand(desk: Desk, quantity: int) -> None:
    account = desk.sent[0].account
    order = OrderRequest(account, SAMSUNG, Side.SELL, OrderType.MARKET, Quantity(quantity), Price(0))
    assert desk.simulation.place_order(order, by_hand=True).filled == quantity


async def test_shares_that_the_owner_sold_are_not_sold_again(desk: Desk) -> None:
    entry = await desk.buys()
    sell_by_hand(desk, entry.quantity)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 1, after_refusal=True))

    assert decision == SoldByOthers()
    close = CloseRequest(entry.position_id, ExitReason.FOREIGN_SALE, entry.lease, timedelta(0))
    result = await desk.does(desk.settling.close_position, close)
    assert result.exit_reason is ExitReason.FOREIGN_SALE
    assert await desk.database.positions.held_in(ACCOUNT) == ()


async def test_only_what_the_owner_left_is_sold(desk: Desk) -> None:
    entry = await desk.buys()
    sell_by_hand(desk, 1)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 1, after_refusal=True))

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == entry.quantity - 1


async def test_an_empty_balance_alone_proves_no_sale(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.add_fault(kind="empty_balance", count=0)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 1, after_refusal=True))

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == entry.quantity
