"""An event as the append-only event history stores it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.identity import AccountId, WorkerId
from domain.market import Symbol
from domain.money import Quantity
from domain.session import SessionDate

ENTRY_DENIED: Final = "entry_denied"
"""Event kind by which denials are counted; its detail names the denial."""
CLOSE_MISSED: Final = "close_missed"
"""Event kind: a session ended without a market close; shown until the next session has ended."""
CLOSE_UNFINISHED: Final = "close_unfinished"
"""Event kind: a close continues although no market is left to sell in."""
DAY_SUMMED_UP: Final = "day_summed_up"
"""Event kind: a session's result, sent to people without an incident; the outbox's trigger uses it."""
CLOSE_NOT_PROVEN: Final = "close_not_proven"
"""Event kind: a close could not read the broker's holdings and ended without a proof."""
BOOKS_NOT_COMPARED: Final = "books_not_compared"
"""Event kind: a comparison with the broker failed; entries stay closed until one succeeds."""
ENTRIES_REOPENED: Final = "entries_reopened"
"""Event kind: a cause of closed entries was lifted; other causes may keep them closed."""
FOREIGN_API_ORDER: Final = "order_of_another_program"
"""Event kind: an API order that is not ours; entries stay closed until an operator accepts it."""
FOREIGN_API_ORDER_ACCEPTED: Final = "order_of_another_program_accepted"
"""Event kind: an operator accepted such an order."""
STATEMENT_NOT_COMPARED: Final = "statement_not_compared"
"""Event kind: the broker's statement could not be compared with the ledger."""
SUMMARY_NOT_WRITTEN: Final = "summary_not_written"
"""Event kind: a close could not write its session's summaries."""
POSITION_BOUGHT: Final = "position_bought"
POSITION_SOLD: Final = "position_sold"
"""Event kinds of each buy and each sale: not incidents, sent if requested. The outbox's trigger uses both."""
UNSOLD_AT_CLOSE: Final = "position_unsold_at_close"
"""Event kind: shares unsold in the session; those still unsold after the evening are carried."""
MARKET_CLOSE: Final = "market close"
"""The one reason for which entries are closed every day."""
RULES_ABOVE_LIMITS: Final = "rules_above_host_limits"
"""Event kind: a worker's rules are looser than its host allows; the host's rules apply."""
CARRIED_RESTATED: Final = "carried_position_restated"
"""Event kind: a split, a reverse split or bonus shares changed the share count of a carried position."""
CARRIED_CHANGED: Final = "carried_position_changed"
"""Event kind: the number of shares carried overnight changed without any order."""
LATE_FILL_UNBOOKED: Final = "late_fill_not_booked"
"""Event kind: the broker lists one of our fills, but no position of the ledger can take it."""
SHARES_RECOVERED: Final = "late_shares_recovered"
"""Event kind: a late fill of a position that was over; the position is reopened and sold."""
MISSING_FILL_BOOKED: Final = "missing_fill_booked"
"""Event kind: a list shows a fill that the ledger lacked until now."""
SALE_LISTED_SHORT: Final = "sale_listed_short"
"""Event kind: the list reports shares of a sale as withdrawn that the account no longer holds."""
TRADE_CORRECTED: Final = "trade_corrected"
"""Event kind: a late or corrected fill adds shares or won to a booked trade."""
ORDER_READOPTED: Final = "order_exists_after_all"
"""Event kind: an order was proven absent, and the broker accepts or lists it later."""
ORDER_UNLISTED: Final = "accepted_order_not_listed"
"""Event kind: an order was accepted by the broker, but no order list shows it."""
PROVISIONAL_FILL: Final = "fill_booked_provisionally"
"""Event kind: holdings prove shares that no order list shows; the list's amount replaces the provisional one."""
SOLD_BY_HAND: Final = "sold_by_hand"
"""Event kind: the account's owner sold some of our shares; the rest is still held."""
UNEXPLAINED_SHARES: Final = "unexplained_shares"
"""Event kind: shares at the broker after a session that neither our books nor the owner's orders explain."""
OWNERS_SHARES: Final = "owners_shares"
"""Event kind: the account owner's shares beside ours after a session; reported, and not traded."""

LOST_ORDER_IN_DOUBT: Final = "lost_order_in_doubt"
"""Event kind: an order without a reply is neither proven placed nor absent, because a row cannot be read."""
FLATNESS_IN_DOUBT: Final = "flatness_in_doubt"
"""Event kind: a close cannot prove one of our stocks flat, because the broker's rows cannot be read."""
UNREADABLE_ROW: Final = "unreadable_row"
"""Event kind: a row of the broker's lists cannot be read; one event per day, stock and field."""
UNAUTHENTIC_REFUSED: Final = "unauthentic_refused"
"""Event kind: a message, a start or an activity did not prove that it comes from the fleet."""
STRATEGY_FAILED: Final = "strategy_failed"
"""Event kind: a strategy or custom filter raised, timed out or returned an invalid value."""
STOCK_LEFT_OUT: Final = "stock_left_out"
"""Event kind: a stock is not bought because the broker refuses or garbles its data."""


class EventLevel(StrEnum):
    """The severity of an event."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Event:
    """An event in market time (UTC). With a non-empty ``key``, a repeated append has no effect."""

    account_id: AccountId
    kind: str
    level: EventLevel
    at: datetime
    session_date: SessionDate | None = None
    worker_id: WorkerId | None = None
    symbol: Symbol | None = None
    detail: dict[str, str | int] = field(default_factory=dict)
    key: str = ""


def unsold_event(
    account_id: AccountId, session_date: SessionDate, at: datetime, shares: tuple[Symbol, Quantity], why: str
) -> Event:
    """Return the event for a stock's shares unsold in the session; once per session."""
    symbol, quantity = shares
    return Event(
        account_id,
        UNSOLD_AT_CLOSE,
        EventLevel.CRITICAL,
        at,
        session_date=session_date,
        symbol=symbol,
        detail={"quantity": quantity, "why": why},
        key=f"unsold/{account_id}/{session_date}/{symbol}",
    )


def carried_event(
    account_id: AccountId, session_date: SessionDate, at: datetime, symbol: Symbol, quantity: Quantity
) -> Event:
    """Return the event for shares carried after a session; one event, whichever process finds them first."""
    return Event(
        account_id,
        "position_carried_overnight",
        EventLevel.CRITICAL,
        at,
        session_date=session_date,
        symbol=symbol,
        detail={"quantity": quantity},
        key=f"carried/{account_id}/{session_date}/{symbol}",
    )
