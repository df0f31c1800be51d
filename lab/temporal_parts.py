"""Every private part of Temporal's SDK that the lab uses: the workflow instance, its protocol, and definitions.

The SDK gives no promise about these. ``tests/lab/test_same_histories.py`` plays one day on a real server and in the
lab and compares the histories, so that an SDK that behaves differently fails there.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

from temporalio import activity, common, workflow
from temporalio.bridge.proto.activity_result import ActivityResolution
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import ScheduleActivity, WorkflowCommand
from temporalio.converter import FailureConverter, PayloadConverter
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance
from temporalio.worker._workflow_instance import WorkflowInstanceDetails

__all__ = [
    "ActivityResolution",
    "ScheduleActivity",
    "WorkflowActivation",
    "WorkflowActivationJob",
    "WorkflowCommand",
    "WorkflowInstance",
    "activity_name",
    "argument_types",
    "instance_of",
    "object_of",
    "on_its_own_loop",
    "workflow_definition",
]

_SEED = 7


def workflow_definition(run: Callable[..., Any]) -> Any:
    """Return the SDK's definition of a workflow by its run method."""
    return workflow._Definition.must_from_run_fn(run)


def activity_name(act: Callable[..., Any]) -> str:
    """Return the name under which an activity is scheduled."""
    return activity._Definition.must_from_callable(act).name or ""


def argument_types(act: Callable[..., Any]) -> list[type] | None:
    """Return the types of an activity's arguments."""
    return activity._Definition.must_from_callable(act).arg_types


def object_of(instance: WorkflowInstance) -> Any:
    """Return the workflow's object within an instance."""
    return instance._object  # type: ignore[attr-defined]


def on_its_own_loop(play: Callable[[], Any]) -> Any:
    """Run a workflow's instance, which is an event loop of its own, and restore the surrounding loop."""
    around = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        return play()
    finally:
        asyncio._set_running_loop(around)


def instance_of(
    defn: Any,
    first: WorkflowActivation,
    payloads: type[PayloadConverter],
    failures: type[FailureConverter],
) -> WorkflowInstance:
    """Return a new instance of a workflow's code for a run that begins with an activation."""
    return UnsandboxedWorkflowRunner().create_instance(
        WorkflowInstanceDetails(
            payload_converter_factory=payloads,
            failure_converter_class=failures,
            interceptor_classes=[],
            defn=defn,
            info=_info(first),
            randomness_seed=_SEED,
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
