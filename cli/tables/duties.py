"""Duties of the running hosts for `status` and `doctor`: how long ago each succeeded, and which are overdue."""

from collections.abc import Sequence
from typing import Any

from database.hosts import DutyAge


def overdue_lines(duties: Sequence[DutyAge]) -> list[str]:
    """Return a line for each overdue duty."""
    return [
        f"duty {each.name} of {each.host_id} last succeeded {each.seconds:,.0f} s ago; look at that host's log"
        for each in duties
        if each.is_overdue
    ]


def duties_json(duties: Sequence[DutyAge]) -> dict[str, Any]:
    """Return the duties of each host as JSON values, in real seconds."""
    hosts: dict[str, Any] = {}
    for each in duties:
        hosts.setdefault(each.host_id, {})[each.name] = {"seconds": round(each.seconds), "overdue": each.is_overdue}
    return {"duties": hosts}
