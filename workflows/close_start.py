"""Due time of a market close run, and whether it has been reached."""

from datetime import datetime
from typing import Final

from temporalio import workflow
from temporalio.common import SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from domain.session import SessionPlan, session_date_of
    from workflows.half_way import HalfWay

_SCHEDULED_FOR: Final = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


def due_at(earlier: HalfWay | None) -> datetime:
    """Return the real time (UTC) at which this run was due.

    - A scheduled run is due at its scheduled time, even if it was backfilled or started late.
    - A cron run is created when the previous run ends, so its start time says nothing.
    - Any other run was due when it started.
    """
    if earlier is not None:
        return earlier.started_at
    info = workflow.info()
    return _scheduled_for() or (workflow.now() if info.cron_schedule else info.start_time)


def is_early(plan: SessionPlan, market_now: datetime) -> bool:
    """Return whether a scheduled run came before its fleet's deadline; an operator's close acts at once."""
    if _scheduled_for() is None or market_now >= plan.liquidation_at:
        return False
    return workflow.patched("waits-for-the-deadline")


def is_of_an_earlier_day(plan: SessionPlan, market_now: datetime) -> bool:
    """Return whether the session is not today's: its close must touch nothing that belongs to today."""
    return session_date_of(market_now) > plan.session.date and workflow.patched("leaves-other-days-alone")


def _scheduled_for() -> datetime | None:
    return workflow.info().typed_search_attributes.get(_SCHEDULED_FOR)
