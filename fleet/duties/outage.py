"""PostgreSQL is away or its disk is full: alarm in the log and to people, and an event once it can be written (F8)."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from activities.support.host_gate import HostGate
from database.errors import DATABASE_FAULTS
from domain.event import Event
from domain.events.machines import database_away, database_full, database_was_away
from domain.identity import AccountId
from fleet.alerting.direct import DirectAlerts
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

logger = logging.getLogger("haru.hosting")

_ANSWERS_WITHIN: Final = 5.0
_AGAIN_EVERY: Final = 60.0
_LONG: Final = 15.0
"""Real seconds. A server that restarts is back sooner."""
_SAME_OUTAGE: Final = 1800.0
_FULL_FOR: Final = 10.0
"""Real seconds without a refused write after which the disk counts as having room."""
FULL: Final = "PostgreSQL's disk is full"
"""The cause under which this process buys nothing."""


class OutageDuty:
    """Ask the server for its clock, and look for refused writes: a server whose disk is full still answers reads.

    The result is this process's own view.
    """

    terms = Terms("database_reach")

    def __init__(self, fleet: Fleet, direct: DirectAlerts, gate: HostGate, long: float = _LONG) -> None:
        self._fleet = fleet
        self._direct = direct
        self._gate = gate
        self._long = long
        self._away_since: float | None = None
        self._said_at = 0.0

    async def look(self) -> None:
        """Raise the alarm once a minute of an outage; after it, record its length (real seconds)."""
        now = asyncio.get_running_loop().time()
        is_full = self._fleet.database.disk.is_full(_FULL_FOR)
        self._gate.database_full = FULL if is_full else ""
        if is_full:
            self._alarm(now, FULL, is_full=True)
            return
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN):
                await self._fleet.database.server.now()
                await self._write_down(now)
        except (*DATABASE_FAULTS, TimeoutError) as fault:
            self._alarm(now, f"{type(fault).__name__}: {fault}")

    def _alarm(self, now: float, cause: str, *, is_full: bool = False) -> None:
        if self._away_since is None:
            self._away_since, self._said_at = now, now - _AGAIN_EVERY
        if now - self._said_at >= _AGAIN_EVERY:
            self._said_at = now
            logger.critical("database_away", extra={"seconds": round(now - self._away_since), "cause": cause})
        if is_full or now - self._away_since >= self._long:
            self._alert(self._away_since, now - self._away_since, database_full if is_full else database_away)

    def _alert(self, since: float, seconds: float, event: Callable[[AccountId, str, datetime], Event]) -> None:
        """Alert people directly, because the database cannot be written; repeat every half hour."""
        fleet, at = self._fleet, self._fleet.market_now()
        self._direct.send(event(fleet.account_id, f"{since}/{seconds // _SAME_OUTAGE}", at))

    async def _write_down(self, now: float) -> None:
        if self._away_since is None:
            return
        fleet, at, seconds = self._fleet, self._fleet.market_now(), round(now - self._away_since)
        await fleet.database.events.append(database_was_away(fleet.account_id, seconds, at))
        self._away_since = None
