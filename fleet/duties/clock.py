"""A clock that differs from the broker's: report it, and shut entries while it lasts (F44)."""

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, Protocol

from activities.support.host_gate import HostGate
from domain.clock import ClockReading
from domain.errors import TradingError
from domain.events.machines import clock_off
from domain.session import session_date_of
from fleet.clocks import INTOLERABLE, REMEDY
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

logger = logging.getLogger("haru.clocks")

SHUT_BECAUSE: Final = "this machine's clock and the broker's disagree"


class ComparesClocks(Protocol):
    """A broker whose replies show its clock."""

    @property
    def clock_skew(self) -> timedelta:
        """Return by how much this machine's clock is ahead at least."""
        ...

    async def read_clock(self) -> ClockReading:
        """Request only the broker's clock."""
        ...


class ClockDuty:
    """Check the clock skew that the broker's replies show."""

    terms = Terms("clock")

    def __init__(self, fleet: Fleet, broker: ComparesClocks, gate: HostGate) -> None:
        self._fleet = fleet
        self._broker = broker
        self._gate = gate
        self._is_open = False

    async def look(self) -> None:
        """Shut entries while the skew exceeds the tolerance, and lift that cause once it is tolerated again."""
        fleet, now = self._fleet, self._fleet.market_now()
        day = session_date_of(now)
        if abs(self._broker.clock_skew) > INTOLERABLE:
            with suppress(TradingError):
                await self._broker.read_clock()  # with entries shut, there may be no other request to the broker
        skew = self._broker.clock_skew
        self._gate.clock_off = SHUT_BECAUSE if abs(skew) > INTOLERABLE else ""
        if abs(skew) > INTOLERABLE:
            await fleet.database.risk.close_entries(fleet.account_id, day, SHUT_BECAUSE, now)
            await self._report(skew, now)
            self._is_open = False
        elif not self._is_open:
            await fleet.database.risk.reopen_entries(fleet.account_id, day, SHUT_BECAUSE)
            self._is_open = True

    async def _report(self, skew: timedelta, now: datetime) -> None:
        """Report once an hour while the skew lasts."""
        fleet, seconds = self._fleet, round(abs(skew).total_seconds())
        cause = f"this machine's clock is {seconds} s {'ahead of' if skew > timedelta(0) else 'behind'} the broker's"
        if await fleet.database.events.append(clock_off(fleet.account_id, cause, now)):
            logger.critical("clock_off", extra={"cause": cause, "fix": REMEDY})
