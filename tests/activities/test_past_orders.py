"""A quarantine ends with its day: the day's final list decides, and the position can be sold the next morning."""

from dataclasses import replace

import pytest

from activities.entries import PreparedEntry
from activities.resolving import ResolveRequest
from activities.selling import PreparedExit
from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.market import Side
from domain.money import Price, Quantity
from domain.order import OrderPurpose, OrderRecord, OrderStatus
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.desk import PLAN, Desk
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT, CALENDAR

TOMORROW = CALENDAR.session_at_or_after(PLAN.session.ends_at)


async def quarantined(desk: Desk, kind: str, *, trades: bool = True) -> tuple[PreparedEntry, PreparedExit]:
    """Hold shares, lose the reply to their sale, and leave the decision to a person."""
    entry = await desk.buys()
    desk.simulation.set_conditions(SAMSUNG, no_bids=not trades)
    desk.simulation.add_fault(kind=kind, path="order-cash")
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert isinstance(sale, PreparedExit)
    assert (await desk.submits(sale, OrderPurpose.EXIT)).status is OrderStatus.UNKNOWN
    await desk.database.orders.quarantine(sale.intent_id, "cannot be distinguished from 0000000017")
    return entry, sale


async def the_next_day(desk: Desk) -> None:
    desk.simulation.move_clock(TOMORROW.opens_at)
    desk.simulation.set_conditions(SAMSUNG, no_bids=False)


async def decided(desk: Desk, sale: PreparedExit, *, waits_for_operator: bool = True) -> OrderRecord:
    record: OrderRecord = await desk.does(
        desk.resolving.resolve_order, ResolveRequest(sale.intent_id, waits_for_operator)
    )
    return record


async def sells_today(desk: Desk, entry: PreparedEntry) -> OrderRecord:
    again = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 3, session=TOMORROW))
    assert isinstance(again, PreparedExit)
    await desk.submits(again, OrderPurpose.EXIT)
    return await desk.follows(again.intent_id)


@pytest.mark.parametrize("waits_for_operator", [True, False], ids=["worker", "close"])
async def test_a_quarantined_sale_that_never_arrived_is_over_the_next_day_and_the_position_is_sold(
    desk: Desk, *, waits_for_operator: bool
) -> None:
    entry, sale = await quarantined(desk, "drop_before")
    await the_next_day(desk)

    record = await decided(desk, sale, waits_for_operator=waits_for_operator)

    assert record.status is OrderStatus.NEVER_PLACED
    assert (await sells_today(desk, entry)).status is OrderStatus.FILLED


async def test_a_quarantined_sale_that_was_filled_is_booked_the_next_day(desk: Desk) -> None:
    entry, sale = await quarantined(desk, "drop_reply_after")
    await the_next_day(desk)

    assert (await decided(desk, sale)).status is OrderStatus.ACCEPTED
    assert (await desk.follows(sale.intent_id)).status is OrderStatus.FILLED
    assert (await desk.holding(entry.position_id)).quantity == 0


async def test_a_quarantined_sale_that_ended_without_a_fill_lets_the_position_be_sold(desk: Desk) -> None:
    entry, sale = await quarantined(desk, "drop_reply_after", trades=False)
    await the_next_day(desk)

    assert (await decided(desk, sale)).status is OrderStatus.ACCEPTED
    assert not (await desk.follows(sale.intent_id)).is_active
    assert (await sells_today(desk, entry)).status is OrderStatus.FILLED


async def test_twins_that_ended_without_a_fill_bring_nothing_whichever_was_ours(desk: Desk) -> None:
    entry, sale = await quarantined(desk, "drop_reply_after", trades=False)
    desk.broker_account.holdings[SAMSUNG].quantity *= 2
    twin = OrderRequest(desk.broker_account.id, SAMSUNG, Side.SELL, OrderType.MARKET, Quantity(sale.quantity), Price(0))
    desk.simulation.place_order(twin, by_hand=True)
    await the_next_day(desk)

    assert (await decided(desk, sale)).status is OrderStatus.NEVER_PLACED
    assert (await sells_today(desk, entry)).status is OrderStatus.FILLED


async def test_a_quarantined_sale_waits_for_a_person_as_long_as_its_day_lasts(desk: Desk) -> None:
    _, sale = await quarantined(desk, "drop_before")

    assert (await decided(desk, sale, waits_for_operator=False)).status is OrderStatus.QUARANTINED
    assert desk.pace.pauses == 0


async def test_a_day_whose_list_cannot_be_read_decides_nothing_and_is_reported_once(desk: Desk) -> None:
    _, sale = await quarantined(desk, "drop_before")
    await the_next_day(desk)
    desk.simulation.add_fault(kind="http_error", path="inquire-daily-ccld", count=0)

    record = await decided(desk, sale, waits_for_operator=False)

    assert record.status is OrderStatus.QUARANTINED
    undecided = [
        each for each in await desk.database.events.latest(ACCOUNT, 50) if each.kind == EventKind.PAST_ORDER_UNDECIDED
    ]
    assert [(each.level, each.symbol) for each in undecided] == [(EventLevel.CRITICAL, SAMSUNG)]


async def test_a_remainder_that_the_final_list_still_shows_does_not_keep_an_order_alive(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, sale = await quarantined(desk, "drop_reply_after", trades=False)
    await the_next_day(desk)
    await decided(desk, sale)
    row_of = desk.orders._order_list.row_of

    async def with_a_remainder(record: OrderRecord) -> object:
        row = await row_of(record)
        assert row is not None
        return replace(row, remaining_quantity=sale.quantity, rejected_quantity=Quantity(0))

    monkeypatch.setattr(desk.orders._order_list, "row_of", with_a_remainder)

    assert (await desk.follows(sale.intent_id)).status is OrderStatus.CANCELLED
