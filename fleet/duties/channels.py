"""Alert channels of the fleet: each host refreshes those it has addresses for, and reports channels without a host."""

from collections.abc import Sequence
from datetime import timedelta

from database.alerts import OutletState
from domain.event import Event
from domain.events.machines import alert_channel_unknown
from fleet.duties.duty import Terms
from fleet.fleet import Fleet
from fleet.troubles import UNKNOWN


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
        return alert_channel_unknown(fleet.account_id, state.channel, state.unsent, at)
