"""One run of a workflow: the SDK's own instance of its code, its history, and what it waits for."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Any

from temporalio import common, workflow
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance
from temporalio.worker._workflow_instance import WorkflowInstanceDetails

from tests.trials.clockwork.attempts import FAILURES, PAYLOADS, Payloads, Scheduled


class StuckError(AssertionError):
    """A workflow fails its task, differs when replayed, or never ends."""


@dataclass
class Run:
    """One run of a workflow: its code's instance, its history, and what it waits for."""

    defn: Any
    workflow_id: str
    run_id: str
    first: WorkflowActivation
    instance: WorkflowInstance
    history: list[tuple[WorkflowActivation, list[bytes]]] = field(default_factory=list)
    activities: dict[int, Scheduled] = field(default_factory=dict)
    timers: set[int] = field(default_factory=set)
    answers: dict[str, Any] = field(default_factory=dict)
    patches: list[str] = field(default_factory=list)
    """Patch markers in its history."""
    is_over: bool = False
    result: Any = None
    events: int = 0
    """Approximately the events of a server: three per task, plus those of arriving jobs and requested commands."""


def value_of(run: Run, payload: Any) -> Any:
    return PAYLOADS.from_payloads([payload], [run.defn.ret_type] if run.defn.ret_type else None)[0]


def played(run: Run, activation: WorkflowActivation) -> list[WorkflowCommand]:
    completion = on_its_own_loop(lambda: run.instance.activate(activation))
    if completion.HasField("failed"):
        raise StuckError(f"{run.workflow_id}: {completion.failed.failure}")
    return list(completion.successful.commands)


def on_its_own_loop(play: Callable[[], Any]) -> Any:
    """Run a workflow's instance, which is an event loop of its own, and restore the surrounding loop."""
    around = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        return play()
    finally:
        asyncio._set_running_loop(around)


def instance_of(defn: Any, first: WorkflowActivation) -> WorkflowInstance:
    return UnsandboxedWorkflowRunner().create_instance(
        WorkflowInstanceDetails(
            payload_converter_factory=Payloads,
            failure_converter_class=FAILURES,
            interceptor_classes=[],
            defn=defn,
            info=_info(first),
            randomness_seed=7,
            extern_functions={},
            disable_eager_activity_execution=True,
            worker_level_failure_exception_types=[],
            patch_activation_callback=None,
            last_completion_result=first.jobs[0].initialize_workflow.last_completion_result,
            last_failure=None,
        )
    )


def _info(first: WorkflowActivation) -> workflow.Info:
    begin = first.jobs[0].initialize_workflow
    started_at = begin.start_time.ToDatetime(tzinfo=UTC)
    return workflow.Info(
        attempt=1,
        continued_run_id=None,
        cron_schedule=None,
        execution_timeout=None,
        first_execution_run_id=first.run_id,
        headers={},
        namespace="default",
        original_execution_run_id=first.run_id,
        parent=None,
        root=None,
        priority=common.Priority.default,
        raw_memo={},
        retry_policy=None,
        run_id=first.run_id,
        run_timeout=None,
        search_attributes={},
        start_time=started_at,
        task_queue="trading",
        task_timeout=timedelta(seconds=10),
        typed_search_attributes=common.TypedSearchAttributes.empty,
        workflow_id=begin.workflow_id,
        workflow_start_time=started_at,
        workflow_type=begin.workflow_type,
    )
