"""A stream that has long been away: trading goes on by asking, but somebody should know."""

import asyncio
from typing import Final

from domain.event import Event, EventLevel
from domain.session import session_date_of
from operations.fleet import Fleet

STREAM_AWAY: Final = "stream_away"
LONG: Final = 120.0
"""Real seconds without a session at the broker."""
_SAME_OUTAGE: Final = 1800.0
"""Real seconds for which all processes speak of one outage."""


class StreamDuty:
    """Looks at what the stream's owner reports, within sessions of the exchange."""

    def __init__(self, fleet: Fleet, long: float = LONG) -> None:
        self._fleet = fleet
        self._long = long
        self._away_since: float | None = None

    async def look(self) -> None:
        """Append an event once an absence has lasted; one that lasts on is told again after half an hour."""
        fleet, now = self._fleet, asyncio.get_running_loop().time()
        at = fleet.market_now()
        session = fleet.plan_of_the_day(at).session
        state = await fleet.database.stream_leases.state(fleet.account_id)
        is_heard = state is not None and state.is_live and state.connected_since is not None
        if is_heard or not session.opens_at <= at < session.ends_at:
            self._away_since = None
            return
        if self._away_since is None:
            self._away_since = now
        if now - self._away_since < self._long:
            return
        bucket = int((await fleet.database.server.now()).timestamp() // _SAME_OUTAGE)
        cause = (state.trouble if state else "") or "no process holds it"
        key = f"{STREAM_AWAY}/{fleet.account_id}/{bucket}"
        date, detail = session_date_of(at), {"cause": cause}
        await fleet.database.events.append(
            Event(fleet.account_id, STREAM_AWAY, EventLevel.WARNING, at, date, detail={**detail}, key=key)
        )
