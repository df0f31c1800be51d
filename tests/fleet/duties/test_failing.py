"""A workflow that makes no progress, on a real server: detected by Temporal's own mark, alerted, shown in status."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.worker import Worker

from cli.tables.board import heading
from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.identity import AccountId
from fleet.board import as_json, read_board
from fleet.duties.failing import FailingDuty
from fleet.fleet import FailingWorkflow, Fleet
from workflows.identity import task_queues, worker_name, worker_workflow_id
from workflows.trading_worker import TradingWorkerWorkflow


@workflow.defn(name=TradingWorkerWorkflow.__name__, sandboxed=False)
class BadRelease:
    """A trading worker of a release whose code fails in each workflow task."""

    @workflow.run
    async def run(self) -> None:
        raise RuntimeError("a bug of this release")


@pytest.fixture
async def failing(fleet: Fleet) -> AsyncIterator[FailingWorkflow]:
    """The fleet's first worker, once the server has marked it."""
    queue = task_queues(fleet.account_id).trading
    ours = worker_workflow_id(fleet.account_id, worker_name(1))
    await fleet.database.workers.register(fleet.account_id, worker_name(1), ours)
    async with Worker(fleet.client, task_queue=queue, workflows=[BadRelease]):
        handle = await fleet.client.start_workflow(
            BadRelease.run,
            id=ours,
            task_queue=queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        )
        async with asyncio.timeout(45):
            while not (found := await fleet.failing_workflows()):
                await asyncio.sleep(0.2)
        yield found[0]
        await handle.terminate()


async def test_a_workflow_that_cannot_progress_is_reported_and_shown(fleet: Fleet, failing: FailingWorkflow) -> None:
    await FailingDuty(fleet).look()

    assert failing.workflow_id == worker_workflow_id(fleet.account_id, worker_name(1))
    (event,) = await fleet.database.events.latest(fleet.account_id, 10)
    assert (event.kind, event.level) == (EventKind.WORKFLOW_FAILING, EventLevel.CRITICAL)
    assert event.detail["workflow"] == failing.workflow_id
    assert "WorkflowTaskFailed" in str(event.detail["cause"])
    board = await read_board(fleet, fleet.market_now())
    assert f"CANNOT PROGRESS: {failing.workflow_id}" in heading(board)[0]
    assert as_json(board)["failing_workflows"] == [failing.workflow_id]


async def test_a_failing_workflow_of_another_account_is_not_ours(fleet: Fleet, failing: FailingWorkflow) -> None:
    other = replace(fleet, account_id=AccountId("simulated-other"))

    assert failing.cause
    assert await other.failing_workflows() == ()
