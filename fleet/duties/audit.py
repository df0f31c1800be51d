"""Alert about an audit log that was truncated or rewritten."""

from domain.audit_log import Anchor
from domain.events.machines import audit_log_broken
from fleet.fleet import Fleet


async def report_a_broken_log(fleet: Fleet, seen: Anchor) -> None:
    """Report once a row that this machine has observed and that is now missing or different."""
    await fleet.database.events.append(audit_log_broken(fleet.account_id, seen, fleet.market_now()))
