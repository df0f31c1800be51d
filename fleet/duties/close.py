"""Start a missing close: in time if possible, late on the same day; on a later day report it as critical."""

import logging
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Final

from activities.summarising import SummaryActivities, SummaryRequest
from domain.clock import MarketClock
from domain.event import Event, EventLevel
from domain.events.closes import close_missed, close_unfinished
from domain.events.positions import position_carried_overnight
from domain.rules import TradingRules
from domain.session import Session, SessionPlan, session_date_of
from fleet.duties.duty import Terms
from fleet.fleet import Fleet
from fleet.schedule import close_now
from fleet.visibility import list_workflows, quoted
from workflows.identity import close_workflow_id, is_close_of, task_queues
from workflows.market_close import MarketCloseWorkflow

logger = logging.getLogger("haru.hosting")

_GRACE: Final = timedelta(seconds=60)
"""Real time after which a due close that has not started counts as forgotten; less in a compressed day."""
_PROVEN_WITHIN: Final = timedelta(minutes=10)
"""Market time after the last market in which a close can sell. The proof takes seconds."""
BEGUN_LATELY: Final = timedelta(minutes=2)
"""Real time in which a close that started late may still collect its proof."""
_RUNNING: Final = f"WorkflowType = '{MarketCloseWorkflow.__name__}' AND ExecutionStatus = 'Running'"


class Due(StrEnum):
    """Action that today's close needs from this host if it has not started."""

    NOT_YET = "not_yet"
    NOW = "now"
    TOO_LATE = "too_late"


def close_due(plan: SessionPlan, now: datetime, clock: MarketClock) -> Due:
    """Return whether the schedule has had its chance at a market instant, and whether the market still trades."""
    lead = plan.session.ends_at - plan.liquidation_at
    if now < plan.liquidation_at + min(clock.market_duration(_GRACE), lead / 3):
        return Due.NOT_YET
    return Due.NOW if now < plan.session.ends_at else Due.TOO_LATE


class CloseDuty:
    """Ensure that no session ends without a close unnoticed (F40)."""

    terms = Terms("close", every=15.0, every_market=timedelta(minutes=3), within=300.0, level=EventLevel.CRITICAL)

    def __init__(self, fleet: Fleet, rules: TradingRules) -> None:
        self._fleet = fleet
        self._rules = rules

    async def look(self) -> None:
        """Start a missing close, or report it."""
        await see_to_the_close(self._fleet, self._rules)


async def see_to_the_close(fleet: Fleet, rules: TradingRules, lately: timedelta = BEGUN_LATELY) -> None:
    """Ensure that every session with positions or orders of ours is closed, or that its missing close is reported.

    A close that started ``lately`` (real time) may still collect its proof.
    """
    now = fleet.market_now()
    await _report_missed_closes(fleet, now)
    plan = fleet.plan_of_the_day(now, await fleet.registered_workers())
    due = close_due(plan, now, fleet.clock)
    if due is Due.NOT_YET or await fleet.database.summaries.is_final(fleet.account_id, plan.session.date):
        return
    begun_at = await _closing_since(fleet)
    if begun_at is not None:
        if fleet.real_now() - begun_at >= lately:
            await _report_unfinished(fleet, plan.session, rules, now)
        return
    if not await fleet.database.positions.touched_in(fleet.account_id, plan.session.date):
        return
    logger.error("close_started_by_host", extra={"session_date": plan.session.date, "due": due})
    if due is Due.TOO_LATE:
        why = "its close started after the session's end"
        await _append(fleet, close_missed(fleet.account_id, plan.session.date, why, now))
    await close_now(fleet, rules)


async def is_closing(fleet: Fleet) -> bool:
    """Return whether a market close runs now, according to Temporal's visibility."""
    return await _closing_since(fleet) is not None


async def _closing_since(fleet: Fleet) -> datetime | None:
    """Return when (real time) the oldest running market close started; None when none runs."""
    queue = quoted(task_queues(fleet.account_id).trading)
    begun = f"WorkflowId STARTS_WITH {quoted(close_workflow_id(fleet.account_id))}"
    listed = await list_workflows(fleet.client, f"{_RUNNING} AND TaskQueue = {queue} AND {begun}")
    running = [each.started_at for each in listed if is_close_of(each.workflow_id, fleet.account_id)]
    return min(running, default=None)


async def _report_unfinished(fleet: Fleet, session: Session, rules: TradingRules, now: datetime) -> None:
    """Report once a running close that has no market left to sell in and has not finished its proof."""
    held = await fleet.database.positions.held_stocks(fleet.account_id)
    sells_until = _last_market_of(session, rules) if held else session.ends_at
    if now < sells_until + max(_PROVEN_WITHIN, fleet.clock.market_duration(_GRACE)):
        return
    why = "it still runs and has not confirmed that the account is flat"
    logger.error("close_unfinished", extra={"session_date": session.date})
    await _append(fleet, close_unfinished(fleet.account_id, session.date, why, now))


def _last_market_of(session: Session, rules: TradingRules) -> datetime:
    evening = session.after_market if rules.execution.after_market else None
    return session.post_close.until if evening is None else evening.until


async def _report_missed_closes(fleet: Fleet, now: datetime) -> None:
    """Summarise earlier sessions that ended without a close, and name the positions carried out of them."""
    today = session_date_of(now)
    last = fleet.calendar.session_before(today).date
    for date in await fleet.database.summaries.missing_before(fleet.account_id, today, last):
        logger.error("close_missed", extra={"session_date": date})
        await _append(fleet, close_missed(fleet.account_id, date, "no close ran on its day", now))
        for position in await fleet.database.positions.held_in(fleet.account_id):
            if position.session_date <= date:
                about = (fleet.account_id, date, position.symbol, position.quantity)
                await _append(fleet, position_carried_overnight(*about, now))
        summaries = SummaryActivities(fleet.database, fleet.market_now)
        await summaries.write_summaries(SummaryRequest(fleet.account_id, date))


async def _append(fleet: Fleet, event: Event) -> None:
    await fleet.database.reports.append(event.key, partial(fleet.database.events.append, event))
