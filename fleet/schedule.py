"""The Schedule that starts the market close in every session when liquidation begins."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from temporalio.client import (
    Schedule,
    ScheduleAction,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WorkflowHandle,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.clock import KST
from domain.close_plan import plan_session
from domain.rules import TradingRules
from domain.session import REGULAR_HOURS, SessionPlan, session_of
from fleet.fleet import Fleet
from fleet.on_demand import OurId, start
from workflows.close_outcome import CloseOutcome, MarketCloseRequest
from workflows.identity import close_schedule_id, close_workflow_id, task_queues
from workflows.market_close import MarketCloseWorkflow
from workflows.options import TASK_TIMEOUT

logger = logging.getLogger("haru.operations")

_COMPRESSED_SESSIONS: Final = 20
"""How many sessions of a compressed market are scheduled in advance. Each has its own calendar."""
_LIVE_HORIZON: Final = timedelta(days=200)
_A_REGULAR_SESSION: Final = session_of(date(2026, 1, 5), REGULAR_HOURS)
_WORKDAYS: Final = (ScheduleRange(1, 5),)
_CATCH_UP: Final = timedelta(minutes=10)
"""An outage longer than this is past the session's end: a close that late could sell nothing."""
_LONGEST_CLOSE: Final = timedelta(hours=12)
"""From a close at the opening to the end of the evening's last market, with a margin."""


async def schedule_close(fleet: Fleet, rules: TradingRules, market_now: datetime) -> ScheduleSpec:
    """Create or update the close schedule for the registered workers."""
    schedule = Schedule(
        action=_start_close(fleet, rules),
        spec=close_times(fleet, market_now, await fleet.registered_workers()),
        policy=SchedulePolicy(
            # Yesterday's stuck close must not cancel today's.
            overlap=ScheduleOverlapPolicy.ALLOW_ALL,
            catchup_window=_CATCH_UP,
            pause_on_failure=False,
        ),
    )
    try:
        await fleet.client.create_schedule(close_schedule_id(fleet.account_id), schedule)
    except ScheduleAlreadyRunningError:
        handle = fleet.client.get_schedule_handle(close_schedule_id(fleet.account_id))
        await handle.update(lambda _: ScheduleUpdate(schedule))
    return schedule.spec


async def lay_close_times(fleet: Fleet, rules: TradingRules, market_now: datetime) -> None:
    """Update the times of the close schedule, and create the schedule if it is missing.

    The schedule's action and an operator's pause stay unchanged, so any number of hosts may call this.
    """
    spec = close_times(fleet, market_now, await fleet.registered_workers())
    handle = fleet.client.get_schedule_handle(close_schedule_id(fleet.account_id))
    is_ours = True

    def at_these_times(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
        nonlocal is_ours
        is_ours = _starts_our_close(fleet, found.description.schedule.action)
        return ScheduleUpdate(replace(found.description.schedule, spec=spec)) if is_ours else None

    try:
        await handle.update(at_these_times)
        if not is_ours:
            logger.error("foreign_schedule_replaced", extra={"schedule": handle.id})
            await schedule_close(fleet, rules, market_now)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        await schedule_close(fleet, rules, market_now)


def _starts_our_close(fleet: Fleet, action: ScheduleAction) -> bool:
    return (
        isinstance(action, ScheduleActionStartWorkflow)
        and action.workflow == MarketCloseWorkflow.__name__
        and action.id == close_workflow_id(fleet.account_id)
        and action.task_queue == task_queues(fleet.account_id).trading
    )


def close_times(fleet: Fleet, market_now: datetime, workers: int) -> ScheduleSpec:
    """Return when so many workers begin to sell: a cron line in Seoul when live, instants in a compressed market."""
    times = _live_times if fleet.clock.is_live else _compressed_times
    return times(fleet, market_now, workers)


async def close_now(fleet: Fleet, rules: TradingRules) -> WorkflowHandle[MarketCloseWorkflow, CloseOutcome]:
    """Start the market close at once, even before its deadline, or return the running one.

    A foreign workflow that holds the close's id is terminated: it must not prevent our sales.
    """
    return await start(
        fleet,
        OurId(close_workflow_id(fleet.account_id), MarketCloseWorkflow.__name__),
        MarketCloseWorkflow.run,
        MarketCloseRequest(fleet.account_id, fleet.clock, rules),
        execution_timeout=_LONGEST_CLOSE,
        static_summary=f"market close of {fleet.account_id}, started by an operator",
    )


async def latest_close(fleet: Fleet) -> WorkflowHandle[MarketCloseWorkflow, CloseOutcome] | None:
    """Return the latest market close that the schedule has started, or None before its first."""
    description = await fleet.client.get_schedule_handle(close_schedule_id(fleet.account_id)).describe()
    started = [result.action for result in description.info.recent_actions]
    if not started or not isinstance(started[-1], ScheduleActionExecutionStartWorkflow):
        return None
    return fleet.client.get_workflow_handle_for(MarketCloseWorkflow.run, started[-1].workflow_id)


def _start_close(fleet: Fleet, rules: TradingRules) -> ScheduleActionStartWorkflow:
    return ScheduleActionStartWorkflow(
        MarketCloseWorkflow.run,
        MarketCloseRequest(fleet.account_id, fleet.clock, rules),
        id=close_workflow_id(fleet.account_id),
        task_queue=task_queues(fleet.account_id).trading,
        execution_timeout=_LONGEST_CLOSE,
        task_timeout=TASK_TIMEOUT,
        static_summary=f"market close of {fleet.account_id}",
    )


def _live_times(fleet: Fleet, market_now: datetime, workers: int) -> ScheduleSpec:
    """Return the regular time on each workday, except for days on which the exchange ends earlier or later."""
    regular = _time_of(plan_session(_A_REGULAR_SESSION, fleet.leads, fleet.clock.speed, workers))
    changed = [plan for plan in _plans(fleet, market_now, workers) if _time_of(plan) != regular]
    return ScheduleSpec(
        calendars=[
            ScheduleCalendarSpec(
                hour=[ScheduleRange(regular.hour)],
                minute=[ScheduleRange(regular.minute)],
                day_of_week=_WORKDAYS,
                comment="regular sessions",
            ),
            *(_once_at(plan.liquidation_at.astimezone(KST), f"session {plan.session.date}") for plan in changed),
        ],
        skip=[_any_time_on(plan.session.date, regular) for plan in changed],
        time_zone_name=KST.key,
    )


def _compressed_times(fleet: Fleet, market_now: datetime, workers: int) -> ScheduleSpec:
    plans = [fleet.plan_at(market_now, workers)]
    while len(plans) < _COMPRESSED_SESSIONS:
        plans.append(fleet.plan_at(plans[-1].session.ends_at, workers))
    return ScheduleSpec(
        calendars=[
            _once_at(_whole_second_after(fleet.clock.real_time(plan.liquidation_at)), f"session {plan.session.date}")
            for plan in plans
            if plan.liquidation_at > market_now
        ]
    )


def _plans(fleet: Fleet, start: datetime, workers: int) -> Iterator[SessionPlan]:
    plan = fleet.plan_at(start, workers)
    while plan.session.ends_at < start + _LIVE_HORIZON:
        yield plan
        plan = fleet.plan_at(plan.session.ends_at, workers)


def _time_of(plan: SessionPlan) -> time:
    return plan.liquidation_at.astimezone(KST).time()


def _once_at(instant: datetime, comment: str) -> ScheduleCalendarSpec:
    return ScheduleCalendarSpec(
        second=[ScheduleRange(instant.second)],
        minute=[ScheduleRange(instant.minute)],
        hour=[ScheduleRange(instant.hour)],
        day_of_month=[ScheduleRange(instant.day)],
        month=[ScheduleRange(instant.month)],
        year=[ScheduleRange(instant.year)],
        comment=comment,
    )


def _any_time_on(day: date, regular: time) -> ScheduleCalendarSpec:
    return _once_at(datetime.combine(day, regular), "changed hours")


def _whole_second_after(instant: datetime) -> datetime:
    return (instant.astimezone(UTC) + timedelta(seconds=1, microseconds=-1)).replace(microsecond=0)
