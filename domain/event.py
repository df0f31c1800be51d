"""One thing that happened, as the append-only event book keeps it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.identity import AccountId, WorkerId
from domain.market import Symbol
from domain.money import Quantity
from domain.session import SessionDate

ENTRY_DENIED: Final = "entry_denied"
"""The kind of event by which denials are counted; its detail names the denial."""
CLOSE_MISSED: Final = "close_missed"
"""The kind of event of a session that ended without a market close; shown until the next session has ended."""
CLOSE_UNFINISHED: Final = "close_unfinished"
"""The kind of event of a close that goes on although no market is left to sell in."""
DAY_SUMMED_UP: Final = "day_summed_up"
"""The kind of event of a session's result, told to people though nothing is wrong; the outbox's trigger knows it."""
CLOSE_NOT_PROVEN: Final = "close_not_proven"
"""The kind of event of a close that could not read the broker's holdings, and ended without a proof."""
BOOKS_NOT_COMPARED: Final = "books_not_compared"
"""The kind of event of a comparison with the broker that failed; entries stay shut until one succeeds."""
ENTRIES_REOPENED: Final = "entries_reopened"
"""The kind of event of a cause of shut entries that was lifted; others may keep them shut."""
FOREIGN_API_ORDER: Final = "order_of_another_program"
"""The kind of event of an order that came by API and is not ours; entries stay shut until an operator accepts it."""
FOREIGN_API_ORDER_ACCEPTED: Final = "order_of_another_program_accepted"
"""The kind of event of such an order that an operator has accepted."""
STATEMENT_NOT_COMPARED: Final = "statement_not_compared"
"""The kind of event of a broker's statement that could not be compared with the ledger."""
SUMMARY_NOT_WRITTEN: Final = "summary_not_written"
"""The kind of event of a session whose summaries could not be written by its close."""
POSITION_BOUGHT: Final = "position_bought"
POSITION_SOLD: Final = "position_sold"
"""The kinds of event of each buy and each sale: no incidents, sent where an operator asked for them; the outbox's
trigger knows both."""
UNSOLD_AT_CLOSE: Final = "position_unsold_at_close"
"""The kind of event of shares that the session has not taken; what the evening leaves of them is carried."""
MARKET_CLOSE: Final = "market close"
"""The one reason for which entries are shut every day."""
RULES_ABOVE_LIMITS: Final = "rules_above_host_limits"
"""The kind of event of a worker whose rules are looser than its host allows; the host's apply."""
CARRIED_RESTATED: Final = "carried_position_restated"
"""The kind of event of a carried position that a split, a reverse split or bonus shares gave other shares."""
CARRIED_CHANGED: Final = "carried_position_changed"
"""The kind of event of shares that were carried over night and changed in number without any order."""
LATE_FILL_UNBOOKED: Final = "late_fill_not_booked"
"""The kind of event of a fill of ours that the broker lists and no position of the ledger can take any more."""
SHARES_RECOVERED: Final = "late_shares_recovered"
"""The kind of event of shares of a late fill whose position was over: it lives again and is sold."""
MISSING_FILL_BOOKED: Final = "missing_fill_booked"
"""The kind of event of a fill that a list shows and the ledger lacked until now."""
SALE_LISTED_SHORT: Final = "sale_listed_short"
"""The kind of event of a sale of which the list calls shares withdrawn that the account no longer holds."""
TRADE_CORRECTED: Final = "trade_corrected"
"""The kind of event of a booked trade to which a late or corrected fill adds shares or won."""
ORDER_READOPTED: Final = "order_exists_after_all"
"""The kind of event of an order that was proven absent and that the broker accepts or lists later."""
ORDER_UNLISTED: Final = "accepted_order_not_listed"
"""The kind of event of an order that the broker has accepted and that no order list shows."""
PROVISIONAL_FILL: Final = "fill_booked_provisionally"
"""The kind of event of shares that holdings prove and no order list shows; the list's true won replace them."""
SOLD_BY_HAND: Final = "sold_by_hand"
"""The kind of event of a part of our shares that the account's owner has sold; what is left is still held."""
UNEXPLAINED_SHARES: Final = "unexplained_shares"
"""The kind of event of shares that the broker shows after a session and that neither our books nor the owner's orders
explain."""
OWNERS_SHARES: Final = "owners_shares"
"""The kind of event of shares that the account's owner holds after a session beside ours: named, and left alone."""

LOST_ORDER_IN_DOUBT: Final = "lost_order_in_doubt"
"""The kind of event of an order without a reply that is neither proven placed nor absent: a row cannot be read."""
FLATNESS_IN_DOUBT: Final = "flatness_in_doubt"
"""The kind of event of a stock of ours that a close cannot prove flat, since the broker's rows cannot be read."""
UNREADABLE_ROW: Final = "unreadable_row"
"""The kind of event of a row of the broker's lists that cannot be read; told once a day, stock and field."""
UNAUTHENTIC_REFUSED: Final = "unauthentic_refused"
"""The kind of event of a message, a start or an activity that did not prove to come from the fleet."""
STRATEGY_FAILED: Final = "strategy_failed"
"""The kind of event of a strategy or custom filter that raised, took too long or returned what cannot be."""
STOCK_LEFT_OUT: Final = "stock_left_out"
"""The kind of event of a stock that is not bought because the broker refuses or garbles what it says of it."""


class EventLevel(StrEnum):
    """How loudly an event is told."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Event:
    """An event in market time (UTC). A non-empty ``key`` makes appending it twice the same as once."""

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
    """Return the event of shares of a stock that the session has not taken; told once a session."""
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
    """Return the event of shares that a session left behind; told once, whoever finds them first."""
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
