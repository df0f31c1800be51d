"""Report a stream that is away for long. Trading continues by polling, unless another program uses the stream."""

import asyncio
import logging
from typing import Final

from database.stream_leases import StreamState
from domain.event_kind import EventKind
from domain.events.machines import stream_away, stream_taken
from domain.session import SessionDate, session_date_of
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

logger = logging.getLogger("haru.stream")

SHUT_BECAUSE: Final = "another program uses the app key: its real-time session stays open (OPSP8996)"
_IN_USE: Final = "OPSP8996"
STAYS_TAKEN: Final = 300.0
"""Real seconds after which a session that KIS reports as in use is not one that our own crash left behind."""
LONG: Final = 120.0
"""Real seconds without a session at the broker."""
_SAME_OUTAGE: Final = 1800.0
"""Real seconds in which all processes report one outage."""


class StreamDuty:
    """Check the state that the stream's owner reports, within sessions of the exchange."""

    terms = Terms("stream")

    def __init__(self, fleet: Fleet, long: float = LONG, stays_taken: float = STAYS_TAKEN) -> None:
        self._fleet = fleet
        self._long = long
        self._stays_taken = stays_taken
        self._away_since: float | None = None
        self._taken_since: float | None = None
        self._has_opened = False

    async def look(self) -> None:
        """Append an event once an absence has lasted; repeat it every half hour."""
        fleet, now = self._fleet, asyncio.get_running_loop().time()
        at = fleet.market_now()
        session = fleet.plan_of_the_day(at).session
        state = await fleet.database.stream_leases.state(fleet.account_id)
        is_heard = state is not None and state.is_live and state.connected_since is not None
        if is_heard or not session.opens_at <= at < session.ends_at:
            self._away_since = self._taken_since = None
            if is_heard:
                await self._open(session_date_of(at))
            return
        await self._shut_if_taken(state, now)
        if self._away_since is None:
            self._away_since = now
        if now - self._away_since < self._long:
            return
        bucket = int((await fleet.database.server.now()).timestamp() // _SAME_OUTAGE)
        cause = (state.trouble if state else "") or "no process holds it"
        await fleet.database.events.append(stream_away(fleet.account_id, cause, bucket, at))

    async def _shut_if_taken(self, state: StreamState | None, now: float) -> None:
        """Shut entries while another program uses the stream: its trades with our key are not in our books."""
        if state is None or _IN_USE not in state.trouble:
            self._taken_since = None
            return
        if self._taken_since is None:
            self._taken_since = now
        if now - self._taken_since < self._stays_taken:
            return
        fleet, at = self._fleet, self._fleet.market_now()
        date = session_date_of(at)
        self._has_opened = False
        await fleet.database.risk.close_entries(fleet.account_id, date, SHUT_BECAUSE, at, cause=EventKind.STREAM_TAKEN)
        if await fleet.database.events.append(stream_taken(fleet.account_id, state.trouble, at)):
            logger.error("stream_taken", extra={"cause": state.trouble})

    async def _open(self, date: SessionDate) -> None:
        """Reopen entries that were shut for this cause only, by this process or another."""
        if not self._has_opened:
            await self._fleet.database.risk.reopen_entries(self._fleet.account_id, date, EventKind.STREAM_TAKEN)
            self._has_opened = True
