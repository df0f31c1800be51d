"""Sales that are missing in the ledger: by a lost worker, and manually before the night."""

from datetime import timedelta

from activities.closing import AwaitFlatRequest
from activities.selling import NothingToSell
from activities.settling import CloseRequest
from domain.event_kind import EventKind
from domain.market import Side
from domain.money import Price, Quantity
from domain.position import ExitReason
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.account.test_late_fills import LISTS, adopted, earned, events_of, net, reconciled
from tests.activities.desk import Desk
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT


async def test_the_close_books_a_position_that_is_sold_out_and_whose_worker_is_gone(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.sells(entry)

    left = await desk.does(desk.closing.await_flat, AwaitFlatRequest(ACCOUNT, timedelta(0)))
    held = await desk.does(desk.closing.seize_position, entry.position_id)

    assert left == (entry.position_id,)
    assert held is not None
    assert (held.quantity, held.sold_because) == (0, ExitReason.OPERATOR)
    assert held.sold_because is not None
    request = desk.exit_of(entry, 3, lease=held.lease)
    assert isinstance(await desk.does(desk.selling.prepare_exit, request), NothingToSell)
    result = await desk.settles(CloseRequest(entry.position_id, held.sold_because, held.lease, timedelta(0)))
    assert result.net_pnl == desk.broker_account.cash - desk.broker_account.opening_cash
    assert await desk.does(desk.closing.await_flat, AwaitFlatRequest(ACCOUNT, timedelta(0))) == ()


async def test_a_sold_out_position_of_a_lost_worker_is_taken_over_and_booked(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.sells(entry)
    await desk.database.locks.renew(entry.lease, timedelta(0))

    held = await adopted(desk)

    assert (held.quantity, held.sold_because) == (0, ExitReason.OPERATOR)
    await desk.settles(CloseRequest(entry.position_id, ExitReason.OPERATOR, held.lease, timedelta(0)))
    assert await net(desk) == earned(desk)


async def test_a_hand_sale_of_yesterday_is_booked_next_morning_at_what_it_brought(desk: Desk) -> None:
    entry = await desk.buys()
    theirs = OrderRequest(desk.broker_account.id, SAMSUNG, Side.SELL, OrderType.MARKET, Quantity(2), Price(0))
    brought = desk.simulation.place_order(theirs, by_hand=True).amount
    desk.passes(days=1)

    await reconciled(desk)

    position = await desk.holding(entry.position_id)
    assert (position.quantity, position.taken, position.taken_amount) == (entry.quantity - 2, 2, brought)
    (event,) = await events_of(desk, EventKind.SOLD_BY_HAND)
    assert event.detail["brought"] == brought


async def test_all_shares_sold_by_hand_yesterday_are_booked_next_morning(desk: Desk) -> None:
    entry = await desk.buys()
    theirs = OrderRequest(
        desk.broker_account.id, SAMSUNG, Side.SELL, OrderType.MARKET, Quantity(entry.quantity), Price(0)
    )
    brought = desk.simulation.place_order(theirs, by_hand=True).amount
    desk.passes(days=1)

    await reconciled(desk)

    position = await desk.holding(entry.position_id)
    assert (position.quantity, position.taken_amount) == (0, brought)
    assert await events_of(desk, EventKind.CARRIED_POSITION_CHANGED) == []


async def test_while_the_lists_of_earlier_days_cannot_be_read_nothing_is_booked(desk: Desk) -> None:
    entry = await desk.buys()
    theirs = OrderRequest(desk.broker_account.id, SAMSUNG, Side.SELL, OrderType.MARKET, Quantity(2), Price(0))
    desk.simulation.place_order(theirs, by_hand=True)
    desk.passes(days=1)
    desk.simulation.add_fault(kind="refuse", path=LISTS, symbol=SAMSUNG, count=0)

    await reconciled(desk)

    assert (await desk.holding(entry.position_id)).quantity == entry.quantity
