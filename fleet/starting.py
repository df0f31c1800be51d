"""Start trading workers, or find those that already run."""

import asyncio
from typing import Final

from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain.capacity import Capacity
from domain.clock import duration_text
from domain.identity import WorkerId
from domain.rules import TradingRules
from domain.worker_state import WorkerLife
from fleet.errors import OperationError
from fleet.fleet import Fleet
from fleet.on_demand import OurId, start
from strategies import tradable
from workflows import attributes
from workflows.identity import TRADING_WORKER, worker_name, worker_workflow_id
from workflows.trading_worker import TradingWorkerWorkflow

_AT_ONCE: Final = 100
"""Starts that Temporal is asked for at the same time."""


async def start_workers(fleet: Fleet, count: int, rules: TradingRules) -> tuple[WorkerId, ...]:
    """Start workers 1 to ``count``. Running workers keep their rules and continue undisturbed.

    Raises:
        BadRulesError: the rules are invalid for trading.
        OperationError: the prices of so many positions would get too old for the exit rules.
    """
    _check_number(fleet, count, rules)
    names = tuple(worker_name(number) for number in range(1, count + 1))
    lives = [WorkerLife(fleet.account_id, name, tradable(rules), fleet.clock) for name in names]
    # Register all first: each worker plans its close with the total number.
    workflow_ids = {life.worker_id: worker_workflow_id(life.account_id, life.worker_id) for life in lives}
    first_session = fleet.plan_at(fleet.market_now()).session.date
    await fleet.database.workers.register_all(fleet.account_id, workflow_ids, first_session)
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def begin(life: WorkerLife) -> None:
        async with at_once:
            await start_worker(fleet, life)

    await asyncio.gather(*map(begin, lives))
    return names


def _check_number(fleet: Fleet, count: int, rules: TradingRules) -> None:
    if count < 1:
        raise OperationError(f"{count} workers cannot be started; choose 1 or more")
    supply, age = fleet.supply, rules.execution.greatest_quote_age
    if supply is None or count <= (most := Capacity(supply, rules.execution, supply.streamed).most):
        return
    raise OperationError(
        f"{count} workers cannot be started: of at most {most} held stocks no price gets older than "
        f"{duration_text(age)}, as the exit rules need. Start at most {most}; or raise HARU_BROKER__CALLS_PER_SECOND "
        f"if the account may make more than {supply.slots} calls a second, turn on HARU_STREAM__ENABLED, or raise "
        "HARU_RULES__EXECUTION__GREATEST_QUOTE_AGE"
    )


async def bring_back(fleet: Fleet, life: WorkerLife) -> bool:
    """Start one trading worker whose workflow is gone; return whether it was gone."""
    try:
        await start_worker(fleet, life, WorkflowIDConflictPolicy.FAIL)
    except WorkflowAlreadyStartedError:
        return False
    return True


async def start_worker(
    fleet: Fleet, life: WorkerLife, if_it_runs: WorkflowIDConflictPolicy = WorkflowIDConflictPolicy.USE_EXISTING
) -> WorkflowHandle[TradingWorkerWorkflow, None]:
    """Start one trading worker; do nothing if it already runs.

    A foreign workflow that holds the worker's id is terminated: it must not prevent the sale of the worker's position.
    """
    return await start(
        fleet,
        OurId(worker_workflow_id(life.account_id, life.worker_id), TRADING_WORKER, if_it_runs),
        TradingWorkerWorkflow.run,
        life,
        static_summary=f"{life.worker_id} trades {life.account_id}",
        static_details=f"Each run is one trade of **{life.worker_id}**. The current details show what it does now.",
        search_attributes=attributes.at_start(life.worker_id),
    )
