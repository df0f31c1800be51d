"""Append the digest of each week and month after the close of its last session; the channels send it."""

from datetime import timedelta
from typing import Any

from domain.events.closes import digest_written
from domain.session import SessionDate, session_date_of
from fleet.duties.duty import Terms
from fleet.fleet import Fleet
from reporting.digest import Period, Span, period_of, read_digest


class DigestDuty:
    """Append each digest once for its figures: a correction of the same evening gives another."""

    terms = Terms("digests", every=60.0, every_market=timedelta(minutes=15), at_once=True, within=300.0)

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._done: set[tuple[Any, ...]] = set()

    async def look(self) -> None:
        """Append the digests that are due: of the latest session in the books, if its week or month has ended."""
        fleet = self._fleet
        latest = await fleet.database.summaries.latest(fleet.account_id)
        if latest is None:
            return
        for span in Span:
            period = period_of(span, latest[0])
            if (period, latest) not in self._done and await self._has_ended(period, latest[0]):
                await self._append(period)
                self._done.add((period, latest))

    async def _has_ended(self, period: Period, latest: SessionDate) -> bool:
        fleet = self._fleet
        last = max(period.sessions(fleet.calendar), default=period.last)
        if session_date_of(fleet.market_now()) > last:
            return True
        return latest == last and await fleet.database.summaries.is_final(fleet.account_id, latest)

    async def _append(self, period: Period) -> None:
        fleet = self._fleet
        values = await read_digest(fleet.database, fleet.account_id, fleet.calendar, period)
        if values is not None:
            event = digest_written(fleet.account_id, period.name, values, fleet.market_now())
            await fleet.database.events.append(event)
