"""Limits of the running hosts for `status`. Where they differ, the host that sends a buy decides."""

from collections.abc import Mapping, Sequence
from typing import Any

from database.host_limits import RecordedLimits
from domain.host_limits import above, as_texts
from domain.identity import Environment
from domain.rules import TradingRules
from fleet.fleet import Fleet


async def read_host_limits(fleet: Fleet) -> tuple[RecordedLimits, ...]:
    """Read the recorded limits of each running host."""
    return await fleet.database.host_limits.of_living(fleet.account_id)


def host_warnings(hosts: Sequence[RecordedLimits], rules: TradingRules, environment: Environment) -> list[str]:
    """Return a warning for each difference between hosts, and for rules that a host does not allow."""
    lines = [
        f"hosts differ in {rule}: {_by_host(each)}; the host that sends a buy decides"
        for rule, each in differences(hosts).items()
    ]
    for host in hosts:
        found = above(rules, host.ceiling)
        if found:
            allowed = ", ".join(f"{name}={value}" for name, value in found.items())
            lines.append(f"these settings are looser than {host.host_id} allows; its limits apply: {allowed}")
        if environment is Environment.LIVE and not host.live_consent:
            lines.append(f"{host.host_id} buys nothing: its settings do not confirm trading with real money")
    return lines


def differences(hosts: Sequence[RecordedLimits]) -> Mapping[str, Mapping[str, str]]:
    """Return each rule in which running hosts differ, with the value of each host."""
    texts = {host.host_id: as_texts(host.ceiling) for host in hosts}
    rules = next(iter(texts.values()), {})
    return {
        rule: {host: each[rule] for host, each in texts.items()}
        for rule in rules
        if len({each[rule] for each in texts.values()}) > 1
    }


def _by_host(values: Mapping[str, str]) -> str:
    return ", ".join(f"{value or 'none'} on {host}" for host, value in values.items())


def host_limits_json(hosts: Sequence[RecordedLimits]) -> dict[str, Any]:
    """Return the hosts' limits as JSON values; instants in ISO 8601."""
    return {
        "hosts": [
            {
                "host": host.host_id,
                "machine": host.machine,
                "recorded_at": host.recorded_at.isoformat(),
                "live_consent": host.live_consent,
                "limits": as_texts(host.ceiling),
            }
            for host in hosts
        ],
        "differ_in": sorted(differences(hosts)),
    }
