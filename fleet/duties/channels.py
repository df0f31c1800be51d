"""Alert channels of the fleet: each host refreshes those it has addresses for, and reports channels without a host."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from database.alerts import OutletState
from domain.event import Event, EventLevel
from domain.session import session_date_of
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

CHANNEL_UNKNOWN: Final = "alert_channel_unknown"
UNKNOWN: Final = timedelta(minutes=5)
"""Real time without a host that has the address. A restart takes less."""


class ChannelDuty:
    """Maintain the fleet's channels for one host. ``known`` are the digests of the host's addresses."""

    terms = Terms("alert_channels", every=30.0)

    def __init__(self, fleet: Fleet, known: Sequence[str], unknown: timedelta = UNKNOWN) -> None:
        self._fleet = fleet
        self._known = known
        self._unknown = unknown

    async def look(self) -> None:
        """Refresh this host's channels, and report once a day each channel that no running host can send to."""
        fleet = self._fleet
        await fleet.database.alerts.keep_known(fleet.account_id, self._known)
        for state in await fleet.database.alerts.states(fleet.account_id):
            if state.unknown_for >= self._unknown:
                await fleet.database.events.append(self._event(state))

    def _event(self, state: OutletState) -> Event:
        fleet, at = self._fleet, self._fleet.market_now()
        day = session_date_of(at)
        why = f"no host has the address of channel {state.channel}: no alerts are sent to it"
        detail: dict[str, str | int] = {"why": why, "unsent": state.unsent}
        key = f"{CHANNEL_UNKNOWN}/{fleet.account_id}/{state.channel}/{day}"
        return Event(fleet.account_id, CHANNEL_UNKNOWN, EventLevel.ERROR, at, day, detail=detail, key=key)
