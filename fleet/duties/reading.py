"""Unreadable rows of the broker's lists: reported once a day with stock and field, and kept for ``status``."""

import logging
from collections.abc import Callable

from domain.event import EventLevel
from domain.events.books import unreadable_row
from domain.market import Symbol
from domain.session import session_date_of
from domain.unreadable import Readings
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

logger = logging.getLogger("haru.hosting")


class ReadingDuty:
    """Collect the rows that the client failed to read. ``take`` returns each of them once."""

    terms = Terms("unreadable_rows")

    def __init__(self, fleet: Fleet, take: Callable[[], Readings]) -> None:
        self._fleet = fleet
        self._take = take

    async def look(self) -> None:
        """Record currently unreadable rows, and append an event for each new one."""
        fleet, taken = self._fleet, self._take()
        if not taken.rows and not taken.whole:
            return
        at = fleet.market_now()
        await fleet.database.unreadable_rows.keep(fleet.account_id, session_date_of(at), taken.rows, taken.whole)
        ours = await self._ours() if taken.rows else frozenset()
        for row in taken.rows:
            level = EventLevel.ERROR if row.symbol is None or row.symbol in ours else EventLevel.WARNING
            if await fleet.database.events.append(unreadable_row(fleet.account_id, row, level, at)):
                extra = {"list": row.of, "symbol": row.symbol, "field": row.field, "cause": row.why}
                logger.warning("unreadable_row", extra=extra)

    async def _ours(self) -> frozenset[Symbol]:
        """Return the stocks that we hold or have an order in."""
        fleet = self._fleet
        held = await fleet.database.positions.held_stocks(fleet.account_id)
        active = await fleet.database.orders.active_in(fleet.account_id)
        return frozenset({*held, *(each.intent.symbol for each in active)})
