"""An order without a reply is looked up until it is proven placed or proven absent; it is never sent again."""

from datetime import timedelta
from typing import Any

import pytest

from activities.entries import PreparedEntry
from activities.market.stream_consumer import Ears
from activities.resolving import ProofRules, ResolveRequest
from activities.settling import CloseRequest
from broker.kis import KisBroker
from domain.event_kind import EventKind
from domain.market import Side
from domain.money import Price, Quantity
from domain.order import BrokerOrderRef, OrderRecord, OrderStatus, Rejected
from domain.position import ExitReason
from domain.stream import NoticeKind, OrderNotice
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.desk import PLAN, Desk
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT


async def lost(desk: Desk, kind: str) -> PreparedEntry:
    """Send a buy whose reply is lost."""
    desk.simulation.add_fault(kind=kind, path="order-cash")
    entry = await desk.prepared()
    assert (await desk.submits(entry)).status is OrderStatus.UNKNOWN
    return entry


async def resolved(desk: Desk, entry: PreparedEntry, clean_reads: int = 0) -> OrderRecord:
    details = [clean_reads] if clean_reads else ()
    return await desk.does(desk.resolving.resolve_order, ResolveRequest(entry.intent_id), heartbeat_details=details)


@pytest.mark.parametrize("kind", ["drop_reply_after", "error_after", "garbage"])
async def test_an_order_that_was_taken_is_adopted_and_carried_on(desk: Desk, kind: str) -> None:
    entry = await lost(desk, kind)

    record = await resolved(desk, entry)
    followed = await desk.follows(entry.intent_id)

    (order,) = desk.sent
    assert record.status is OrderStatus.ACCEPTED
    assert record.ref is not None
    assert record.ref.number == order.number
    assert followed.status is OrderStatus.FILLED


@pytest.mark.parametrize("kind", ["drop_before", "http_error", "rate_storm"])
async def test_an_order_that_never_arrived_is_proven_absent_only_after_the_settle_time(desk: Desk, kind: str) -> None:
    entry = await lost(desk, kind)

    record = await resolved(desk, entry)

    assert record.status is OrderStatus.NEVER_PLACED
    assert desk.pace.waited() >= ProofRules().settle_time
    assert desk.sent == []


async def test_an_order_that_is_listed_late_is_still_found(desk: Desk) -> None:
    entry = await lost(desk, "drop_reply_after")
    desk.simulation.add_fault(kind="lag_orders", path="inquire-daily-ccld", seconds=15, count=0)

    record = await resolved(desk, entry)

    assert record.status is OrderStatus.ACCEPTED
    assert len(desk.sent) == 1


async def test_failed_reads_prove_nothing(desk: Desk) -> None:
    entry = await lost(desk, "drop_before")
    desk.rebuild(ProofRules(settle_time=timedelta(seconds=2), clean_reads=3))
    desk.simulation.add_fault(kind="http_error", path="inquire-daily-ccld", count=6)

    record = await resolved(desk, entry)

    assert record.status is OrderStatus.NEVER_PLACED
    assert desk.pace.pauses >= 6 + 3


async def test_the_clean_reads_of_an_earlier_attempt_count(desk: Desk) -> None:
    entry = await lost(desk, "drop_before")
    desk.rebuild(ProofRules(settle_time=timedelta(0), clean_reads=10))

    record = await resolved(desk, entry, clean_reads=9)

    assert record.status is OrderStatus.NEVER_PLACED
    assert desk.pace.pauses == 1


async def test_an_order_like_a_foreign_one_waits_for_the_operators_decision(
    desk: Desk,
) -> None:
    entry = await lost(desk, "drop_reply_after")
    (ours,) = desk.sent
    by_hand = OrderRequest(ours.account, SAMSUNG, Side.BUY, OrderType.LIMIT, ours.quantity, Price(ours.price))
    desk.simulation.place_order(by_hand, by_hand=True)

    with pytest.raises(AssertionError, match="does not come"):
        await resolved(desk, entry)

    (waiting,) = await desk.database.orders.quarantined(ACCOUNT)
    assert waiting.intent.intent_id == entry.intent_id
    assert await desk.database.events.counts(ACCOUNT, PLAN.session.date, EventKind.ORDER_QUARANTINED) == 1


async def test_an_intent_that_was_never_sent_is_withdrawn(desk: Desk) -> None:
    entry = await desk.prepared()

    record = await resolved(desk, entry)

    assert record.status is OrderStatus.NEVER_PLACED
    assert desk.pace.pauses == 0


async def test_a_submit_that_comes_after_the_withdrawal_sends_nothing(desk: Desk) -> None:
    entry = await desk.prepared()
    await resolved(desk, entry)

    record = await desk.submits(entry)

    assert record.status is OrderStatus.NEVER_PLACED
    assert desk.sent == []


async def test_a_list_that_never_shows_the_order_is_not_believed_against_the_shares_that_came(desk: Desk) -> None:
    entry = await lost(desk, "drop_reply_after")
    desk.rebuild(ProofRules(settle_time=timedelta(seconds=5), clean_reads=2))
    desk.simulation.add_fault(kind="lag_orders", path="inquire-daily-ccld", seconds=100_000, count=0)

    with pytest.raises(AssertionError, match="does not come"):
        await resolved(desk, entry)

    (waiting,) = await desk.database.orders.quarantined(ACCOUNT)
    assert waiting.intent.intent_id == entry.intent_id


async def test_an_order_that_the_list_hides_is_found_among_those_that_can_be_cancelled(desk: Desk) -> None:
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash")
    entry = await desk.prepared()
    desk.simulation.set_conditions(SAMSUNG, no_asks=True)
    assert (await desk.submits(entry)).status is OrderStatus.UNKNOWN
    desk.simulation.add_fault(kind="lag_orders", path="inquire-daily-ccld", seconds=3600, count=0)

    record = await resolved(desk, entry)

    (order,) = desk.sent
    assert record.status is OrderStatus.ACCEPTED
    assert record.ref is not None
    assert record.ref.number == order.number


async def test_a_service_that_refuses_to_list_open_orders_does_not_keep_an_order_unresolved(desk: Desk) -> None:
    entry = await lost(desk, "drop_before")
    desk.simulation.add_fault(kind="refuse", path="inquire-psbl-rvsecncl", msg_cd="APBK0000", message="no", count=0)

    assert (await resolved(desk, entry)).status is OrderStatus.NEVER_PLACED


async def test_a_reply_that_is_recorded_during_the_last_look_is_believed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await lost(desk, "drop_before")
    balance = KisBroker.balance

    async def meanwhile(broker: KisBroker, *about: Any) -> Any:
        await desk.database.orders.record_outcome(entry.intent_id, Rejected("APBK0918", "the reply came late"))
        return await balance(broker, *about)

    monkeypatch.setattr(KisBroker, "balance", meanwhile)

    assert (await resolved(desk, entry)).status is OrderStatus.REJECTED


async def test_the_lease_is_kept_while_an_order_is_looked_for(desk: Desk) -> None:
    entry = await lost(desk, "drop_before")
    await desk.database.locks.renew(entry.lease, timedelta(0))

    await resolved(desk, entry)

    assert await desk.database.locks.locked_symbols(ACCOUNT) == {SAMSUNG}


async def test_totals_of_orders_that_the_list_does_not_show_prove_nothing_absent(desk: Desk) -> None:
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash")
    entry = await desk.prepared()
    desk.simulation.set_conditions(SAMSUNG, no_asks=True)
    assert (await desk.submits(entry)).status is OrderStatus.UNKNOWN
    desk.simulation.add_fault(kind="empty_orders", path="inquire-daily-ccld", count=0)
    desk.simulation.add_fault(kind="refuse", path="inquire-psbl-rvsecncl", msg_cd="APBK0000", message="no", count=0)

    with pytest.raises(AssertionError, match="does not come"):
        await resolved(desk, entry)

    (waiting,) = await desk.database.orders.active_in(ACCOUNT)
    assert waiting.status is OrderStatus.UNKNOWN


def heard(desk: Desk, number: str, side: Side = Side.BUY, kind: NoticeKind = NoticeKind.ACCEPTED, **of: Any) -> None:
    """Notify the process of an order."""
    notice = OrderNotice(kind, SAMSUNG, side, number, of.get("original"), Quantity(1), Price(70_000))
    Ears(desk.feed, desk.notices, desk.pace.now).take(notice)


async def unseen(desk: Desk, **rules: Any) -> PreparedEntry:
    """Send a buy whose reply is lost, that never fills, and that the list does not show."""
    entry = await desk.prepares(**rules)
    assert isinstance(entry, PreparedEntry), entry
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash")
    desk.simulation.set_conditions(SAMSUNG, no_asks=True)
    assert (await desk.submits(entry)).status is OrderStatus.UNKNOWN
    desk.simulation.add_fault(kind="lag_orders", path="inquire-daily-ccld", seconds=100_000, count=0)
    return entry


async def test_an_order_of_which_a_notice_was_heard_is_still_found_among_those_that_can_be_cancelled(
    desk: Desk,
) -> None:
    entry = await unseen(desk)
    (order,) = desk.sent
    heard(desk, order.number)

    assert (await resolved(desk, entry)).status is OrderStatus.ACCEPTED


async def test_an_order_of_which_a_notice_was_heard_is_not_proven_absent_by_lists_that_hide_it(desk: Desk) -> None:
    entry = await unseen(desk)
    (order,) = desk.sent
    desk.simulation.add_fault(kind="refuse", path="inquire-psbl-rvsecncl", msg_cd="APBK0000", message="no", count=0)
    heard(desk, order.number)

    with pytest.raises(AssertionError, match="does not come"):
        await resolved(desk, entry)

    (waiting,) = await desk.database.orders.quarantined(ACCOUNT)
    assert waiting.intent.intent_id == entry.intent_id
    (event,) = [e for e in await desk.database.events.latest(ACCOUNT, 50) if e.kind == "order_quarantined"]
    assert f"a notice of order {order.number} was received" in str(event.detail)


async def test_a_notice_alone_adopts_nothing_and_the_list_still_decides(desk: Desk) -> None:
    entry = await lost(desk, "drop_reply_after")
    (order,) = desk.sent
    heard(desk, "0000009999")
    desk.simulation.add_fault(kind="lag_orders", path="inquire-daily-ccld", seconds=15, count=0)

    record = await resolved(desk, entry)

    assert record.ref is not None
    assert record.ref.number == order.number


async def test_a_notice_of_another_order_is_no_witness(desk: Desk) -> None:
    bought = await desk.buys()
    known = await desk.database.orders.get(bought.intent_id)
    assert known is not None
    assert isinstance(known.ref, BrokerOrderRef)
    await desk.sells(bought)
    close = CloseRequest(bought.position_id, ExitReason.OPERATOR, bought.lease, timedelta(0))
    await desk.does(desk.settling.close_position, close)
    desk.passes(minutes=6)
    by_hand = OrderRequest(
        desk.broker_account.id, SAMSUNG, Side.BUY, OrderType.LIMIT, Quantity(1), Price(desk.price() // 2000 * 1900)
    )
    owners = desk.simulation.place_order(by_hand, by_hand=True)
    desk.simulation.add_fault(kind="drop_before", path="order-cash")
    entry = await desk.prepared(name="worker-1.2")
    assert (await desk.submits(entry)).status is OrderStatus.UNKNOWN
    heard(desk, "0000009999", Side.SELL)
    heard(desk, known.ref.number)
    heard(desk, "0000009997", kind=NoticeKind.CANCELLED, original=known.ref.number)
    heard(desk, owners.number)

    assert (await resolved(desk, entry)).status is OrderStatus.NEVER_PLACED
