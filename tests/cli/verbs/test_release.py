"""`release`: what it refuses, and that one run does not keep the others on a stuck build."""

import argparse
import asyncio
import io
from typing import Any

import pytest

from cli.desk import Desk
from cli.tables.terminal import Terminal
from cli.verbs import release
from domain.rules import TradingRules
from fleet.duties.host import HostDuty
from fleet.errors import OperationError
from fleet.fleet import Fleet
from fleet.releases import Deployment, Releases, Run
from tests.support.running_fleet import fleet
from tests.support.two_builds import A, B

__all__ = ["fleet"]


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
    with pytest.raises(OperationError, match=r"not restarted: w0: its life cannot be read, w1: .+, w2: "):
        await release.roll_back(a_desk(fleet, stuck=True))

    assert tried == ["w0", "w1", "w2"]
    assert (await releases.state() or Deployment()).current == A


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
