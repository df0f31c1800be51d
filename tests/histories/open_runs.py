"""Runs in the middle: what a new build finds open when it takes over. Each is recorded before it ends."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from temporalio.client import WorkflowHandle, WorkflowHistory, WorkflowUpdateStage
from temporalio.service import RPCError

from activities.watch.messages import ShardRequest, market_watch_id
from domain.watch import SCANS
from tests.support.stepping import ACCOUNT
from tests.trials.journeys.running_market import RunningMarket, until
from workflows.trading_worker import TradingWorkerWorkflow

Run = WorkflowHandle[Any, Any]
Seen = dict[str, WorkflowHistory]
_MORNING: Final = "2026-11-23 10:00"


async def open_holding(market: RunningMarket) -> Seen:
    """Hold a position that the shared watch watches; the watch of its shard is open too."""
    async with market.hosted():
        run = await first_run(market)
        await market.holds()
        shard = await until(lambda: _open_watch(market, (0,)), "a watch of a shard")
        return {"open/holding": await run.fetch_history(), "open/watch_of_a_shard": shard}


async def open_holding_paused(market: RunningMarket) -> Seen:
    """Hold, and be paused by an operator: no entry follows."""
    async with market.hosted():
        run = await first_run(market)
        await market.holds()
        await run.execute_update(TradingWorkerWorkflow.pause)
        return {"open/holding_paused": await run.fetch_history()}


async def open_update_in_flight(market: RunningMarket) -> Seen:
    """Hold, with a stop command that is accepted and answers only when flat."""
    async with market.hosted():
        run = await first_run(market)
        await market.holds()
        await run.start_update("stop", wait_for_stage=WorkflowUpdateStage.ACCEPTED)
        return {"open/update_in_flight": await run.fetch_history()}


async def open_waiting_for_an_offer(market: RunningMarket) -> Seen:
    """Wait for an offer of the shared scan, whose watch is open too."""
    await market.database.risk.press_kill_switch(ACCOUNT, "the recording", "no entry yet")

    async def waits() -> bool:
        return bool(await market.database.scan_wishes.of_account(ACCOUNT))

    async with market.hosted():
        run = await first_run(market)
        await until(waits, "a worker that waits for an offer")
        scans = await until(lambda: _open_watch(market, (SCANS,)), "a watch of the scans")
        return {"open/waiting_for_an_offer": await run.fetch_history(), "open/watch_of_the_scans": scans}


async def open_waiting_for_the_opening(market: RunningMarket) -> Seen:
    """Start before the session, and wait for it."""
    async with market.hosted():
        run = await first_run(market)
        await until(lambda: _has(run, "timerStartedEventAttributes"), "a timer")
        return {"open/waiting_for_the_opening": await run.fetch_history()}


async def open_paused(market: RunningMarket) -> Seen:
    """Start paused, and wait for the command to resume."""
    async with market.hosted():
        run = await first_run(market, paused=True)
        await until(lambda: _has(run, "workflowTaskCompletedEventAttributes"), "a first step")
        return {"open/paused": await run.fetch_history()}


OPEN: Final[dict[str, tuple[Callable[[RunningMarket], Awaitable[Seen]], str]]] = {
    "open/holding": (open_holding, _MORNING),
    "open/holding_paused": (open_holding_paused, _MORNING),
    "open/update_in_flight": (open_update_in_flight, _MORNING),
    "open/waiting_for_an_offer": (open_waiting_for_an_offer, _MORNING),
    "open/waiting_for_the_opening": (open_waiting_for_the_opening, "2026-11-23 07:00"),
    "open/paused": (open_paused, _MORNING),
}


async def first_run(market: RunningMarket, **life: Any) -> Run:
    """Start a worker, and return its first run."""
    worker = await market.start_worker(**life)
    return market.client.get_workflow_handle(worker.id, run_id=worker.first_execution_run_id)


async def _open_watch(market: RunningMarket, shards: Any) -> WorkflowHistory | None:
    for shard in shards:
        try:
            watch = market.client.get_workflow_handle(market_watch_id(ShardRequest(ACCOUNT, shard)))
            history = await watch.fetch_history()
        except RPCError:  # it is not started yet
            continue
        if "activityTaskScheduledEventAttributes" in history.to_json():
            return history
    return None


async def _has(run: Run, kind: str) -> bool:
    return kind in (await run.fetch_history()).to_json()
