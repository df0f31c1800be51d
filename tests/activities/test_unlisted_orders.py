"""An order that the broker accepted and no list shows: reported, booked provisionally, and sold (F24)."""

from datetime import timedelta
from typing import Any

import pytest

from activities.account.comparing import ReconcileRequest
from activities.account.first_look import SharesKnown
from activities.account.unlisted import UNLISTED_FOR
from activities.entries import PreparedEntry
from activities.selling import PreparedExit
from domain.errors import BrokerRefusedError
from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.flatness import HeldShares, Proven
from domain.lane import Lane
from domain.market import Side
from domain.money import NO_SHARES, Price, Quantity
from domain.order import Accepted, BrokerOrder, OrderPurpose, OrderRecord, OrderStatus
from domain.position import ExitReason
from domain.session import SessionDate, session_date_of
from domain.stream import NoticeKind, OrderNotice
from domain.unreadable import Rows
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.account.test_late_fills import LISTS, TODAY, earned, events_of, net, reconciled, settled, verified
from tests.activities.desk import PLAN, Desk
from tests.activities.test_orders import THIN
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT, CALENDAR

PATIENCE = UNLISTED_FOR + timedelta(seconds=10)


def hide(desk: Desk, number: str = "", path: str = "inquire") -> None:
    desk.simulation.add_fault(kind="hide_orders", path=path, number=number, count=0)


async def bought_unlisted(desk: Desk) -> tuple[PreparedEntry, OrderRecord]:
    """Buy 60 shares that the broker fills; the cancel finds no open order, and the list has no row."""
    entry = await desk.prepared()
    await desk.submits(entry)
    hide(desk, desk.sent[0].number)
    assert not isinstance(await desk.does(desk.orders.cancel_order, entry.intent_id), Accepted)
    return entry, await desk.follows(entry.intent_id, PATIENCE)


async def test_shares_of_an_order_that_no_list_shows_are_watched_and_sold_to_the_won(desk: Desk) -> None:
    entry, record = await bought_unlisted(desk)

    assert (record.status, record.filled_quantity) == (OrderStatus.FILLED, entry.quantity)
    assert record.provisional == entry.quantity
    (unlisted,), (booked,) = (
        await events_of(desk, EventKind.ACCEPTED_ORDER_NOT_LISTED),
        await events_of(desk, EventKind.FILL_BOOKED_PROVISIONALLY),
    )
    assert unlisted.level is booked.level is EventLevel.CRITICAL
    assert (unlisted.symbol, booked.detail["quantity"]) == (SAMSUNG, entry.quantity)
    desk.pace.meanwhile.append(lambda: desk.price_moves(-0.1))
    assert (await desk.watches(entry)).reason is ExitReason.STOP_LOSS
    await desk.sells(entry)
    await settled(desk, entry)
    assert await net(desk) != earned(desk), "the limit is not what the shares cost"
    desk.simulation.clear_faults()
    await reconciled(desk)
    assert await net(desk) == earned(desk)
    assert await verified(desk) == []


async def test_a_provisional_fill_is_replaced_by_the_lists_while_it_is_held(desk: Desk) -> None:
    entry, _ = await bought_unlisted(desk)
    desk.simulation.clear_faults()

    await reconciled(desk)

    record = await desk.database.orders.get(entry.intent_id)
    assert record is not None
    assert (record.provisional, record.filled_amount) == (0, desk.sent[0].amount)
    assert (await desk.holding(entry.position_id)).cost == desk.broker_account.holdings[SAMSUNG].cost


async def test_only_provisional_shares_are_expected_no_more_when_a_list_shows_fewer(desk: Desk) -> None:
    await bought_unlisted(desk)
    known = SharesKnown(desk.broker, desk.database, desk.pace)

    async def unbooked(hidden: int) -> int:
        desk.simulation.clear_faults()
        desk.simulation.add_fault(kind="hide_fills", path=LISTS, shares=hidden, count=0)
        return await known.unbooked(ACCOUNT, TODAY, await desk.broker.orders_on(TODAY, Lane.RESOLVE), SAMSUNG)

    assert await unbooked(hidden=3) == -3
    await reconciled(desk)
    assert await unbooked(hidden=5) == 0
    assert await unbooked(hidden=1) == 2


async def test_a_provisional_fill_of_yesterday_is_replaced_by_yesterdays_list(desk: Desk) -> None:
    entry, _ = await bought_unlisted(desk)
    desk.passes(days=1)
    desk.simulation.clear_faults()
    tomorrow = SessionDate(TODAY + timedelta(days=1))
    assert await desk.database.audit.unproven_before(ACCOUNT, tomorrow) == (TODAY,)

    await reconciled(desk)

    assert (await desk.holding(entry.position_id)).cost == desk.sent[0].amount
    record = await desk.database.orders.get(entry.intent_id)
    assert record is not None
    assert record.provisional == 0
    assert await desk.database.audit.unproven_before(ACCOUNT, tomorrow) == ()


async def test_a_list_of_an_earlier_day_that_is_refused_keeps_no_books_from_being_compared(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bought_unlisted(desk)
    desk.passes(days=1)
    today, orders_on = session_date_of(desk.pace.now()), desk.broker.orders_on

    async def of_today(day: SessionDate, *rest: Any) -> Rows[BrokerOrder]:
        if day != today:
            raise BrokerRefusedError("KIOK0560", "the day lies too far back")
        return await orders_on(day, *rest)

    monkeypatch.setattr(desk.broker, "orders_on", of_today)

    found = await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))

    assert (found.failed, found.entries_closed) == ("", False)


async def test_a_list_that_is_merely_late_books_nothing_provisionally(desk: Desk) -> None:
    desk.simulation.add_fault(kind="lag_orders", path=LISTS, seconds=15, count=0)
    entry = await desk.prepared()
    await desk.submits(entry)

    record = await desk.follows(entry.intent_id, PATIENCE)

    assert (record.status, record.provisional) == (OrderStatus.FILLED, 0)
    assert (
        await events_of(desk, EventKind.ACCEPTED_ORDER_NOT_LISTED)
        == await events_of(desk, EventKind.FILL_BOOKED_PROVISIONALLY)
        == []
    )


async def test_notices_report_what_unlisted_shares_have_cost(desk: Desk) -> None:
    entry = await desk.prepared()
    await desk.submits(entry)
    (order,) = desk.sent
    hide(desk)
    for fill in order.fills:
        notice = OrderNotice(
            NoticeKind.FILLED, SAMSUNG, Side.BUY, order.number, None, Quantity(fill.quantity), Price(fill.price)
        )
        desk.notices.hear(notice, desk.pace.now())

    record = await desk.follows(entry.intent_id, PATIENCE)

    assert (record.filled_quantity, record.filled_amount) == (order.filled, order.amount)


async def test_the_filled_part_of_an_unlisted_order_that_is_over_is_held(desk: Desk) -> None:
    desk.simulation.force_price(THIN, desk.price(THIN), volume=0)
    desk.simulation.set_conditions(THIN, thin=True)
    entry = await desk.prepared(THIN)
    await desk.submits(entry)
    hide(desk)
    await desk.does(desk.orders.cancel_order, entry.intent_id)
    hidden = await desk.database.orders.get(entry.intent_id)
    assert hidden is not None
    assert hidden.status is OrderStatus.ACCEPTED

    record = await desk.follows(entry.intent_id, PATIENCE)

    (order,) = desk.sent
    assert 0 < order.filled < entry.quantity
    assert (record.status, record.filled_quantity) == (OrderStatus.CANCELLED, order.filled)


async def test_an_order_that_is_only_among_the_open_ones_is_followed_there(desk: Desk) -> None:
    entry = await desk.prepared()
    desk.simulation.set_conditions(SAMSUNG, no_asks=True)
    await desk.submits(entry)
    hide(desk, path=LISTS)

    record = await desk.follows(entry.intent_id, PATIENCE)

    assert record.status is OrderStatus.ACCEPTED
    assert await events_of(desk, EventKind.ACCEPTED_ORDER_NOT_LISTED) == []


async def test_an_unlisted_order_that_has_moved_no_share_counts_as_ended_only_after_a_minute(desk: Desk) -> None:
    entry = await desk.prepared()
    desk.simulation.force_price(SAMSUNG, Price(round(desk.price() * 1.05)), volume=0)
    await desk.submits(entry)
    await desk.does(desk.orders.cancel_order, entry.intent_id)
    hide(desk)

    early = await desk.follows(entry.intent_id, PATIENCE)
    late = await desk.follows(entry.intent_id, UNLISTED_FOR * 2)

    assert early.status is OrderStatus.ACCEPTED
    assert len(await events_of(desk, EventKind.ACCEPTED_ORDER_NOT_LISTED)) == 1
    assert (late.status, late.filled_quantity) == (OrderStatus.CANCELLED, 0)


async def test_an_unlisted_sale_is_booked_by_the_shares_that_are_gone_and_corrected_by_the_list(desk: Desk) -> None:
    entry = await desk.buys()
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 0))
    assert isinstance(sale, PreparedExit)
    await desk.submits(sale, OrderPurpose.EXIT)
    hide(desk, desk.sent[-1].number)

    record = await desk.follows(sale.intent_id, PATIENCE)

    assert (record.status, record.filled_quantity) == (OrderStatus.FILLED, entry.quantity)
    await settled(desk, entry)
    desk.simulation.clear_faults()
    await reconciled(desk)
    assert await net(desk) == earned(desk)
    assert await verified(desk) == []


@pytest.mark.parametrize("count", [1, 0], ids=["one", "all"])
async def test_an_empty_balance_books_no_sale_provisionally(desk: Desk, count: int) -> None:
    entry = await desk.buys()
    desk.simulation.set_conditions(SAMSUNG, no_bids=True)
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert isinstance(sale, PreparedExit)
    await desk.submits(sale, OrderPurpose.EXIT)
    hide(desk)
    desk.simulation.add_fault(kind="empty_balance", path="inquire-balance", count=count)

    record = await desk.follows(sale.intent_id, PATIENCE)

    assert (record.status, record.filled_quantity) == (OrderStatus.ACCEPTED, 0)


async def test_an_unlisted_sale_of_carried_shares_is_distinguished_from_the_owners_shares(
    desk: Desk,
) -> None:
    entry = await desk.buys()
    left = HeldShares(SAMSUNG, entry.quantity, entry.quantity, NO_SHARES)
    proven = Proven(SessionDate(TODAY), flat=False, open_orders=0, at=desk.pace.now())
    await desk.database.snapshots.save(ACCOUNT, proven, [left])
    desk.broker_account.holdings[SAMSUNG].quantity *= 2
    desk.passes(days=1)
    tomorrow = CALENDAR.session_at_or_after(PLAN.session.ends_at)
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2, session=tomorrow))
    assert isinstance(sale, PreparedExit)
    await desk.submits(sale, OrderPurpose.EXIT)
    hide(desk, desk.sent[-1].number)

    record = await desk.follows(sale.intent_id, UNLISTED_FOR * 4)

    assert (record.status, record.filled_quantity) == (OrderStatus.FILLED, entry.quantity)


async def test_an_unlisted_sale_is_distinguished_from_a_manual_sale_that_is_booked_already(desk: Desk) -> None:
    entry = await desk.buys()
    by_hand = OrderRequest(
        desk.broker_account.id, SAMSUNG, Side.SELL, OrderType.MARKET, Quantity(entry.quantity // 3), Price(0)
    )
    desk.simulation.place_order(by_hand, by_hand=True)
    position = await desk.holding(entry.position_id)
    left = await desk.does(desk.foreign_sales.left_of, position, Lane.WATCH)
    rest = await desk.does(desk.foreign_sales.booked, position, left)
    assert rest.quantity == entry.quantity - entry.quantity // 3
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert isinstance(sale, PreparedExit)
    await desk.submits(sale, OrderPurpose.EXIT)
    hide(desk, desk.sent[-1].number)

    record = await desk.follows(sale.intent_id, PATIENCE)

    assert (record.status, record.filled_quantity) == (OrderStatus.FILLED, rest.quantity)


async def test_an_order_that_is_listed_under_another_branch_is_ours(desk: Desk) -> None:
    desk.simulation.add_fault(kind="other_branch", path=LISTS, count=0)

    entry = await desk.buys()
    await desk.sells(entry)
    await settled(desk, entry)

    assert (await reconciled(desk)).differences == ()
    bound = await desk.database.orders.bound_refs(ACCOUNT, desk.sent[0].day)  # type: ignore[arg-type]
    assert {ref.branch for ref in bound} == {"91252"}
    assert await net(desk) == earned(desk)
    assert await verified(desk) == []


async def test_paper_has_no_list_of_open_orders_and_a_full_fill_needs_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_listed(*_: object) -> None:
        return None

    monkeypatch.setattr(desk.broker, "open_orders", not_listed)

    entry, record = await bought_unlisted(desk)

    assert (record.status, record.filled_quantity) == (OrderStatus.FILLED, entry.quantity)
