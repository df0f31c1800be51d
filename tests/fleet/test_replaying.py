"""The open runs of a fleet are replayed on this build; one that cannot go on is named."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from domain.identity import WorkerId
from domain.worker_state import WorkerLife
from fleet import commands, replaying
from fleet.fleet import Fleet
from fleet.replaying import ReplayReport, replay_open_histories
from fleet.starting import start_workers
from tests.support.builders import some_rules
from tests.support.running_fleet import Hosted
from workflows.identity import TRADING_WORKER, task_queues


@workflow.defn(name=TRADING_WORKER, sandboxed=False)
class AnotherWorker:
    """A build whose workers begin with a wait."""

    @workflow.run
    async def run(self, life: WorkerLife) -> None:
        await workflow.sleep(timedelta(seconds=5), summary=life.worker_id)


@workflow.defn(name=TRADING_WORKER, sandboxed=False)
class RaisingWorker:
    """A build whose workers fail each task."""

    @workflow.run
    async def run(self, life: WorkerLife) -> None:
        raise RuntimeError(f"{life.worker_id} is stuck")


async def report_of(fleet: Fleet, runs: int, closed: timedelta = timedelta(0)) -> ReplayReport:
    """Return the report once the server lists so many runs; its lists are late."""
    async with asyncio.timeout(60):
        while len((report := await replay_open_histories(fleet, closed=closed)).runs) != runs:
            await asyncio.sleep(0.1)
    return report


async def started(hosted: Hosted, workers: int) -> None:
    names = await start_workers(hosted.fleet, workers, some_rules())
    for name in names:
        outcome = await commands.command_one(hosted.fleet, name, commands.PAUSE)
        assert outcome.succeeded, outcome


async def test_open_runs_replay_and_foreign_ones_are_left_out(hosted: Hosted) -> None:
    await started(hosted, 2)
    queue = task_queues(hosted.fleet.account_id).trading
    await hosted.fleet.client.start_workflow(TRADING_WORKER, "odd", id="not-ours", task_queue=queue)

    report = await report_of(hosted.fleet, 2)

    assert report.has_passed
    assert report.by_type() == {TRADING_WORKER: (2, 0)}
    assert all(each.is_open and each.events > 10 for each in report.runs)


@pytest.mark.parametrize(("build", "fault"), [(AnotherWorker, "ondeterminism"), (RaisingWorker, "is stuck")])
async def test_a_build_that_cannot_go_on_is_named_once(  # noqa: PLR0917 - what it may print to
    hosted: Hosted,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    build: type,
    fault: str,
) -> None:
    await started(hosted, 1)
    capfd.readouterr()
    monkeypatch.setattr(replaying, "HOSTED", (build,))

    report = await report_of(hosted.fleet, 1)

    assert not report.has_passed
    assert report.by_type() == {TRADING_WORKER: (1, 1)}
    assert "worker-1" in report.failed[0].workflow_id
    assert fault in report.failed[0].fault
    assert fault not in "".join(capfd.readouterr())
    assert [each for each in caplog.records if each.levelno == logging.WARNING and "worker" in each.name] == []


async def test_runs_that_have_ended_are_replayed_if_asked(hosted: Hosted) -> None:
    await started(hosted, 1)
    await commands.command_one(hosted.fleet, WorkerId("worker-1"), commands.STOP)

    assert not (await report_of(hosted.fleet, 0)).runs
    report = await report_of(hosted.fleet, 1, timedelta(hours=1))
    assert (report.has_passed, report.runs[0].is_open) == (True, False)


async def test_a_history_that_cannot_be_read_does_not_pass(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    await started(hosted, 1)
    await report_of(hosted.fleet, 1)

    monkeypatch.setattr(WorkflowHandle, "fetch_history", failing(RPCStatusCode.UNAVAILABLE))
    report = await replay_open_histories(hosted.fleet)

    assert (report.runs, report.has_passed) == ((), False)
    assert "worker-1" in report.unread[0]


async def test_a_run_that_has_ended_and_was_deleted_meanwhile_is_left_out(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    await started(hosted, 1)
    await report_of(hosted.fleet, 1)

    monkeypatch.setattr(WorkflowHandle, "fetch_history", failing(RPCStatusCode.NOT_FOUND))
    report = await replay_open_histories(hosted.fleet)

    assert (report.runs, report.unread) == ((), ())


def failing(status: RPCStatusCode) -> Callable[[object], Awaitable[None]]:
    """Return a call that fails."""

    async def away(_: object) -> None:
        raise RPCError("gone", status, b"")

    return away
