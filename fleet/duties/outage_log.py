"""One service that can be away: critical event once its outage has lasted, error event with its length afterwards."""

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from database.errors import DATABASE_FAULTS
from domain.event import Event
from domain.identity import AccountId
from fleet.alerting.direct import DirectAlerts
from fleet.fleet import Fleet

logger = logging.getLogger("haru.hosting")

_WRITTEN_WITHIN: Final = 5.0
_AGAIN_AFTER: Final = 1800.0
"""Real seconds after which a continuing outage is reported again."""


OutageEvent = Callable[[AccountId, str, int, datetime], Event]
"""Returns the event of an outage on a host that lasts or lasted some real seconds, at a market instant."""


@dataclass(frozen=True, slots=True)
class Outage:
    """The constructors of an outage's two events, and after how many real seconds it raises an alarm."""

    away: OutageEvent
    was_away: OutageEvent
    long: float


class OutageLog:
    """Track this process's own view of one service."""

    def __init__(self, fleet: Fleet, direct: DirectAlerts, outage: Outage) -> None:
        self._fleet = fleet
        self._direct = direct
        self._outage = outage
        self._away_since: float | None = None
        self._reports = 0

    async def note_away(self, measured: float | None = None) -> None:
        """Record that the service is away, for the measured seconds if given; raise the alarm once that is long."""
        now = asyncio.get_running_loop().time()
        if self._away_since is None:
            self._away_since = now - (measured or 0.0)
        seconds = now - self._away_since if measured is None else measured
        if seconds < self._outage.long + self._reports * _AGAIN_AFTER:
            return
        self._reports += 1
        event = self._event(self._outage.away, seconds)
        logger.critical(event.kind, extra={"seconds": round(seconds)})
        await self._report(event)

    async def note_back(self) -> None:
        """Record that the service answers; write the length of an outage that was reported.

        Raises:
            OSError, PostgresError: it cannot be written yet; the next call tries again.
        """
        if self._away_since is not None and self._reports:
            seconds = asyncio.get_running_loop().time() - self._away_since
            await self._fleet.database.events.append(self._event(self._outage.was_away, seconds))
        self._away_since, self._reports = None, 0

    async def _report(self, event: Event) -> None:
        """Append the event; send it directly while PostgreSQL is away too."""
        try:
            async with asyncio.timeout(_WRITTEN_WITHIN):
                await self._fleet.database.events.append(event)
        except (*DATABASE_FAULTS, TimeoutError):
            self._direct.send(event)

    def _event(self, reported: OutageEvent, seconds: float) -> Event:
        fleet = self._fleet
        return reported(fleet.account_id, socket.gethostname(), round(seconds), fleet.market_now())
