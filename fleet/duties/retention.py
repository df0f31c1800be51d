"""Delete old price bars in small batches while the market is closed. What taxes, the audit and totals need stays."""

import logging
from datetime import timedelta
from typing import Final

from domain.session import SessionDate, session_date_of
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

logger = logging.getLogger("haru.hosting")

_BEFORE_THE_OPENING: Final = timedelta(hours=1)
_OF_A_DAY: Final = timedelta(hours=12)
"""Market time after the opening. The evening's sales end within it."""


class RetentionDuty:
    """Delete the minute bars of positions that ended so many days ago, a batch a round."""

    terms = Terms("retention", every=30.0)

    def __init__(self, fleet: Fleet, days: int) -> None:
        self._fleet = fleet
        self._days = days

    async def look(self) -> None:
        """Delete one batch if the market is closed."""
        fleet, now = self._fleet, self._fleet.market_now()
        session = fleet.plan_of_the_day(now).session
        if session.opens_at - _BEFORE_THE_OPENING <= now < session.opens_at + _OF_A_DAY:
            return
        first = SessionDate(session_date_of(now) - timedelta(days=self._days))
        if deleted := await fleet.database.price_marks.forget_before(fleet.account_id, first):
            logger.info("price_bars_deleted", extra={"bars": deleted, "before": first.isoformat()})
