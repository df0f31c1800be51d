"""Start trading workers, or find those that already run."""

import asyncio

from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain.identity import MOST_WORKERS, WorkerId
from domain.rules import TradingRules
from domain.worker_state import WorkerLife
from fleet.errors import OperationError
from fleet.fleet import Fleet
from fleet.on_demand import OurId, start
from strategies import tradable
from workflows import attributes
from workflows.identity import TRADING_WORKER, worker_name, worker_workflow_id
from workflows.trading_worker import TradingWorkerWorkflow


async def start_workers(fleet: Fleet, count: int, rules: TradingRules) -> tuple[WorkerId, ...]:
    """Start workers 1 to ``count``. Running workers keep their rules and continue undisturbed.

    Raises:
        BadRulesError: the rules are invalid for trading.
    """
    if not 1 <= count <= MOST_WORKERS:
        raise OperationError(f"{count} workers cannot be started; choose 1 to {MOST_WORKERS}")
    names = tuple(worker_name(number) for number in range(1, count + 1))
    lives = [WorkerLife(fleet.account_id, name, tradable(rules), fleet.clock) for name in names]
    # Register all first: each worker plans its close with the total number.
    workflow_ids = {life.worker_id: worker_workflow_id(life.account_id, life.worker_id) for life in lives}
    first_session = fleet.plan_at(fleet.market_now()).session.date
    await fleet.database.workers.register_all(fleet.account_id, workflow_ids, first_session)
    await asyncio.gather(*(start_worker(fleet, life) for life in lives))
    return names


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
