"""Fills of our own orders that the ledger lacks, even of orders that it takes for over: the broker's list is right."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from temporalio import activity

from domain.errors import TradingError
from domain.event import LATE_FILL_UNBOOKED, Event, EventLevel
from domain.identity import AccountId
from domain.order import WORKING_STATUSES, BrokerOrder, OrderRecord
from domain.reconciliation import DiscrepancyKind
from domain.session import SessionDate

if TYPE_CHECKING:
    from database.database import Database


async def book_missing_fills(
    database: "Database", account_id: AccountId, date: SessionDate, listed: Iterable[BrokerOrder], at: datetime
) -> int:
    """Book what the list of a date shows and the ledger lacks; return how many orders had more shares (F42).

    A fill that fits no position any more, such as one of a trade that is booked already, stays out of the books; it is
    told as critical, and nothing more is bought that day.
    """
    rows = {row.ref: row for row in listed}
    booked = 0
    for audited in await database.audit.orders_on(account_id, date):
        record = audited.record
        row = rows.get(record.ref) if record.ref is not None else None
        if row is None or not _adds_something(record, row):
            continue
        try:
            result = await database.orders.book(record.intent.intent_id, row, at)
        except TradingError as fault:
            extra = {"intent_id": record.intent.intent_id, "cause": str(fault)}
            activity.logger.error("late_fill_not_booked", extra=extra)
            await _shout(database, record, row, at, fault)
            continue
        if result.new_quantity:
            booked += 1
            await database.events.append(_corrected(record, row, date, at))
    return booked


async def _shout(
    database: "Database", record: OrderRecord, row: BrokerOrder, at: datetime, fault: TradingError
) -> None:
    intent = record.intent
    event = Event(
        intent.account_id,
        LATE_FILL_UNBOOKED,
        EventLevel.CRITICAL,
        at,
        session_date=intent.session_date,
        worker_id=intent.worker_id,
        symbol=intent.symbol,
        detail={
            "intent_id": intent.intent_id,
            "side": intent.side,
            "ledger": record.filled_quantity,
            "broker": row.filled_quantity,
            "cause": str(fault),
        },
        key=f"{LATE_FILL_UNBOOKED}/{intent.intent_id}/{row.filled_quantity}",
    )
    await database.events.append(event)
    shares = f"ledger {record.filled_quantity:,}, broker {row.filled_quantity:,}"
    difference = f"{DiscrepancyKind.MISSING_FILL}: {intent.symbol} order {row.ref.number}, {shares}"
    await database.risk.close_entries(intent.account_id, intent.session_date, f"books disagree: {difference}", at)


def _corrected(record: OrderRecord, row: BrokerOrder, date: SessionDate, at: datetime) -> Event:
    intent = record.intent
    return Event(
        intent.account_id,
        "missing_fill_booked",
        EventLevel.INFO,
        at,
        session_date=date,
        worker_id=intent.worker_id,
        symbol=intent.symbol,
        detail={
            "intent_id": intent.intent_id,
            "ledger": record.filled_quantity,
            "broker": row.filled_quantity,
        },
        key=f"missing_fill_booked/{intent.intent_id}/{row.filled_quantity}",
    )


def _adds_something(record: OrderRecord, row: BrokerOrder) -> bool:
    return record.status in WORKING_STATUSES or row.filled_quantity > record.filled_quantity
