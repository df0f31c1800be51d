"""Events of buys and sales; alert channels get them if ``HARU_ALERTS__TRADES`` is set."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from domain.events.positions import position_bought, position_sold
from domain.position import ClosedTrade, OpenPosition

if TYPE_CHECKING:
    from database.database import Database


async def report_bought(database: "Database", position: OpenPosition) -> None:
    """Append the event of a buy, once per position, without waiting for the write."""
    event = position_bought(position)
    await database.reports.append(event.key, partial(database.events.append, event))


async def report_sold(database: "Database", trade: ClosedTrade, at: datetime) -> None:
    """Append the event of a sale with its net result, once per position, without waiting for the write."""
    event = position_sold(trade, at)
    await database.reports.append(event.key, partial(database.events.append, event))
