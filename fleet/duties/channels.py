"""Alert channels of the fleet: each host refreshes those it has addresses for, and reports channels without a host."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from database.alerts import OutletState
from domain.event import Event
from domain.events.machines import alert_channel_unknown, trade_messages_dropped
from fleet.duties.duty import Terms
from fleet.fleet import Fleet
from fleet.troubles import UNKNOWN

_MOST_TRADES: Final = 1_000
"""Unsent messages about trades of a channel; older ones are deleted."""


class ChannelDuty:
    """Maintain the fleet's channels for one host. ``known`` are the digests of the host's addresses."""

    terms = Terms("alert_channels", every=30.0)

    def __init__(
        self, fleet: Fleet, known: Sequence[str], unknown: timedelta = UNKNOWN, most_trades: int = _MOST_TRADES
    ) -> None:
        self._fleet = fleet
        self._known = known
        self._unknown = unknown
        self._most_trades = most_trades

    async def look(self) -> None:
        """Refresh this host's channels; report channels that no running host can send to, and bound their trades."""
        fleet = self._fleet
        await fleet.database.alerts.keep_known(fleet.account_id, self._known)
        for state in await fleet.database.alerts.states(fleet.account_id):
            if state.unknown_for >= self._unknown:
                await fleet.database.events.append(self._event(state))
        dropped = await fleet.database.alerts.drop_trades(fleet.account_id, self._most_trades)
        for channel, number in dropped.items():
            event = trade_messages_dropped(fleet.account_id, channel, number, fleet.market_now())
            await fleet.database.events.append(event)

    def _event(self, state: OutletState) -> Event:
        fleet, at = self._fleet, self._fleet.market_now()
        return alert_channel_unknown(fleet.account_id, state.channel, state.unsent, at)
