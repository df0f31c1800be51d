"""The owner trades a stock manually while our order in it is lost: the listed orders explain the shares (F32, F33)."""

from datetime import timedelta
from typing import Any

import pytest

from activities.entries import PreparedEntry
from activities.resolving import ProofRules, ResolveRequest
from activities.selling import PreparedExit
from broker.kis import KisBroker
from domain.identity import IntentId
from domain.market import Side
from domain.money import Price, Quantity
from domain.order import OrderPurpose, OrderRecord, OrderStatus
from domain.session import SessionDate
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.account.test_late_fills import TODAY
from tests.activities.desk import Desk
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT


def by_hand(desk: Desk, side: Side, quantity: int) -> None:
    order = OrderRequest(desk.broker_account.id, SAMSUNG, side, OrderType.MARKET, Quantity(quantity), Price(0))
    assert desk.simulation.place_order(order, by_hand=True).filled == quantity


async def lost_sale(desk: Desk, kind: str) -> PreparedExit:
    """Hold shares and send their sale, whose reply is lost."""
    return await lost_sale_of(desk, await desk.buys(), kind)


async def lost_sale_of(desk: Desk, entry: PreparedEntry, kind: str) -> PreparedExit:
    desk.simulation.add_fault(kind=kind, path="order-cash")
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert isinstance(sale, PreparedExit)
    assert (await desk.submits(sale, OrderPurpose.EXIT)).status is OrderStatus.UNKNOWN
    desk.rebuild(ProofRules(settle_time=timedelta(seconds=5), clean_reads=2))
    return sale


async def resolved(desk: Desk, intent_id: IntentId) -> OrderRecord:
    record: OrderRecord = await desk.does(desk.resolving.resolve_order, ResolveRequest(intent_id))
    return record


async def test_a_sale_that_never_arrived_is_absent_though_the_owner_sold_some_of_the_shares(desk: Desk) -> None:
    sale = await lost_sale(desk, "drop_before")
    by_hand(desk, Side.SELL, 1)

    assert (await resolved(desk, sale.intent_id)).status is OrderStatus.NEVER_PLACED


async def test_a_buy_that_never_arrived_is_absent_though_the_owner_bought_the_same_stock(desk: Desk) -> None:
    desk.simulation.add_fault(kind="drop_before", path="order-cash")
    entry = await desk.prepared()
    assert (await desk.submits(entry)).status is OrderStatus.UNKNOWN
    desk.rebuild(ProofRules(settle_time=timedelta(seconds=5), clean_reads=2))
    by_hand(desk, Side.BUY, 2)

    assert (await resolved(desk, entry.intent_id)).status is OrderStatus.NEVER_PLACED


async def test_shares_that_no_listed_order_explains_still_speak_against_absence(desk: Desk) -> None:
    by_hand(desk, Side.BUY, 3)
    sale = await lost_sale(desk, "drop_reply_after")
    desk.simulation.add_fault(kind="lag_orders", path="inquire-daily-ccld", seconds=100_000, count=0)

    with pytest.raises(AssertionError, match="does not come"):
        await resolved(desk, sale.intent_id)

    (waiting,) = await desk.database.orders.quarantined(ACCOUNT)
    assert waiting.intent.intent_id == sale.intent_id


async def test_shares_that_the_owner_held_before_do_not_hide_a_sale_of_ours(desk: Desk) -> None:
    owned = 100
    await desk.database.first_looks.keep(ACCOUNT, SessionDate(TODAY), {SAMSUNG: Quantity(owned)}, desk.pace.now())
    entry = await desk.buys()
    desk.broker_account.holdings[SAMSUNG].quantity += owned
    sale = await lost_sale_of(desk, entry, "drop_reply_after")
    desk.simulation.add_fault(kind="hide_orders", path="inquire", number="", count=0)

    with pytest.raises(AssertionError, match="does not come"):
        await resolved(desk, sale.intent_id)

    assert desk.broker_account.holdings[SAMSUNG].quantity == owned
    assert len(await desk.database.orders.quarantined(ACCOUNT)) == 1


async def test_what_the_owner_does_between_list_and_balance_explains_nothing_yet(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await desk.buys()
    by_hand(desk, Side.BUY, entry.quantity)
    sale = await lost_sale_of(desk, entry, "drop_reply_after")
    balance, orders_on = KisBroker.balance, KisBroker.orders_on
    ours = desk.side_of(Side.SELL)[-1].number.lstrip("0")

    async def hidden(broker: KisBroker, *about: Any) -> Any:
        return tuple(row for row in await orders_on(broker, *about) if row.ref.number.lstrip("0") != ours)

    async def then_sold_by_hand(broker: KisBroker, *about: Any) -> Any:
        read = await balance(broker, *about)
        if len(desk.side_of(Side.SELL)) == 1:
            by_hand(desk, Side.SELL, entry.quantity - 1)
            by_hand(desk, Side.SELL, 1)
        return read

    monkeypatch.setattr(KisBroker, "orders_on", hidden)
    monkeypatch.setattr(KisBroker, "balance", then_sold_by_hand)

    with pytest.raises(AssertionError, match="does not come"):
        await resolved(desk, sale.intent_id)

    (waiting,) = await desk.database.orders.quarantined(ACCOUNT)
    assert waiting.intent.intent_id == sale.intent_id
