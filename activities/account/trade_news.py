"""Events of buys and sales; alert channels get them if ``HARU_ALERTS__TRADES`` is set."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from domain.event import POSITION_BOUGHT, POSITION_SOLD, Event, EventLevel
from domain.position import ClosedTrade, OpenPosition
from domain.session import session_date_of

if TYPE_CHECKING:
    from database.database import Database


async def report_bought(database: "Database", position: OpenPosition) -> None:
    """Append the event of a buy, once per position, without waiting for the write."""
    event = Event(
        position.account_id,
        POSITION_BOUGHT,
        EventLevel.INFO,
        position.opened_at,
        session_date=position.session_date,
        worker_id=position.worker_id,
        symbol=position.symbol,
        detail={
            "quantity": position.quantity,
            "price": round(position.entry_price),
            "strategy": position.strategy.name,
        },
        key=f"{POSITION_BOUGHT}/{position.position_id}",
    )
    await database.reports.append(event.key, partial(database.events.append, event))


async def report_sold(database: "Database", trade: ClosedTrade, at: datetime) -> None:
    """Append the event of a sale with its net result, once per position, without waiting for the write."""
    why = f"{trade.exit_reason}, net result {trade.net_pnl:+,} won"
    event = Event(
        trade.account_id,
        POSITION_SOLD,
        EventLevel.INFO,
        at,
        session_date=session_date_of(at),
        worker_id=trade.worker_id,
        symbol=trade.symbol,
        detail={"quantity": trade.quantity, "net": trade.net_pnl, "why": why},
        key=f"{POSITION_SOLD}/{trade.position_id}",
    )
    await database.reports.append(event.key, partial(database.events.append, event))
