"""Record this process's heartbeat in the books; report dead hosts and unwatched time as events."""

import asyncio
import logging
import os
import socket
import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from database.errors import DATABASE_FAULTS
from database.hosts import Lapse
from domain.event import Event, EventLevel
from domain.events.machines import host_died, time_unwatched
from domain.host_limits import HostLimits
from domain.session import session_date_of
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

logger = logging.getLogger("haru.hosting")

SILENCE: Final = timedelta(seconds=30)
"""Real time without a heartbeat after which a host counts as dead. A host sends a heartbeat every five seconds."""
_BACK: Final = timedelta(hours=24)
_UNWATCHED: Final = timedelta(seconds=30)
"""A lease lasts 30 s. A shorter gap is a handover."""
_LEAVES_WITHIN: Final = 5.0
_DAY: Final = timedelta(days=1)
_RESUME: Final = "Run `python worker.py` to resume: the workers continue where they stopped."


class HostDuty:
    """Send heartbeats for this process, and monitor the other hosts."""

    terms = Terms("host", level=EventLevel.CRITICAL)

    def __init__(self, fleet: Fleet, silence: timedelta = SILENCE, build: str = "") -> None:
        self._fleet = fleet
        self._build = build
        self._silence = silence
        self._machine, self._pid = socket.gethostname(), os.getpid()
        self.host_id = f"{self._machine}/{self._pid}/{uuid.uuid4().hex[:4]}"
        self._well_since: float | None = None
        self._reported: set[tuple[str, datetime]] = set()

    async def declare(self, limits: HostLimits) -> HostLimits:
        """Record this process's limits before it hosts anything; return them with their number."""
        fleet = self._fleet
        await self._beat()
        return await fleet.database.host_limits.record(fleet.account_id, self.host_id, limits)

    async def look(self) -> None:
        """Send a heartbeat. Report silent hosts once our own heartbeats have succeeded for as long.

        After an outage of PostgreSQL every host appears silent for a moment.
        """
        now = asyncio.get_running_loop().time()
        try:
            await self._beat()
        except BaseException:
            self._well_since = None
            raise
        if self._well_since is None:
            self._well_since = now
        if now - self._well_since >= self._silence.total_seconds():
            await self._bury()
        await self._report_lapses()

    async def farewell(self) -> list[str]:
        """Name the shares that no process watches once this one ends, and how to resume; nothing if there are none."""
        fleet = self._fleet
        try:
            async with asyncio.timeout(_LEAVES_WITHIN):
                hosts = await fleet.database.host_limits.of_living(fleet.account_id)
                left = await fleet.database.positions.held_in(fleet.account_id)
        except (*DATABASE_FAULTS, TimeoutError):
            return ["PostgreSQL is unreachable: shares may be held, and nothing watches them now.", _RESUME]
        if not left or any(host.host_id != self.host_id for host in hosts):
            return []
        shares = ", ".join(f"{each.symbol} {each.name} ×{each.quantity:,} ({each.worker_id})" for each in left)
        return [f"No longer watched: {shares}.", "No stop, no target and no market close sells them now.", _RESUME]

    async def leave(self) -> None:
        """Record that this process ends normally. Without PostgreSQL no record is written."""
        with suppress(*DATABASE_FAULTS, TimeoutError):
            async with asyncio.timeout(_LEAVES_WITHIN):
                await self._fleet.database.hosts.leave(self._fleet.account_id, self.host_id)

    async def _beat(self) -> None:
        fleet = self._fleet
        await fleet.database.hosts.beat(fleet.account_id, self.host_id, self._machine, self._pid, self._build)

    async def _bury(self) -> None:
        fleet = self._fleet
        is_holding = bool(await fleet.database.positions.held_stocks(fleet.account_id))
        level = EventLevel.CRITICAL if is_holding else EventLevel.ERROR
        dead = await fleet.database.hosts.bury(
            fleet.account_id, self._silence, lambda host: host_died(fleet.account_id, host, level, fleet.market_now())
        )
        for host in dead:
            logger.critical(
                "host_died", extra={"host": host.host_id, "seconds": round(host.silent_for.total_seconds())}
            )

    async def _report_lapses(self) -> None:
        fleet = self._fleet
        for lapse in await fleet.database.hosts.lapses(fleet.account_id, _BACK, _UNWATCHED):
            about = (lapse.symbol, lapse.since)
            if about in self._reported:
                continue
            seconds = self._seconds_in_sessions(lapse)
            if seconds > _UNWATCHED.total_seconds():
                await fleet.database.events.append(self._unwatched(lapse, seconds))
            self._reported.add(about)

    def _seconds_in_sessions(self, lapse: Lapse) -> int:
        """Return for how many real seconds the market was open during the lapse."""
        clock, total = self._fleet.clock, timedelta(0)
        since, until = clock.market_time(lapse.since), clock.market_time(lapse.until)
        day = since
        while session_date_of(day) <= session_date_of(until):
            session = self._fleet.calendar.session_on(session_date_of(day))
            if session is not None:
                total += max(min(until, session.ends_at) - max(since, session.opens_at), timedelta(0))
            day += _DAY
        return round(clock.real_duration(total).total_seconds())

    def _unwatched(self, lapse: Lapse, seconds: int) -> Event:
        fleet, at = self._fleet, self._fleet.clock.market_time(lapse.until)
        return time_unwatched(fleet.account_id, lapse.symbol, lapse.since, seconds, at)
