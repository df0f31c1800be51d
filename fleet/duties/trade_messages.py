"""Append the event of each buy and sale from the ledger. Orders wait for none of it; channels send the events."""

import asyncio
from datetime import timedelta
from typing import Final

from database.trade_messages import MOST
from domain.event import EventLevel
from domain.events.trades import position_bought, position_sold
from domain.session import SessionDate, session_date_of
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

_DAYS_BACK: Final = timedelta(days=4)
"""How old a trade may be that still gets its event, for a fleet that was down over a weekend."""
_OVERLAP: Final = 60.0
"""Real seconds before the last round that a round reads again: a transaction may commit late."""


class TradeMessageDuty:
    """Append each event once, whichever host finds the trade: its key is the position's."""

    terms = Terms("trade_messages", every=2.0, at_once=True, level=EventLevel.WARNING)

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._read_at: float | None = None

    async def look(self) -> None:
        """Append the events of what the ledger has booked since the last round, at first of the last days."""
        fleet, books, now = self._fleet, self._fleet.database, asyncio.get_running_loop().time()
        within = _DAYS_BACK if self._read_at is None else timedelta(seconds=now - self._read_at + _OVERLAP)
        first = SessionDate(session_date_of(fleet.market_now()) - _DAYS_BACK)
        purchases = await books.trade_messages.bought(fleet.account_id, first, within)
        for bought in purchases:
            await books.events.append(position_bought(bought))
        if sold := await books.trade_messages.sold(fleet.account_id, first, within):
            for trade in await books.trades.of(fleet.account_id, sold):
                await books.events.append(position_sold(trade))
        if len(purchases) < MOST and len(sold) < MOST:
            self._read_at = now
