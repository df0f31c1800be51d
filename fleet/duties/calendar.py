"""Ask the broker each morning whether today is a session."""

import logging
from datetime import time
from typing import Final

from activities.account.day_start import DayStart
from domain.clock import in_seoul
from domain.errors import TradingError
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

logger = logging.getLogger("haru.hosting")

_ASKED_FROM: Final = time(7)
"""Seoul time. Late announcements of the exchange and the broker's night work are over by then."""


class CalendarDuty:
    """Compare the calendar with the broker's. Entries stay shut where the broker contradicts it."""

    terms = Terms("calendar", within=120.0)

    def __init__(self, fleet: Fleet, day_start: DayStart) -> None:
        self._fleet = fleet
        self._day_start = day_start

    async def look(self) -> None:
        """Compare today's row; a broker that does not answer is asked again."""
        now = in_seoul(self._fleet.market_now())
        if now.time() < _ASKED_FROM:
            return
        try:
            await self._day_start.compare(self._fleet.account_id, now.date())
        except TradingError as fault:
            logger.warning("calendar_not_compared_yet", extra={"cause": str(fault)})
