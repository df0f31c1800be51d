"""`release`: what it refuses, and that one run does not keep the others on a stuck build."""

import argparse
import asyncio
import io
from typing import Any

import pytest
from temporalio.api.deployment.v1 import WorkerDeploymentInfo
from temporalio.api.enums.v1 import RoutingConfigUpdateState
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentResponse, GetSystemInfoResponse
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from cli.desk import Desk
from cli.tables.terminal import Terminal
from cli.verbs import release
from domain.rules import TradingRules
from fleet.duties.host import HostDuty
from fleet.errors import OperationError
from fleet.fleet import Fleet
from fleet.releases import Deployment, Releases, Run
from tests.support.builders import ACCOUNT
from tests.support.running_fleet import fleet
from tests.support.scripted_grpc import Answer, scripted_grpc
from tests.support.two_builds import A, B

__all__ = ["fleet"]
AWAY = Answer(status=RPCStatusCode.NOT_FOUND, text="no more")


def a_desk(fleet: Fleet, **asked: Any) -> Desk:
    return Desk(fleet, TradingRules(), argparse.Namespace(json=False, **asked), Terminal(file=io.StringIO()))


async def test_a_ramp_needs_the_code_that_the_watches_would_move_to(fleet: Fleet) -> None:
    await HostDuty(fleet, build=B).look()

    with pytest.raises(OperationError, match=f"run this command with the code of {B}"):
        await release.ramp(a_desk(fleet, build=B, percent=10.0))


async def test_a_stuck_run_that_cannot_be_restarted_keeps_no_other_on_its_build(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await HostDuty(fleet, build=A).look()
    releases, tried = Releases(fleet.client, fleet.account_id), list[str]()
    await releases.set_current(A)
    await releases.set_current(B)

    async def three(_: Releases) -> tuple[Run, ...]:
        return tuple(Run(f"w{number}", "r", B, is_pinned=True, is_failing=True) for number in range(3))

    async def restart(_: Fleet, run: Run) -> bool:
        tried.append(run.workflow_id)
        raise ValueError("its life cannot be read")

    monkeypatch.setattr(Releases, "open_runs", three)
    monkeypatch.setattr(release, "restart", restart)
    monkeypatch.setattr(release, "_PAUSE", 0.0)
    with pytest.raises(OperationError, match=r"not restarted: w0: its life cannot be read, w1: .+, w2: "):
        await release.roll_back(a_desk(fleet, stuck=True))

    assert tried == ["w0", "w1", "w2"]
    assert (await releases.state() or Deployment()).current == A


async def test_a_run_that_begins_on_the_stuck_build_a_moment_later_is_restarted_too(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await HostDuty(fleet, build=A).look()
    releases, restarted = Releases(fleet.client, fleet.account_id), list[str]()
    await releases.set_current(A)
    await releases.set_current(B)
    looks = iter(["r1", "r2", "r2"])

    async def one(_: Releases) -> tuple[Run, ...]:
        return (Run("w", next(looks), B, is_pinned=True, is_failing=True),)

    async def restart(_: Fleet, run: Run) -> bool:
        restarted.append(run.run_id)
        return True

    monkeypatch.setattr(Releases, "open_runs", one)
    monkeypatch.setattr(release, "restart", restart)
    monkeypatch.setattr(release, "_PAUSE", 0.0)

    assert await release.roll_back(a_desk(fleet, stuck=True)) == 0
    assert restarted == ["r1", "r2"]


async def test_a_rollback_waits_until_every_task_queue_knows_the_build() -> None:
    known = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_COMPLETED
    states = [RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS, known]
    infos = [WorkerDeploymentInfo(routing_config_update_state=state) for state in states]
    answers = [Answer(DescribeWorkerDeploymentResponse(worker_deployment_info=info)) for info in infos]
    async with scripted_grpc([Answer(GetSystemInfoResponse()), *answers, AWAY]) as address:
        releases = Releases(await Client.connect(address), ACCOUNT)

        await releases.until_routed()

        with pytest.raises(RPCError):  # both answers are used up
            await releases.until_routed()


async def test_a_watch_that_has_had_no_task_since_holds_up_no_drain(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def watch_only(_: Releases) -> tuple[Run, ...]:
        return (Run("market-watch/a/0", "r", B, is_pinned=False, is_failing=False),)

    await Releases(fleet.client, fleet.account_id).set_current(A)
    monkeypatch.setattr(Releases, "open_runs", watch_only)

    async with asyncio.timeout(30):
        assert await release.drain(a_desk(fleet, build=B)) == 0


async def test_a_drain_waits_for_the_trades_of_the_build(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [Run(f"w{number}", "r", B, is_pinned=True, is_failing=False) for number in range(2)]
    looks = list[int]()

    async def fewer(_: Releases) -> tuple[Run, ...]:
        looks.append(len(left))
        return tuple(left[: 2 - len(looks[1:])])

    await Releases(fleet.client, fleet.account_id).set_current(A)
    monkeypatch.setattr(Releases, "open_runs", fewer)
    monkeypatch.setattr(release, "_PAUSE", 0.0)

    assert await release.drain(a_desk(fleet, build=B)) == 0
    assert len(looks) == 3
