"""Hosts of two builds of one fleet; build B cannot replay a run of build A, nor A one of B."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.worker_state import WorkerLife
from fleet.duties.host import HostDuty
from fleet.duties.release import ReleaseDuty
from fleet.fleet import Fleet
from runtime.composition import versioned
from tests.workflows.stand_ins import Desk
from workflows.identity import TRADING_WORKER, task_queues
from workflows.trading_worker import TradingWorkerWorkflow

A: Final = "build-a"
B: Final = "build-b"


@workflow.defn(name=TRADING_WORKER)
class WithOneMoreStep(TradingWorkerWorkflow):
    """The trading worker of build B: a timer comes first, without a patch."""

    @workflow.init
    def __init__(self, life: WorkerLife) -> None:
        super().__init__(life)

    @workflow.run
    async def run(self, life: WorkerLife) -> None:
        """Wait for a moment, then trade."""
        await workflow.sleep(timedelta(milliseconds=1))
        await super().run(life)


_WORKFLOWS: Final[dict[str, type]] = {A: TradingWorkerWorkflow, B: WithOneMoreStep}


@asynccontextmanager
async def host_of(build: str, fleet: Fleet, desk: Desk) -> AsyncIterator[ReleaseDuty]:
    """Run a host of a build: it joins the fleet, claims, and polls; yields its duty."""
    host = HostDuty(fleet, build=build)
    await host.look()
    duty = ReleaseDuty(fleet, host.host_id, build)
    assert await duty.claim()
    queues, activities = task_queues(fleet.account_id), desk.everything()
    named: Any = {"activities": activities, "workflow_runner": UnsandboxedWorkflowRunner()}
    config = versioned(duty.version)
    async with AsyncExitStack() as stack:
        for queue in (queues.trading, queues.watch, queues.broker):
            workflows = [_WORKFLOWS[build]] if queue == queues.trading else []
            worker = Worker(fleet.client, task_queue=queue, workflows=workflows, deployment_config=config, **named)
            await stack.enter_async_context(worker)
        yield duty
    await host.leave()


async def builds_of(fleet: Fleet, workflow_id: str, run_id: str) -> tuple[set[str], int]:
    """Return the builds that completed a run's workflow tasks, and how many of its tasks failed."""
    builds, failed = set[str](), 0
    async for event in fleet.client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            builds.add(event.workflow_task_completed_event_attributes.deployment_version.build_id)
        failed += event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    return builds, failed
