"""``starter.py alert-channels``: list the fleet's channels, or remove one."""

from collections.abc import Mapping
from typing import Any

from cli.desk import Desk
from database.alerts import OutletState
from fleet.alerting.channels import channels_of
from fleet.errors import OperationError
from fleet.troubles import UNKNOWN
from runtime.settings import load_settings


async def alert_channels(desk: Desk) -> int:
    """List the fleet's channels by their digests and by their names in our settings."""
    urls = [url.get_secret_value() for url in load_settings().alerts.urls]
    return await list_channels(desk, {channel.key: channel.name for channel in channels_of(urls)})


async def list_channels(desk: Desk, names: Mapping[str, str]) -> int:
    """Print one line per channel. ``names`` maps digests to names in our settings. Return 1 unless alerts reach all."""
    states = await desk.fleet.database.alerts.states(desk.fleet.account_id)
    lines = [_line(state, names) for state in states]

    def show() -> None:
        for line in lines or ["no channel: set HARU_ALERTS__URLS and restart worker.py"]:
            desk.console.say(line)

    desk.answer([_json(state, names) for state in states], show)
    return 0 if states and not any(_trouble(state) for state in states) else 1


async def remove_channel(desk: Desk) -> int:
    """Remove a channel of the fleet, with its unsent alerts.

    Raises:
        OperationError: there is no such channel.
    """
    channel: str = desk.asked.channel
    dropped = await desk.fleet.database.alerts.remove(desk.fleet.account_id, channel)
    if dropped is None:
        raise OperationError(f"there is no channel {channel!r}; `starter.py alert-channels` lists them")
    text = f"{channel} removed with {dropped} unsent alerts. A worker.py that has its address adds it when it starts."
    desk.answer({"removed": channel, "unsent": dropped}, lambda: desk.console.say(text))
    return 0


def _line(state: OutletState, names: Mapping[str, str]) -> str:
    name = names.get(state.channel, "not in these settings")
    return f"{state.channel}  {name}: {_trouble(state) or 'ok'}, {state.unsent} unsent"


def _trouble(state: OutletState) -> str:
    if state.unknown_for >= UNKNOWN:
        return f"no host has known its address for {int(state.unknown_for.total_seconds() // 60)} min"
    return f"{state.failures} attempts failed: {state.trouble}" if state.failures else ""


def _json(state: OutletState, names: Mapping[str, str]) -> dict[str, Any]:
    about = {"channel": state.channel, "name": names.get(state.channel), "trouble": _trouble(state)}
    return {**about, "unsent": state.unsent, "unknown_for_seconds": int(state.unknown_for.total_seconds())}
