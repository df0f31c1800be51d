"""Run a workflow of ours on demand: ask a worker process, or start one that may already run."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypedDict, TypeVar, Unpack

from temporalio.client import WorkflowHandle
from temporalio.common import TypedSearchAttributes, WorkflowIDConflictPolicy
from temporalio.types import MethodAsyncSingleParam

from domain.events.temporal import foreign_workflow_terminated
from domain.plain_text import one_line
from fleet.fleet import Fleet
from fleet.visibility import is_held_by_another
from workflows.identity import task_queues
from workflows.options import TASK_TIMEOUT

logger = logging.getLogger("haru.operations")


R = TypeVar("R")
W = TypeVar("W")
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class OurId:
    """An id of ours, the type of the workflow that may hold it, and what to do if that one runs."""

    workflow_id: str
    workflow_type: str
    if_it_runs: WorkflowIDConflictPolicy = WorkflowIDConflictPolicy.USE_EXISTING


class StartOptions(TypedDict, total=False):
    """Options of ``Client.start_workflow`` that differ between our workflows."""

    execution_timeout: timedelta
    static_summary: str
    static_details: str
    search_attributes: TypedSearchAttributes


async def ask(
    fleet: Fleet,
    workflow_id: str,
    within: timedelta,
    run: MethodAsyncSingleParam[W, A, R],
    argument: A,
) -> R:
    """Run a workflow in a worker process, which alone holds the broker's keys, and return its answer.

    A second call terminates the first.

    Raises:
        WorkflowFailureError: no worker process answered within the real time.
    """
    return await fleet.client.execute_workflow(
        run,
        argument,
        id=workflow_id,
        task_queue=task_queues(fleet.account_id).trading,
        id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
        execution_timeout=within,
    )


async def start(
    fleet: Fleet,
    ours: OurId,
    run: MethodAsyncSingleParam[W, A, R],
    argument: A,
    **options: Unpack[StartOptions],
) -> WorkflowHandle[W, R]:
    """Start a workflow, or return the running one. Terminate a foreign workflow that holds the id.

    Raises:
        WorkflowAlreadyStartedError: it runs, and the id's policy is to fail.
    """
    return await fleet.client.start_workflow(
        run,
        argument,
        id=ours.workflow_id,
        task_queue=task_queues(fleet.account_id).trading,
        id_conflict_policy=await _policy_for(fleet, ours),
        task_timeout=TASK_TIMEOUT,
        **options,
    )


async def _policy_for(fleet: Fleet, ours: OurId) -> WorkflowIDConflictPolicy:
    queue = task_queues(fleet.account_id).trading
    if not await is_held_by_another(fleet.client, ours.workflow_id, ours.workflow_type, queue):
        return ours.if_it_runs
    name, now = one_line(ours.workflow_id), fleet.market_now()
    logger.error("foreign_workflow_terminated", extra={"workflow": name})
    event = foreign_workflow_terminated(fleet.account_id, ours.workflow_id, name, now)
    await fleet.database.reports.append(event.key, partial(fleet.database.events.append, event))
    return WorkflowIDConflictPolicy.TERMINATE_EXISTING
