"""`release`: what it refuses, and that one run does not keep the others on a stuck build."""

import argparse
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
