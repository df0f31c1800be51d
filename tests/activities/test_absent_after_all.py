"""Orders that were proven absent but exist: their shares are watched and sold."""

from datetime import timedelta

from activities.cycles import CycleRequest
from activities.entries import PreparedEntry
from activities.selling import PreparedExit
from activities.settling import CloseRequest
from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.identity import recovery_worker
from domain.market import Side
from domain.order import Accepted, BrokerOrderRef, OrderPurpose, OrderRecord, OrderStatus
from domain.position import ExitReason
from domain.session import SessionDate
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.account.test_late_fills import (
    TODAY,
    adopted,
    earned,
    events_of,
    net,
    reconciled,
    sold_by,
    verified,
)
from tests.activities.desk import Desk
from tests.support.builders import SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT


async def given_up(desk: Desk, *, works: bool = False) -> tuple[PreparedEntry, OrderRecord]:
    """Send a buy whose reply is lost, conclude that it was never placed, and release its position."""
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash")
    entry = await desk.prepared()
    if works:
        desk.simulation.set_conditions(SAMSUNG, no_asks=True)
    await desk.submits(entry)
    await desk.database.orders.prove_absent(entry.intent_id, "three clean reads")
    close = CloseRequest(entry.position_id, ExitReason.OPERATOR, entry.lease, timedelta(0))
    await desk.does(desk.settling.abandon_entry, close)
    record = await desk.database.orders.get(entry.intent_id)
    assert record is not None
    assert record.status is OrderStatus.NEVER_PLACED
    return entry, record


async def test_an_order_that_is_listed_after_it_was_proven_absent_is_ours_and_sold(desk: Desk) -> None:
    entry, _ = await given_up(desk)

    await reconciled(desk)
    held = await adopted(desk)

    (event,) = await events_of(desk, EventKind.ORDER_EXISTS_AFTER_ALL)
    assert event.level is EventLevel.CRITICAL
    assert held.quantity == entry.quantity
    await sold_by(desk, entry, held)
    assert await net(desk) == earned(desk)
    assert await verified(desk) == []


async def test_a_reply_that_accepts_an_order_after_it_was_proven_absent_is_believed(desk: Desk) -> None:
    entry, record = await given_up(desk)
    ref = BrokerOrderRef(SessionDate(TODAY), "91252", desk.sent[0].number)

    await desk.database.orders.record_outcome(record.intent.intent_id, Accepted(ref))
    followed = await desk.follows(entry.intent_id)

    assert followed.filled_quantity == entry.quantity
    held = await adopted(desk)
    await sold_by(desk, entry, held)
    assert await net(desk) == earned(desk)


async def test_an_order_that_works_after_it_was_proven_absent_is_ended_by_the_recovery_worker(desk: Desk) -> None:
    await given_up(desk, works=True)

    await reconciled(desk)

    recovery = recovery_worker(SAMSUNG)
    assert await desk.database.locks.lost_openings(ACCOUNT) == (recovery,)
    request = CycleRequest(ACCOUNT, recovery, f"trading-worker/{ACCOUNT}/{recovery}")
    cycle = await desk.does(desk.cycles.begin_cycle, request)
    (order,) = cycle.unfinished
    await desk.does(desk.orders.cancel_order, order.intent_id)
    assert (await desk.follows(order.intent_id)).status is OrderStatus.CANCELLED
    assert [each.worker_id for each in await desk.database.workers.board(ACCOUNT, TODAY)] == [WORKER]


async def test_a_sale_that_is_accepted_after_it_was_proven_absent_comes_to_its_end_before_another(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.set_conditions(SAMSUNG, no_bids=True)
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash")
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 0))
    assert isinstance(sale, PreparedExit)
    await desk.submits(sale, OrderPurpose.EXIT)
    await desk.database.orders.prove_absent(sale.intent_id, "three clean reads")
    ref = BrokerOrderRef(SessionDate(TODAY), "91252", desk.sent[-1].number)
    await desk.database.orders.record_outcome(sale.intent_id, Accepted(ref))

    again = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 1))

    assert isinstance(again, PreparedExit)
    assert again.intent_id == sale.intent_id
    assert (await desk.submits(again, OrderPurpose.EXIT)).status is OrderStatus.ACCEPTED
    assert len(desk.side_of(Side.SELL)) == 1


async def test_two_orders_that_could_be_the_absent_one_are_bound_to_nothing(desk: Desk) -> None:
    _, record = await given_up(desk)
    intent = record.intent
    assert intent.limit_price is not None
    twin = OrderRequest(desk.broker_account.id, SAMSUNG, Side.BUY, OrderType.LIMIT, intent.quantity, intent.limit_price)
    desk.simulation.place_order(twin, by_hand=True)

    await reconciled(desk)

    assert await desk.database.orders.get(intent.intent_id) == record


async def test_an_order_of_an_hour_later_is_the_owners(desk: Desk) -> None:
    desk.simulation.add_fault(kind="drop_before", path="order-cash")
    entry = await desk.prepared()
    await desk.submits(entry)
    await desk.database.orders.prove_absent(entry.intent_id, "three clean reads")
    record = await desk.database.orders.get(entry.intent_id)
    assert record is not None
    assert record.intent.limit_price is not None
    desk.passes(hours=1)
    twin = OrderRequest(
        desk.broker_account.id, SAMSUNG, Side.BUY, OrderType.LIMIT, record.intent.quantity, record.intent.limit_price
    )
    desk.simulation.place_order(twin, by_hand=True)

    await reconciled(desk)

    assert await desk.database.orders.get(entry.intent_id) == record
