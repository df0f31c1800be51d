"""What the release duty does on other servers, after outages, and for hosts without a version."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from temporalio import workflow
from temporalio.api.deployment.v1 import RoutingConfig, WorkerDeploymentInfo, WorkerDeploymentVersion
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.api.workflow.v1 import PendingWorkflowTaskInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentResponse,
    DescribeWorkflowExecutionResponse,
    GetSystemInfoResponse,
    GetWorkflowExecutionHistoryReverseResponse,
    ListWorkflowExecutionsResponse,
    SetWorkerDeploymentCurrentVersionResponse,
    SetWorkerDeploymentRampingVersionResponse,
    UpdateWorkflowExecutionOptionsResponse,
)
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import VersioningBehavior
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.watch.messages import HELD_MESSAGE, MARKET_WATCH, ShardRequest, market_watch_id
from fleet import commands
from fleet.duties.host import HostDuty
from fleet.duties.release import ReleaseDuty
from fleet.fleet import Fleet
from fleet.releases import Deployment, Releases, Run, is_tried
from fleet.restarting import restart
from fleet.starting import start_workers
from runtime.composition import versioned
from tests.fleet.duties.test_host import grow_silent
from tests.fleet.duties.test_release import FIRST, until_holding
from tests.support.builders import some_rules
from tests.support.scripted_grpc import Answer, scripted_grpc
from tests.support.two_builds import A, B, host_of
from tests.workflows.stand_ins import Desk
from workflows.identity import task_queues, worker_workflow_id
from workflows.trading_worker import TradingWorkerWorkflow

CONNECTED = Answer(GetSystemInfoResponse())
AWAY = Answer(status=RPCStatusCode.UNAVAILABLE, text="starting")
OVERLOADED = Answer(status=RPCStatusCode.RESOURCE_EXHAUSTED, text="busy")
DENIED = Answer(status=RPCStatusCode.PERMISSION_DENIED, text="Request unauthorized.")
UNKNOWN = Answer(status=RPCStatusCode.INVALID_ARGUMENT, text="unknown override")
UNDERSTOOD_NOTHING = Answer(UpdateWorkflowExecutionOptionsResponse())
RUN = Run("trading-worker/a/worker-1", "r1", A, is_pinned=True, is_failing=False)


def current_is(build: str) -> Answer:
    version = WorkerDeploymentVersion(deployment_name="haru", build_id=build)
    info = WorkerDeploymentInfo(routing_config=RoutingConfig(current_deployment_version=version))
    return Answer(DescribeWorkerDeploymentResponse(worker_deployment_info=info))


class Scripted(Releases):
    """Three runs without a host, and a server that fails as a test wants it."""

    moves = 0

    async def open_runs(self) -> tuple[Run, ...]:
        return tuple(replace(RUN, run_id=f"r{number}") for number in range(3))

    async def move(self, run: Run, build_id: str) -> None:
        self.moves += 1
        if self.moves == 1:
            raise RPCError("unreadable", RPCStatusCode.INTERNAL, b"")


def scripted(fleet: Fleet, build: str) -> tuple[ReleaseDuty, Scripted]:
    duty = ReleaseDuty(fleet, "h1", build)
    duty._releases = releases = Scripted(fleet.client, fleet.account_id)
    return duty, releases


async def test_a_run_that_cannot_be_moved_delays_no_other(fleet: Fleet) -> None:
    duty, releases = scripted(fleet, B)

    with pytest.raises(RPCError, match="unreadable"):
        await duty.look()

    assert releases.moves == 3
    assert len(duty._moved) == 2


async def test_a_host_that_was_silent_during_an_outage_keeps_its_build_current(
    fleet: Fleet, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: object) -> None:
        raise OSError("away")

    await HostDuty(fleet, build=A).look()
    duty, releases = scripted(fleet, B)
    await releases.set_current(A)
    with monkeypatch.context() as outage:
        outage.setattr(fleet.database.hosts, "builds", away)
        with pytest.raises(OSError, match="away"):
            await duty.look()
    grow_silent(database_url, 95)

    await duty.look()
    assert (await releases.state() or Deployment()).current == A

    duty._blind_until = 0.0  # it has stayed silent since
    releases.moves = 1
    await duty.look()
    assert (await releases.state() or Deployment()).current == B


async def test_a_ramp_to_a_build_without_hosts_ends(fleet: Fleet) -> None:
    duty, releases = scripted(fleet, A)
    await releases.set_current(A)
    await releases.set_ramp(B, 10)

    await duty.look()

    state = await releases.state() or Deployment()
    assert (state.current, state.ramping) == (A, "")


async def test_a_key_that_may_read_but_not_change_the_deployment_hosts_without_a_version(fleet: Fleet) -> None:
    async with scripted_grpc([CONNECTED, current_is(""), DENIED]) as address:
        duty = ReleaseDuty(replace(fleet, client=await Client.connect(address)), "h1", A)

        assert not await duty.claim()


async def test_a_server_that_has_just_started_is_asked_again(fleet: Fleet) -> None:
    async with scripted_grpc([CONNECTED, AWAY, current_is(A)]) as address:
        duty = ReleaseDuty(replace(fleet, client=await Client.connect(address)), "h1", A)

        assert await duty.claim()


@pytest.mark.parametrize("first", [UNKNOWN, UNDERSTOOD_NOTHING])
async def test_an_older_server_gets_an_override_that_it_knows(first: Answer) -> None:
    async with scripted_grpc([CONNECTED, first, DENIED]) as address:
        releases = Releases(await Client.connect(address), FIRST)  # type: ignore[arg-type]

        with pytest.raises(RPCError, match="unauthorized"):  # the second request has been sent
            await releases.move(RUN, B)


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda releases: releases.state(), current_is(A)),
        (lambda releases: releases.set_current(B), Answer(SetWorkerDeploymentCurrentVersionResponse())),
        (lambda releases: releases.set_ramp(B, 10), Answer(SetWorkerDeploymentRampingVersionResponse())),
        (lambda releases: releases.until_routed(), current_is(A)),
        (lambda releases: releases.open_runs(), Answer(ListWorkflowExecutionsResponse())),
        (lambda releases: releases.move(RUN, ""), UNDERSTOOD_NOTHING),
        (lambda releases: releases.has_failed_task(RUN), Answer(GetWorkflowExecutionHistoryReverseResponse())),
    ],
    ids=["state", "current", "ramp", "routed", "runs", "move", "failed task"],
)
async def test_an_overloaded_server_is_asked_again(
    ask: Callable[[Releases], Awaitable[object]], answer: Answer
) -> None:
    async with scripted_grpc([CONNECTED, OVERLOADED, answer]) as address:
        await ask(Releases(await Client.connect(address), FIRST))  # type: ignore[arg-type]


async def test_a_host_without_a_version_takes_over_from_versioned_hosts(fleet: Fleet) -> None:
    desk = Desk(fleet.clock)
    async with host_of(A, fleet, desk):
        await start_workers(fleet, 1, some_rules())
        await until_holding(desk)
    queues, activities = task_queues(fleet.account_id), desk.everything()
    named: Any = {"activities": activities, "workflow_runner": UnsandboxedWorkflowRunner()}
    duty = ReleaseDuty(fleet, "h2", "")
    assert await duty.claim()
    assert duty.version is None
    async with AsyncExitStack() as stack:
        for queue in (queues.trading, queues.watch, queues.broker):
            workflows = [TradingWorkerWorkflow] if queue == queues.trading else []
            await stack.enter_async_context(Worker(fleet.client, task_queue=queue, workflows=workflows, **named))
        selling = asyncio.create_task(commands.command_all(fleet, (FIRST,), commands.liquidate()))
        while not selling.done():
            await duty.look()
            await asyncio.sleep(0.2)
        await selling

    assert desk.held is None


async def test_a_build_waits_only_for_a_moment_for_a_host_that_has_left(fleet: Fleet, database_url: str) -> None:
    gone = HostDuty(fleet, build=A)
    await gone.look()
    await gone.leave()
    assert [each.build for each in await fleet.database.hosts.builds(fleet.account_id)] == [A]
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE hosts SET ended_at = ended_at - interval '10 s'")

    assert await fleet.database.hosts.builds(fleet.account_id) == ()


def task_of_attempt(attempt: int) -> Answer:
    """Return a run whose next workflow task has this attempt."""
    return Answer(DescribeWorkflowExecutionResponse(pending_workflow_task=PendingWorkflowTaskInfo(attempt=attempt)))


def ended_by(kind: "EventType.ValueType") -> Answer:
    """Return the end of a history."""
    return Answer(GetWorkflowExecutionHistoryReverseResponse(history=History(events=[HistoryEvent(event_type=kind)])))


@pytest.mark.parametrize(
    ("attempt", "end", "restarted"),
    [
        (2, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT, []),
        (2, EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED, ["r1"]),
        (4, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT, ["r1"]),
    ],
)
async def test_a_slow_replay_is_no_failed_one(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, attempt: int, end: "EventType.ValueType", restarted: list[str]
) -> None:
    found = list[str]()

    async def restart(_: Fleet, run: Run) -> bool:
        found.append(run.run_id)
        return True

    monkeypatch.setattr("fleet.duties.release.restart", restart)
    async with scripted_grpc([CONNECTED, task_of_attempt(attempt), ended_by(end)]) as address:
        duty = ReleaseDuty(replace(fleet, client=await Client.connect(address)), "h1", B)
        duty._moved[RUN.run_id] = asyncio.get_running_loop().time()
        await duty._check(RUN)

    assert found == restarted


async def test_a_run_that_another_host_has_restarted_is_not_restarted_again(fleet: Fleet) -> None:
    await start_workers(fleet, 1, some_rules())
    handle = fleet.client.get_workflow_handle(worker_workflow_id(fleet.account_id, FIRST))
    failing = replace(RUN, workflow_id=handle.id, run_id=(await handle.describe()).run_id)

    assert await restart(fleet, failing)
    again = (await handle.describe()).run_id
    assert not await restart(fleet, failing)

    assert again not in {failing.run_id, ""}
    assert (await handle.describe()).run_id == again


@workflow.defn(name=MARKET_WATCH, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class WatchOfA:
    """A watch whose first step is a timer."""

    def __init__(self) -> None:
        self._signals = 0

    @workflow.signal(name=HELD_MESSAGE)
    def nudge(self, _: int) -> None:
        """Count."""
        self._signals += 1

    @workflow.run
    async def run(self, _: int) -> None:
        """Wait for longer than a test."""
        await workflow.sleep(36_000)


@workflow.defn(name=MARKET_WATCH, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class WatchOfB(WatchOfA):
    """The same watch without the timer, and without a patch."""

    @workflow.signal(name=HELD_MESSAGE)
    def nudge(self, _: int) -> None:
        """Count."""
        self._signals += 1

    @workflow.run
    async def run(self, _: int) -> None:
        """Wait without end."""
        await workflow.wait_condition(lambda: self._signals < 0)


@pytest.mark.parametrize("forgets", [False, True], ids=["one host", "a host that restarts each round"])
async def test_a_watch_that_does_not_replay_on_the_next_build_ends_so_that_a_duty_starts_it_again(
    fleet: Fleet, forgets: bool
) -> None:
    queue, watch_id = task_queues(fleet.account_id).trading, market_watch_id(ShardRequest(fleet.account_id, 0))
    client = fleet.client
    named: Any = {"task_queue": queue, "workflow_runner": UnsandboxedWorkflowRunner()}
    on_a, on_b = ReleaseDuty(fleet, "h1", A), ReleaseDuty(fleet, "h2", B)
    assert await on_a.claim()
    async with Worker(client, workflows=[WatchOfA], deployment_config=versioned(on_a.version), **named):
        handle = await client.start_workflow(MARKET_WATCH, 0, id=watch_id, task_queue=queue)
        while not await Releases(client, fleet.account_id).open_runs():
            await asyncio.sleep(0.1)
    assert await on_b.claim()
    async with Worker(client, workflows=[WatchOfB], deployment_config=versioned(on_b.version), **named):
        while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            with suppress(RPCError):  # it may have just ended
                await handle.signal(HELD_MESSAGE, 0)
            await (ReleaseDuty(fleet, "h2", B) if forgets else on_b).look()
            await asyncio.sleep(0.2)

    assert (await handle.describe()).status is WorkflowExecutionStatus.TERMINATED


class Answering:
    """A client whose server reports a version."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.workflow_service = self

    async def get_system_info(self, *_: object, **__: object) -> GetSystemInfoResponse:
        return GetSystemInfoResponse(server_version=self.version)


@pytest.mark.parametrize(
    ("version", "is_enough"),
    [
        *(("1.32.0", True), ("1.33.1-150.0", True), ("2.0.0", True)),
        *(("1.31.9", False), ("1.4.0", False), ("cloud", False), ("", False)),
    ],
)
async def test_builds_are_announced_where_that_was_tried(version: str, is_enough: bool) -> None:
    client: Any = Answering(version)
    assert await is_tried(client) is is_enough


async def test_the_embedded_server_is_one_of_them(fleet: Fleet) -> None:
    assert await is_tried(fleet.client)
