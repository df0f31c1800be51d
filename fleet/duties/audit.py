"""Alert about an audit log that was truncated or rewritten."""

from typing import Final

from domain.audit_log import Anchor
from domain.event import Event, EventLevel
from fleet.fleet import Fleet

AUDIT_LOG_BROKEN: Final = "audit_log_broken"
"""Event kind of an audit log that lacks a row that this machine has observed in it."""


async def report_a_broken_log(fleet: Fleet, seen: Anchor) -> None:
    """Report once a row that this machine has observed and that is now missing or different."""
    detail: dict[str, str | int] = {"row": seen.sequence, "digest": seen.digest}
    key = f"audit_log_broken/{seen.sequence}/{seen.digest[:16]}"
    event = Event(fleet.account_id, AUDIT_LOG_BROKEN, EventLevel.CRITICAL, fleet.market_now(), detail=detail, key=key)
    await fleet.database.events.append(event)
