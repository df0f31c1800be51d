"""Warnings for the live table: causes that prevent buying stocks, refused strangers, and alerts that are not sent."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from domain.alert import fold
from domain.event_kind import AnyKind, EventKind
from domain.identity import AccountId, Environment
from domain.session import SessionDate

if TYPE_CHECKING:
    from database.alerts import Alerts, OutletState
    from database.events import Events

UNKNOWN: Final = timedelta(minutes=5)
"""Real time without a host that has a channel's address. A restart takes less."""
_SHOWN_FOR: Final = timedelta(hours=1)
"""Market time. A continuing cause is reported again each hour."""
_MOST_NAMES: Final = 5
_MOST_LINES: Final = 6
_TITLES: Final[Mapping[AnyKind, str]] = {
    EventKind.UNAUTHENTIC_REFUSED: "STRANGER",
    EventKind.STRATEGY_FAILED: "STRATEGY FAILED",
    EventKind.STOCK_LEFT_OUT: "left out",
}


async def read_troubles(
    events: "Events", account_id: AccountId, session_date: SessionDate, now: datetime
) -> tuple[str, ...]:
    """Return a line for each cause of the last hour, most severe first, with the affected stocks."""
    found = fold(await events.since(account_id, session_date, tuple(_TITLES), now - _SHOWN_FOR))
    lines = []
    for each in found:
        names = ", ".join(each.symbols[:_MOST_NAMES])
        more = f" +{len(each.symbols) - _MOST_NAMES}" if len(each.symbols) > _MOST_NAMES else ""
        lines.append(f"{_TITLES[each.kind]}: {each.gist}" + (f" ({names}{more})" if names else ""))
    more_lines = (f"… and {len(lines) - _MOST_LINES} more causes",) if len(lines) > _MOST_LINES else ()
    return (*lines[:_MOST_LINES], *more_lines)


async def read_channel_troubles(alerts: "Alerts", account_id: AccountId, environment: Environment) -> tuple[str, ...]:
    """Return a line for each channel that does not receive alerts, and one if real money has no channel at all."""
    states = await alerts.states(account_id)
    if not states and environment is Environment.LIVE:
        return ("NO ALERTS: no channel is configured (HARU_ALERTS__URLS)",)
    return tuple(line for state in states if (line := _channel_line(state)))


def _channel_line(state: "OutletState") -> str:
    waiting = f"{state.unsent} unsent"
    if state.unknown_for >= UNKNOWN:
        minutes = int(state.unknown_for.total_seconds() // 60)
        return f"NO ALERTS to channel {state.channel}: no host has known its address for {minutes} min, {waiting}"
    if state.failures:
        return f"alerts fail at channel {state.channel}: {state.trouble} ({waiting})"
    return ""
