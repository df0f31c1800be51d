"""Events about the ledger against the broker's books. ``at`` is market time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from domain.cash import CashCompared
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.foreign_api_order import Acceptance, ForeignApiOrder
from domain.identity import AccountId
from domain.reconciliation import Discrepancy
from domain.session import SessionDate, session_date_of
from domain.unreadable import UnreadableRow

_MOST_LINES: Final = 5
"""Lines of a statement that an event names; more would be an unreadable alert."""


def discrepancy_found(
    account_id: AccountId, session_date: SessionDate, difference: Discrepancy, level: EventLevel, at: datetime
) -> Event:
    """Return the event of a difference; once per session and difference."""
    return Event(
        account_id,
        EventKind.DISCREPANCY_FOUND,
        level,
        at,
        session_date=session_date,
        symbol=difference.symbol,
        detail={"kind": difference.kind, "ledger": difference.ledger, "broker": difference.broker},
        key=f"discrepancy/{account_id}/{session_date}/{difference.in_words}",
    )


def books_not_compared(account_id: AccountId, cause: str, compared_at: datetime | None, at: datetime) -> Event:
    """Return the event of a failed comparison; once a session until a comparison succeeds."""
    day = session_date_of(at)
    key = f"{EventKind.BOOKS_NOT_COMPARED}/{account_id}/{day}/{compared_at or 'never'}"
    return Event(
        account_id, EventKind.BOOKS_NOT_COMPARED, EventLevel.CRITICAL, at, day, detail={"cause": cause}, key=key
    )


def cash_differs(account_id: AccountId, session_date: SessionDate, compared: CashCompared, at: datetime) -> Event:
    """Return the event of unexplained cash; once per session and amount."""
    return Event(
        account_id,
        EventKind.CASH_DIFFERS,
        EventLevel.WARNING,
        at,
        session_date=session_date,
        detail={
            "ledger": compared.expected,
            "broker": compared.broker,
            "by_others": compared.others,
            "unexplained": compared.unexplained,
        },
        key=f"{EventKind.CASH_DIFFERS}/{account_id}/{session_date}/{compared.unexplained}",
    )


def statement_differs(account_id: AccountId, session_date: SessionDate, lines: Sequence[str], at: datetime) -> Event:
    """Return the event of a statement's unexplained lines; once for the same lines."""
    unexplained = "; ".join(lines[:_MOST_LINES])
    return Event(
        account_id,
        EventKind.STATEMENT_DIFFERS,
        EventLevel.WARNING,
        at,
        session_date,
        detail={"lines": len(lines), "unexplained": unexplained},
        key=f"{EventKind.STATEMENT_DIFFERS}/{account_id}/{session_date}/{unexplained}",
    )


def unreadable_row(account_id: AccountId, row: UnreadableRow, level: EventLevel, at: datetime) -> Event:
    """Return the event of a row that cannot be read; once per day, list, stock and field."""
    date = session_date_of(at)
    return Event(
        account_id,
        EventKind.UNREADABLE_ROW,
        level,
        at,
        date,
        symbol=row.symbol,
        detail={"list": row.of, "field": row.field, "cause": f"{row.of}: {row.field}: {row.why}"},
        key=f"{EventKind.UNREADABLE_ROW}/{account_id}/{date}/{row.of}/{row.symbol or ''}/{row.field}",
    )


def order_of_another_program(
    account_id: AccountId, session_date: SessionDate, order: ForeignApiOrder, at: datetime
) -> Event:
    """Return the event of an API order that is not ours; once per order."""
    return Event(
        account_id,
        EventKind.ORDER_OF_ANOTHER_PROGRAM,
        EventLevel.CRITICAL,
        at,
        session_date,
        symbol=order.symbol,
        detail={"order": order.number, "side": order.side.value, "quantity": order.quantity},
        key=f"{EventKind.ORDER_OF_ANOTHER_PROGRAM}/{account_id}/{session_date}/{order.branch}/{order.number}",
    )


def order_of_another_program_accepted(
    account_id: AccountId, session_date: SessionDate, order: ForeignApiOrder, acceptance: Acceptance
) -> Event:
    """Return the event of an operator's acceptance of such an order; once per order."""
    kind = EventKind.ORDER_OF_ANOTHER_PROGRAM_ACCEPTED
    return Event(
        account_id,
        kind,
        EventLevel.WARNING,
        acceptance.at,
        session_date,
        symbol=order.symbol,
        detail={"order": order.number, "by": acceptance.by, "reason": acceptance.reason},
        key=f"{kind}/{account_id}/{session_date}/{order.branch}/{order.number}",
    )
