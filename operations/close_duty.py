"""A close that nobody started: run while there is time, run late on its own day, told loudly on any later one."""

import logging
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from activities.summarising import SummaryActivities, SummaryRequest
from domain.clock import MarketClock
from domain.event import CLOSE_MISSED, Event, EventLevel, carried_event
from domain.rules import TradingRules
from domain.session import SessionDate, SessionPlan, session_date_of
from operations.fleet import Fleet
from operations.schedule import close_now
from workflows.identity import close_workflow_id
from workflows.market_close import MarketCloseWorkflow

logger = logging.getLogger("haru.hosting")

_GRACE: Final = timedelta(seconds=60)
"""Real time after which a due close that nobody has started counts as forgotten; in a compressed day less."""
_RUNNING: Final = f"WorkflowType = '{MarketCloseWorkflow.__name__}' AND ExecutionStatus = 'Running'"


class Due(StrEnum):
    """What today's close needs from us, if nobody has begun it."""

    NOT_YET = "not_yet"
    NOW = "now"
    TOO_LATE = "too_late"


def close_due(plan: SessionPlan, now: datetime, clock: MarketClock) -> Due:
    """Tell at a market instant whether the schedule has had its chance, and whether the market still trades."""
    lead = plan.session.ends_at - plan.liquidation_at
    if now < plan.liquidation_at + min(clock.market_duration(_GRACE), lead / 3):
        return Due.NOT_YET
    return Due.NOW if now < plan.session.ends_at else Due.TOO_LATE


async def see_to_the_close(fleet: Fleet, rules: TradingRules) -> None:
    """Make sure that every session with something of ours in it is closed, or that its missing close is told."""
    now = fleet.market_now()
    await _tell_missed_closes(fleet, now)
    plan = fleet.plan_of_the_day(now, await fleet.registered_workers())
    due = close_due(plan, now, fleet.clock)
    if due is Due.NOT_YET or await _is_closed_or_closing(fleet, plan.session.date):
        return
    if not await fleet.database.positions.touched_in(fleet.account_id, plan.session.date):
        return
    logger.error("close_started_by_host", extra={"session_date": plan.session.date, "due": due})
    if due is Due.TOO_LATE:
        await _shout(fleet, plan.session.date, now, "its close began after the session's end")
    await close_now(fleet, rules)


async def _is_closed_or_closing(fleet: Fleet, date: SessionDate) -> bool:
    if await fleet.database.summaries.is_final(fleet.account_id, date):
        return True
    return await is_closing(fleet)


async def is_closing(fleet: Fleet) -> bool:
    """Tell whether a market close runs now, as far as Temporal's visibility knows."""
    prefix = close_workflow_id(fleet.account_id)
    return any([execution.id.startswith(prefix) async for execution in fleet.client.list_workflows(_RUNNING)])


async def _tell_missed_closes(fleet: Fleet, now: datetime) -> None:
    """Sum up earlier sessions that ended without a close, and name what was carried out of them."""
    today = session_date_of(now)
    last = fleet.calendar.session_before(today).date
    for date in await fleet.database.summaries.missing_before(fleet.account_id, today, last):
        logger.error("close_missed", extra={"session_date": date})
        await _shout(fleet, date, now, "no close ran on its day")
        for position in await fleet.database.positions.held_in(fleet.account_id):
            if position.session_date <= date:
                event = carried_event(fleet.account_id, date, now, position.symbol, position.quantity)
                await fleet.database.events.append(event)
        summaries = SummaryActivities(fleet.database, fleet.market_now)
        await summaries.write_summaries(SummaryRequest(fleet.account_id, date))


async def _shout(fleet: Fleet, date: SessionDate, now: datetime, why: str) -> None:
    key = f"{CLOSE_MISSED}/{fleet.account_id}/{date}"
    event = Event(fleet.account_id, CLOSE_MISSED, EventLevel.CRITICAL, now, date, detail={"why": why}, key=key)
    await fleet.database.events.append(event)
