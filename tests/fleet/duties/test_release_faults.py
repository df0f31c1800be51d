"""What the release duty does on other servers, after outages, and for hosts without a version."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from temporalio.api.deployment.v1 import RoutingConfig, WorkerDeploymentInfo, WorkerDeploymentVersion
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentResponse,
    GetSystemInfoResponse,
    UpdateWorkflowExecutionOptionsResponse,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from fleet import commands
from fleet.duties.host import HostDuty
from fleet.duties.release import ReleaseDuty
from fleet.fleet import Fleet
from fleet.releases import Deployment, Releases, Run
from fleet.starting import start_workers
from tests.fleet.duties.test_host import grow_silent
from tests.fleet.duties.test_release import FIRST, until_holding
from tests.support.builders import some_rules
from tests.support.scripted_grpc import Answer, scripted_grpc
from tests.support.two_builds import A, B, host_of
from tests.workflows.stand_ins import Desk
from workflows.identity import task_queues
from workflows.trading_worker import TradingWorkerWorkflow

CONNECTED = Answer(GetSystemInfoResponse())
AWAY = Answer(status=RPCStatusCode.UNAVAILABLE, text="starting")
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

    state_fails = False
    moves = 0

    async def state(self) -> Deployment | None:
        if self.state_fails:
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
        return await super().state()

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


async def test_a_host_that_was_silent_during_an_outage_keeps_its_build_current(fleet: Fleet, database_url: str) -> None:
    await HostDuty(fleet, build=A).look()
    duty, releases = scripted(fleet, B)
    await releases.set_current(A)
    releases.state_fails = True
    with pytest.raises(RPCError, match="away"):
        await duty.look()
    grow_silent(database_url, 95)
    releases.state_fails = False

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
