"""An order lost while a clock is off, or after an identical one: no time stamp proves an order absent."""

from dataclasses import replace
from datetime import timedelta

import pytest

from activities.account.comparing import ReconcileRequest
from activities.entries import PreparedEntry
from activities.resolving import ResolveRequest
from activities.selling import PreparedExit
from broker.kis import KisBroker
from domain.market import Side
from domain.money import Price
from domain.order import OrderPurpose, OrderStatus
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.desk import Desk
from tests.activities.test_resolving import heard, resolved, unseen
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT, RULES


async def test_a_clock_that_is_seconds_ahead_proves_nothing_absent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash")
    with monkeypatch.context() as fast:
        fast.setattr(desk.pace, "now", lambda: desk.simulation.market_now() + timedelta(seconds=4))
        entry = await desk.prepared()
    desk.simulation.set_conditions(SAMSUNG, no_asks=True)
    assert (await desk.submits(entry)).status is OrderStatus.UNKNOWN

    with pytest.raises(AssertionError, match="does not come"):
        await resolved(desk, entry)

    (waiting,) = await desk.database.orders.quarantined(ACCOUNT)
    assert waiting.intent.intent_id == entry.intent_id
    assert len(desk.sent) == 1


async def lost_by_a_fast_clock(desk: Desk, monkeypatch: pytest.MonkeyPatch, seconds: int) -> PreparedEntry:
    """Buy on a machine whose clock is ahead; the order is filled, and its reply is lost."""
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash")
    with monkeypatch.context() as fast:
        fast.setattr(desk.pace, "now", lambda: desk.simulation.market_now() + timedelta(seconds=seconds))
        patient = replace(RULES.execution, greatest_quote_age=timedelta(minutes=10))
        entry = await desk.prepares(execution=patient)
    assert isinstance(entry, PreparedEntry)
    assert (await desk.submits(entry)).status is OrderStatus.UNKNOWN
    assert desk.sent[0].filled == entry.quantity
    return entry


async def test_a_filled_order_is_never_declared_absent_by_a_clock_that_is_far_ahead(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await lost_by_a_fast_clock(desk, monkeypatch, seconds=70)

    with pytest.raises(AssertionError, match="does not come"):
        await resolved(desk, entry)

    (waiting,) = await desk.database.orders.quarantined(ACCOUNT)
    assert waiting.intent.intent_id == entry.intent_id


async def test_a_skew_that_the_replies_have_shown_is_allowed_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = await lost_by_a_fast_clock(desk, monkeypatch, seconds=9)
    monkeypatch.setattr(KisBroker, "clock_skew", timedelta(seconds=9))

    record = await resolved(desk, entry)

    assert record.status is OrderStatus.ACCEPTED
    assert record.ref is not None
    assert record.ref.number == desk.sent[0].number


async def lost_sale_after_a_twin(desk: Desk, kind: str, *, listed: bool) -> PreparedExit:
    """Lose a sale two hours after the owner manually sold as many shares; ``listed``: a list has shown that sale."""
    entry = await desk.buys()
    desk.broker_account.holdings[SAMSUNG].quantity *= 2
    twin = OrderRequest(desk.broker_account.id, SAMSUNG, Side.SELL, OrderType.MARKET, entry.quantity, Price(0))
    desk.simulation.place_order(twin, by_hand=True)
    desk.passes(hours=2)
    if listed:
        await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))
    desk.simulation.add_fault(kind=kind, path="order-cash")
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert isinstance(sale, PreparedExit)
    assert (await desk.submits(sale, OrderPurpose.EXIT)).status is OrderStatus.UNKNOWN
    return sale


@pytest.mark.parametrize(
    ("kind", "status"), [("drop_before", OrderStatus.NEVER_PLACED), ("drop_reply_after", OrderStatus.ACCEPTED)]
)
async def test_an_owners_order_that_was_listed_before_ours_was_written_is_not_taken_for_ours(
    desk: Desk, kind: str, status: OrderStatus
) -> None:
    sale = await lost_sale_after_a_twin(desk, kind, listed=True)

    record = await desk.does(desk.resolving.resolve_order, ResolveRequest(sale.intent_id))

    assert record.status is status
    assert record.ref is None or record.ref.number == desk.sent[-1].number


async def test_an_owners_order_that_was_listed_before_ours_is_not_bound_to_ours_afterwards(desk: Desk) -> None:
    sale = await lost_sale_after_a_twin(desk, "drop_before", listed=True)
    await desk.does(desk.resolving.resolve_order, ResolveRequest(sale.intent_id))

    await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))

    record = await desk.database.orders.get(sale.intent_id)
    assert record is not None
    assert record.status is OrderStatus.NEVER_PLACED
    assert [position.quantity for position in await desk.database.positions.held_in(ACCOUNT)] == [sale.quantity]


async def test_an_owners_order_from_hours_before_that_no_list_has_shown_is_left_to_a_person(desk: Desk) -> None:
    await lost_sale_after_a_twin(desk, "drop_before", listed=False)
    (sale,) = await desk.database.orders.active_in(ACCOUNT)

    with pytest.raises(AssertionError, match="does not come"):
        await desk.does(desk.resolving.resolve_order, ResolveRequest(sale.intent.intent_id))

    assert len(await desk.database.orders.quarantined(ACCOUNT)) == 1


async def test_a_notice_counts_although_the_order_was_decided_by_a_clock_that_is_ahead(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as fast:
        fast.setattr(desk.pace, "now", lambda: desk.simulation.market_now() + timedelta(minutes=3))
        entry = await unseen(desk, execution=replace(RULES.execution, greatest_quote_age=timedelta(minutes=10)))
    desk.simulation.add_fault(kind="refuse", path="inquire-psbl-rvsecncl", msg_cd="APBK0000", message="no", count=0)
    heard(desk, desk.sent[0].number)

    with pytest.raises(AssertionError, match="does not come"):
        await resolved(desk, entry)

    (waiting,) = await desk.database.orders.quarantined(ACCOUNT)
    assert waiting.intent.intent_id == entry.intent_id
