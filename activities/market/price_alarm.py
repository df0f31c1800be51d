"""Held positions without a trusted price: reported as critical after a delay."""

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from domain.events.positions import price_untrusted
from domain.position import OpenPosition
from domain.session import TradingCalendar, session_date_of

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database

LONG: Final = timedelta(seconds=30)
"""Real time; no rule that needs a price, such as the stop-loss, can fire meanwhile."""
_AGAIN_AFTER: Final = timedelta(minutes=30)


class PriceAlarm:
    """Measures how long one attempt of a watch has had no trusted price; real time, within sessions."""

    def __init__(self, database: "Database", pace: "Pace", calendar: TradingCalendar) -> None:
        self._database = database
        self._pace = pace
        self._calendar = calendar
        self._trusted_at = pace.waited()
        self._reported_at: timedelta | None = None

    async def look(self, position: OpenPosition, *, is_trusted: bool) -> None:
        """Record one price check; report 30 s without a trusted price, and again after half an hour.

        The report does not delay the watch noticeably.
        """
        waited, now = self._pace.waited(), self._pace.now()
        if is_trusted or not self._is_open(now):
            self._trusted_at = waited
            return
        blind = waited - self._trusted_at
        is_reported = self._reported_at is not None and waited - self._reported_at < _AGAIN_AFTER
        if blind < LONG or is_reported:
            return
        self._reported_at = waited
        event = price_untrusted(position, blind, now)
        await self._database.reports.append(event.key, partial(self._database.events.append, event))

    def _is_open(self, now: datetime) -> bool:
        session = self._calendar.session_on(session_date_of(now))
        return session is not None and session.opens_at <= now < session.ends_at
