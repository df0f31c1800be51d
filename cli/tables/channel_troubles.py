"""Problems with sending alerts, for the live table: channels unknown to every host, failing channels, or no channel."""

from typing import TYPE_CHECKING

from domain.identity import AccountId, Environment
from fleet.duties.channels import UNKNOWN

if TYPE_CHECKING:
    from database.alerts import Alerts, OutletState


async def read_channel_troubles(alerts: "Alerts", account_id: AccountId, environment: Environment) -> tuple[str, ...]:
    """Return a line for each channel that does not receive alerts, and one if real money has no channel at all."""
    states = await alerts.states(account_id)
    if not states and environment is Environment.LIVE:
        return ("NO ALERTS: no channel is configured (HARU_ALERTS__URLS)",)
    return tuple(line for state in states if (line := _line(state)))


def _line(state: "OutletState") -> str:
    waiting = f"{state.unsent} unsent"
    if state.unknown_for >= UNKNOWN:
        minutes = int(state.unknown_for.total_seconds() // 60)
        return f"NO ALERTS to channel {state.channel}: no host has known its address for {minutes} min, {waiting}"
    if state.failures:
        return f"alerts fail at channel {state.channel}: {state.trouble} ({waiting})"
    return ""
