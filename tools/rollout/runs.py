"""Every run of the fleet as its history shows it: the builds that worked on it, what it traded, what failed."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import WorkflowExecution

from fleet.fleet import Fleet
from fleet.visibility import one_of
from workflows.identity import OUR_TYPES, TRADING_WORKER

ON_PURPOSE: Final = "WORKFLOW_WORKER_UNHANDLED_FAILURE"
"""Temporal's cause of a task whose code raises, as that of a stuck build does."""
_BUYS: Final = frozenset({"enter_position", "submit_order"})
_SELLS: Final = frozenset({"finish_sale", "close_position"})


@dataclass(slots=True)
class SeenRun:
    """One run. ``failed`` counts its failed workflow tasks by Temporal's cause, once for tries in a row."""

    workflow_id: str
    run_id: str
    is_worker: bool
    builds: set[str] = field(default_factory=set)
    failed: Counter[str] = field(default_factory=Counter)
    failed_on: set[str] = field(default_factory=set)
    buys: bool = False
    sells: bool = False
    overridden: bool = False


async def read_runs(fleet: Fleet) -> list[SeenRun]:
    """Return every run of ours, open or closed."""
    return [await _read(fleet, each) async for each in fleet.client.list_workflows(one_of("WorkflowType", OUR_TYPES))]


async def _read(fleet: Fleet, listed: WorkflowExecution) -> SeenRun:
    run = SeenRun(listed.id, listed.run_id, listed.workflow_type == TRADING_WORKER)
    handle = fleet.client.get_workflow_handle(listed.id, run_id=listed.run_id)
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            run.builds.add(event.workflow_task_completed_event_attributes.deployment_version.build_id)
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            lost = event.workflow_task_failed_event_attributes
            cause = WorkflowTaskFailedCause.Name(lost.cause)
            run.failed[cause.removeprefix("WORKFLOW_TASK_FAILED_CAUSE_")] += 1
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED:
            run.overridden = True
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            name = event.activity_task_scheduled_event_attributes.activity_type.name
            run.buys |= name in _BUYS
            run.sells |= name in _SELLS
    return run
