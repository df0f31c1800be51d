"""Events about one order; account, worker and stock come from its intent. ``at`` is market time."""

from dataclasses import replace
from datetime import datetime

from domain.errors import TradingError
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.money import Quantity
from domain.order import BrokerOrder, OrderIntent, OrderRecord
from domain.risk import Denied, level_of
from domain.session import session_date_of
from domain.unreadable import UnreadableRow


def order_denied(intent: OrderIntent, verdict: Denied, key: str) -> Event:
    """Return the event of an order that Haru itself did not send."""
    is_entry = intent.purpose == "entry"
    return Event(
        account_id=intent.account_id,
        kind=EventKind.ENTRY_DENIED if is_entry else EventKind.EXIT_DENIED,
        level=level_of(verdict.denial) if is_entry else EventLevel.WARNING,
        at=intent.decided_at,
        session_date=intent.session_date,
        worker_id=intent.worker_id,
        symbol=intent.symbol,
        detail={"denial": verdict.denial.value, "detail": verdict.detail, "intent_id": intent.intent_id},
        key=key,
    )


def order_adopted(order: OrderRecord, evidence: str) -> Event:
    """Return the event of an order without a reply that was found at the broker."""
    return _concluded(order, EventKind.ORDER_ADOPTED, EventLevel.WARNING, evidence)


def order_proven_absent(order: OrderRecord, evidence: str) -> Event:
    """Return the event of an order without a reply that the broker does not have."""
    return _concluded(order, EventKind.ORDER_PROVEN_ABSENT, EventLevel.WARNING, evidence)


def order_quarantined(order: OrderRecord, evidence: str) -> Event:
    """Return the event of an order about which an operator must decide."""
    return _concluded(order, EventKind.ORDER_QUARANTINED, EventLevel.CRITICAL, evidence)


def order_exists_after_all(order: OrderRecord, evidence: str) -> Event:
    """Return the event of an order that was proven absent and that the broker accepts or lists later."""
    return _concluded(order, EventKind.ORDER_EXISTS_AFTER_ALL, EventLevel.CRITICAL, evidence)


def order_adopted_by_operator(order: OrderRecord, by: str, reason: str, at: datetime) -> Event:
    """Return the event of an operator's decision that a quarantined order is a certain order of the broker."""
    return _decided(order, EventKind.ORDER_ADOPTED_BY_OPERATOR, {"by": by, "reason": reason}, at)


def order_dismissed_by_operator(order: OrderRecord, by: str, reason: str, at: datetime) -> Event:
    """Return the event of an operator's decision that a quarantined order was never placed."""
    return _decided(order, EventKind.ORDER_DISMISSED_BY_OPERATOR, {"by": by, "reason": reason}, at)


def lost_order_in_doubt(intent: OrderIntent, row: UnreadableRow, at: datetime) -> Event:
    """Return the event of an unreadable row that hides whether an order exists; once per list and field."""
    detail = {"side": intent.side, "list": row.of, "field": row.field, "cause": f"{row.of}: {row.field}: {row.why}"}
    event = _about(intent, EventKind.LOST_ORDER_IN_DOUBT, EventLevel.CRITICAL, at)
    return _with(event, f"{intent.intent_id}/{row.of}/{row.field}", **detail)


def past_order_undecided(intent: OrderIntent, why: str, at: datetime) -> Event:
    """Return the event of an earlier day's order that still blocks the sale of its position; once a day."""
    event = _today(_about(intent, EventKind.PAST_ORDER_UNDECIDED, EventLevel.CRITICAL, at))
    return _with(event, f"{intent.intent_id}/{session_date_of(at)}", why=why)


def accepted_order_not_listed(order: OrderRecord, at: datetime) -> Event:
    """Return the event of an accepted order that no list shows; once per order."""
    return _unlisted(order, EventKind.ACCEPTED_ORDER_NOT_LISTED, order.intent.quantity, at)


def fill_booked_provisionally(order: OrderRecord, at: datetime) -> Event:
    """Return the event of a fill that only the holdings prove; once per quantity and status."""
    event = _unlisted(order, EventKind.FILL_BOOKED_PROVISIONALLY, order.filled_quantity, at)
    return replace(event, key=f"{event.key}/{order.filled_quantity}/{order.status}")


def late_fill_not_booked(order: OrderRecord, row: BrokerOrder, fault: TradingError, at: datetime) -> Event:
    """Return the event of a listed fill that no position can take; once per listed quantity."""
    event = _about(order.intent, EventKind.LATE_FILL_NOT_BOOKED, EventLevel.CRITICAL, at)
    key = f"{order.intent.intent_id}/{row.filled_quantity}"
    return _with(
        event,
        key,
        side=order.intent.side,
        ledger=order.filled_quantity,
        broker=row.filled_quantity,
        cause=str(fault),
    )


def missing_fill_booked(order: OrderRecord, row: BrokerOrder, at: datetime) -> Event:
    """Return the event of a fill that a list shows and the ledger lacked, with both as they were before."""
    event = _today(_about(order.intent, EventKind.MISSING_FILL_BOOKED, EventLevel.INFO, at))
    key = f"{order.intent.intent_id}/{row.filled_quantity}/{row.filled_amount}"
    return _with(event, key, ledger=order.filled_quantity, broker=row.filled_quantity)


def trade_corrected(order: OrderRecord, at: datetime) -> Event:
    """Return the event of a late or corrected fill of a booked trade."""
    return _late(order, EventKind.TRADE_CORRECTED, EventLevel.WARNING, at)


def late_shares_recovered(order: OrderRecord, at: datetime) -> Event:
    """Return the event of a late fill whose closed position is reopened and sold."""
    return _late(order, EventKind.LATE_SHARES_RECOVERED, EventLevel.CRITICAL, at)


def sale_listed_short(order: OrderRecord, gone: int, at: datetime) -> Event:
    """Return the event of shares that are listed as withdrawn and that the account no longer holds."""
    event = _about(order.intent, EventKind.SALE_LISTED_SHORT, EventLevel.WARNING, at)
    return _with(event, f"{order.intent.intent_id}/", order=_number(order), quantity=gone)


def _about(intent: OrderIntent, kind: EventKind, level: EventLevel, at: datetime) -> Event:
    return Event(
        intent.account_id,
        kind,
        level,
        at,
        session_date=intent.session_date,
        worker_id=intent.worker_id,
        symbol=intent.symbol,
        detail={"intent_id": intent.intent_id},
    )


def _today(event: Event) -> Event:
    return replace(event, session_date=session_date_of(event.at))


def _with(event: Event, key: str, **detail: str | int) -> Event:
    return replace(event, detail={**event.detail, **detail}, key=f"{event.kind}/{key}")


def _concluded(order: OrderRecord, kind: EventKind, level: EventLevel, evidence: str) -> Event:
    """Return a conclusion about an order, at the market time of its decision; once per order and kind."""
    event = _about(order.intent, kind, level, order.intent.decided_at)
    return _with(event, order.intent.intent_id, was=order.status.value, evidence=evidence)


def _decided(order: OrderRecord, kind: EventKind, detail: dict[str, str | int], at: datetime) -> Event:
    event = _about(order.intent, kind, EventLevel.WARNING, at)
    return replace(event, detail={**event.detail, **detail})


def _unlisted(order: OrderRecord, kind: EventKind, quantity: Quantity, at: datetime) -> Event:
    event = _today(_about(order.intent, kind, EventLevel.CRITICAL, at))
    return _with(
        event,
        order.intent.intent_id,
        order=_number(order),
        side=order.intent.side.value,
        quantity=quantity,
        amount=order.filled_amount,
    )


def _late(order: OrderRecord, kind: EventKind, level: EventLevel, at: datetime) -> Event:
    event = _today(_about(order.intent, kind, level, at))
    return _with(
        event,
        f"{order.intent.intent_id}/{order.filled_quantity}/{order.filled_amount}",
        position_id=order.intent.position_id,
        quantity=order.filled_quantity,
        amount=order.filled_amount,
    )


def _number(order: OrderRecord) -> str:
    return "" if order.ref is None else order.ref.number
