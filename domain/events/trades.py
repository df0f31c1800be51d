"""Events of buys and sales, as the ledger has booked them. Each has one key, so it is appended once."""

from dataclasses import dataclass
from datetime import datetime

from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import AccountId, PositionId, WorkerId
from domain.market import Symbol
from domain.money import Quantity, Won, average_price
from domain.position import ClosedTrade
from domain.session import SessionDate, session_date_of


@dataclass(frozen=True, slots=True)
class Purchase:
    """What the ended entry order of a position has bought. Won, shares, market time (UTC)."""

    position_id: PositionId
    account_id: AccountId
    worker_id: WorkerId
    session_date: SessionDate
    symbol: Symbol
    name: str
    quantity: Quantity
    amount: Won
    at: datetime
    strategy: str
    reason: str


def position_bought(bought: Purchase) -> Event:
    """Return the event of a buy; once per position."""
    return Event(
        bought.account_id,
        EventKind.POSITION_BOUGHT,
        EventLevel.INFO,
        bought.at,
        session_date=bought.session_date,
        worker_id=bought.worker_id,
        symbol=bought.symbol,
        detail={
            "name": bought.name,
            "quantity": bought.quantity,
            "price": round(average_price(bought.amount, bought.quantity)),
            "amount": bought.amount,
            "strategy": bought.strategy,
            "reason": bought.reason,
        },
        key=f"{EventKind.POSITION_BOUGHT}/{bought.position_id}",
    )


def position_sold(trade: ClosedTrade) -> Event:
    """Return the event of a sale with its result; once per position."""
    why = f"{trade.exit_reason}, net result {trade.net_pnl:+,} won"
    return Event(
        trade.account_id,
        EventKind.POSITION_SOLD,
        EventLevel.INFO,
        trade.closed_at,
        session_date=session_date_of(trade.closed_at),
        worker_id=trade.worker_id,
        symbol=trade.symbol,
        detail={
            "name": trade.name,
            "quantity": trade.quantity,
            "price": round(average_price(trade.exit_amount, trade.quantity)),
            "bought_at": round(average_price(trade.entry_amount, trade.quantity)),
            "amount": trade.entry_amount,
            "net": trade.net_pnl,
            "costs": trade.costs.total,
            "exit": trade.exit_reason.value,
            "why": why,
        },
        key=f"{EventKind.POSITION_SOLD}/{trade.position_id}",
    )
