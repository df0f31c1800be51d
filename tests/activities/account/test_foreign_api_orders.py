"""API orders of another program stop entries; our own orders never do, even before their reply is recorded."""

from collections.abc import Callable
from typing import Any, Final

import psycopg
import pytest

from activities.account.comparing import BooksComparison, How, ReconcileRequest
from activities.resolving import ResolveRequest
from broker.kis import KisBroker
from domain.costs import BANKIS_COMMISSION
from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.foreign_api_order import Acceptance
from domain.identity import WorkerId
from domain.lane import Lane
from domain.market import Side, Symbol
from domain.money import Price, Quantity
from domain.order import BrokerOrder, OrderStatus
from domain.session import SessionDate
from domain.unreadable import Rows
from reporting.sentences import words
from simulator.order_types import OrderType
from simulator.orders import Order, OrderRequest
from tests.activities.account.test_disagreements import compares, shut
from tests.activities.account.test_session_books import events_of
from tests.activities.desk import PLAN, Desk
from tests.activities.test_absent_after_all import given_up
from tests.support.builders import HYNIX, SAMSUNG
from tests.support.stepping import ACCOUNT

TODAY: Final = PLAN.session.date
NAVER: Final = Symbol("035420")


def another_program_orders(desk: Desk, quantity: int = 3, *, by_hand: bool = False) -> Order:
    """Send an order for a stock that we do not hold, without writing it to the ledger."""
    account = desk.broker_account.id
    request = OrderRequest(account, HYNIX, Side.BUY, OrderType.MARKET, Quantity(quantity), Price(0))
    return desk.simulation.place_order(request, by_hand=by_hand)


async def accepts(desk: Desk, number: str = "") -> int:
    acceptance = Acceptance("kim", "my rebalancing script", desk.pace.now(), number)
    return len(await desk.database.foreign_api_orders.accept(ACCOUNT, TODAY, acceptance))


async def test_an_order_by_api_that_is_not_ours_shuts_entries_and_is_one_critical_event(desk: Desk) -> None:
    order = another_program_orders(desk)

    for _ in range(3):
        await compares(desk)

    (reason,) = await shut(desk)
    assert f"{order.number} (buy 3 of {HYNIX})" in reason
    assert words("ko").say(reason).startswith("다른 프로그램이 이 계좌에 API로 주문을 냄: ")
    (event,) = await events_of(desk, EventKind.ORDER_OF_ANOTHER_PROGRAM)
    assert (event.level, event.symbol, event.detail["order"]) == (EventLevel.CRITICAL, HYNIX, order.number)


async def test_beside_another_program_nothing_is_bought_and_everything_can_be_sold(desk: Desk) -> None:
    entry = await desk.buys()
    another_program_orders(desk)
    await compares(desk)

    blocked = await desk.prepares(NAVER, name="worker-2.1", worker=WorkerId("worker-2"))
    assert "another program" in str(blocked)
    assert await events_of(desk, EventKind.ENTRY_DENIED)
    record = await desk.sells(entry)
    assert record.filled_quantity == entry.quantity


async def test_a_manual_order_shuts_nothing(desk: Desk) -> None:
    another_program_orders(desk, by_hand=True)

    await compares(desk)

    assert await shut(desk) == ()


async def test_our_own_buys_cancels_and_sales_are_ours(desk: Desk) -> None:
    sold = await desk.buys()
    await desk.sells(sold)
    waiting = await desk.prepared(HYNIX, worker=WorkerId("worker-2"))
    desk.simulation.set_conditions(HYNIX, no_asks=True)
    await desk.submits(waiting)
    await desk.does(desk.orders.cancel_order, waiting.intent_id)
    await desk.follows(waiting.intent_id)

    await compares(desk)

    assert {order.original != "" for order in desk.broker_account.orders} == {False, True}
    assert await shut(desk) == ()


async def test_an_order_whose_reply_was_lost_is_ours_before_and_after_it_is_found(desk: Desk) -> None:
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash")
    entry = await desk.prepared()
    assert (await desk.submits(entry)).status is OrderStatus.UNKNOWN
    await compares(desk)
    assert await shut(desk) == ()

    await desk.does(desk.resolving.resolve_order, ResolveRequest(entry.intent_id))
    await compares(desk)

    record = await desk.database.orders.get(entry.intent_id)
    assert record is not None
    assert record.ref is not None
    assert await shut(desk) == ()


@pytest.mark.parametrize("quarantined", [False, True], ids=["given up", "in quarantine"])
async def test_an_order_that_may_be_ours_after_all_shuts_nothing(desk: Desk, *, quarantined: bool) -> None:
    if quarantined:
        desk.simulation.add_fault(kind="drop_reply_after", path="order-cash")
        entry = await desk.prepared()
        await desk.submits(entry)
        await desk.database.orders.quarantine(entry.intent_id, "twins")
    else:
        await given_up(desk)

    await compares(desk)

    assert await shut(desk) == ()


class SendsMeanwhile:
    """Sends an order of another of our hosts while the list is being read; all other calls go to the real client."""

    def __init__(self, broker: KisBroker, meanwhile: Callable[[], Any]) -> None:
        self._broker = broker
        self._meanwhile: Callable[[], Any] | None = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def orders_on(self, session_date: SessionDate, lane: Lane, *about: Any) -> Rows[BrokerOrder]:
        """Read the list after the other host has sent; its reply is recorded only after this list was read."""
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return await self._broker.orders_on(session_date, lane, *about)


async def test_an_order_that_another_host_sends_while_the_list_is_read_is_ours(desk: Desk) -> None:
    async def another_host_sends() -> None:
        entry = await desk.prepared()
        desk.simulation.add_fault(kind="drop_reply_after", path="order-cash")
        await desk.submits(entry)

    broker: Any = SendsMeanwhile(desk.broker, another_host_sends)
    comparison = BooksComparison(broker, desk.database, desk.pace, BANKIS_COMMISSION)
    await comparison.compare(ReconcileRequest(ACCOUNT), How())

    assert len(desk.sent) == 1
    assert await shut(desk) == ()


async def test_an_order_of_ours_that_the_books_have_forgotten_is_not_explained_by_them(
    desk: Desk, database_url: str
) -> None:
    entry = await desk.prepared()
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash")
    await desk.submits(entry)
    with psycopg.connect(database_url) as owner:
        owner.execute("DELETE FROM orders")

    await compares(desk)

    assert "another program" in (await shut(desk))[0]


async def test_accepted_orders_let_entries_open_and_a_new_one_shuts_them_again(desk: Desk) -> None:
    first, second = another_program_orders(desk), another_program_orders(desk, 4)
    await desk.database.risk.close_entries(ACCOUNT, TODAY, "the disk is full")
    await compares(desk)

    assert await accepts(desk, first.number) == 1
    assert len(await shut(desk)) == 2
    assert await accepts(desk) == 1
    assert await accepts(desk) == 0
    assert await shut(desk) == ("the disk is full",)
    assert {event.detail["order"] for event in await events_of(desk, EventKind.ORDER_OF_ANOTHER_PROGRAM_ACCEPTED)} == {
        first.number,
        second.number,
    }

    await compares(desk)
    assert await shut(desk) == ("the disk is full",)
    third = another_program_orders(desk, 5)
    await compares(desk)

    (reason,) = set(await shut(desk)) - {"the disk is full"}
    assert third.number in reason
    assert first.number not in reason


async def test_an_order_that_an_operator_recognises_as_ours_opens_entries(desk: Desk) -> None:
    entry = await desk.prepared()
    desk.simulation.add_fault(kind="drop_before", path="order-cash")
    await desk.submits(entry)
    await desk.database.orders.quarantine(entry.intent_id, "seen in the app")
    theirs = another_program_orders(desk)
    await compares(desk)
    assert len(await shut(desk)) == 1

    await desk.database._pool.execute(
        "UPDATE foreign_api_orders SET symbol = $1, side = 'buy' WHERE order_no = $2", SAMSUNG, theirs.number
    )
    (row,) = await desk.broker.orders_on(TODAY, Lane.RESOLVE)
    await desk.database.orders.adopt(entry.intent_id, row.ref, "an operator")
    assert await desk.database.foreign_api_orders.waiting(ACCOUNT, TODAY) == ()


async def test_a_sale_of_another_program_beside_our_own_position_is_seen(desk: Desk) -> None:
    await desk.buys()
    account = desk.broker_account.id
    desk.simulation.place_order(OrderRequest(account, SAMSUNG, Side.SELL, OrderType.MARKET, Quantity(1), Price(0)))

    await compares(desk)

    assert any("another program" in reason for reason in await shut(desk))
