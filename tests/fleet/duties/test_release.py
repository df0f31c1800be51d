"""Two builds at once: a trade ends on the build that began it, and no run stays on a build without hosts."""

import asyncio
from datetime import UTC, datetime

import pytest

from database.hosts import HostBuild
from fleet import commands
from fleet.duties.release import ReleaseDuty, builds_with_hosts
from fleet.fleet import Fleet
from fleet.releases import Build, Deployment, Releases, previous
from fleet.starting import start_workers
from tests.support.builders import some_rules
from tests.support.two_builds import A, B, builds_of, host_of
from tests.workflows.stand_ins import Desk
from workflows.identity import worker_name, worker_workflow_id

FIRST = worker_name(1)


async def until_holding(desk: Desk) -> None:
    while desk.held is None:
        await asyncio.sleep(0.1)


async def run_on(fleet: Fleet, build: str, after: str = "") -> str:
    """Return the worker's run once it is on a build; ``after`` names an earlier run."""
    handle = fleet.client.get_workflow_handle(worker_workflow_id(fleet.account_id, FIRST))
    while True:
        info = (await handle.describe()).raw_description.workflow_execution_info
        if info.versioning_info.deployment_version.build_id == build and info.execution.run_id != after:
            return info.execution.run_id
        await asyncio.sleep(0.1)


async def run_of(fleet: Fleet) -> str:
    return (await fleet.client.get_workflow_handle(worker_workflow_id(fleet.account_id, FIRST)).describe()).run_id


async def taken_over(fleet: Fleet, duty: ReleaseDuty, left: str) -> str:
    """Return the worker's run after the duty has replaced the one that no host's build can continue."""
    await duty.look()
    nudge = asyncio.create_task(commands.command_all(fleet, (FIRST,), commands.RESUME))  # a run at rest has no task
    while (run := await run_of(fleet)) == left:
        await duty.look()
    await nudge
    return run


async def sell(fleet: Fleet, desk: Desk) -> None:
    await commands.command_all(fleet, (FIRST,), commands.liquidate())
    assert desk.held is None


async def buy(fleet: Fleet, desk: Desk) -> None:
    await commands.command_all(fleet, (FIRST,), commands.RESUME)
    await until_holding(desk)


@pytest.mark.slow
async def test_a_trade_ends_on_its_build_there_and_back_and_leaves_a_build_without_hosts(fleet: Fleet) -> None:
    desk, releases = Desk(fleet.clock), Releases(fleet.client, fleet.account_id)
    name = worker_workflow_id(fleet.account_id, FIRST)
    async with host_of(A, fleet, desk) as duty_of_a:
        await start_workers(fleet, 1, some_rules())
        await until_holding(desk)
        on_a = await run_on(fleet, A)
        async with host_of(B, fleet, desk):
            assert (await releases.state() or Deployment()).current == A  # a build that joins changes nothing
            await releases.set_current(B)
            await sell(fleet, desk)
            on_b = await run_on(fleet, B, on_a)

            await buy(fleet, desk)
            await releases.set_current(A)
            await sell(fleet, desk)
            back_on_a = await run_on(fleet, A, on_b)

            await buy(fleet, desk)
            await releases.set_current(B)
            await sell(fleet, desk)
            left = await run_on(fleet, B, back_on_a)
            await buy(fleet, desk)
        assert [await builds_of(fleet, name, run) for run in (on_a, on_b, back_on_a)] == [({A}, 0), ({B}, 0), ({A}, 0)]

        assert await taken_over(fleet, duty_of_a, left) == await run_on(fleet, A, left)
        assert desk.held is not None
        await sell(fleet, desk)


def test_a_build_whose_only_host_restarts_keeps_its_runs_while_another_host_lives() -> None:
    ours, left, lives = HostBuild("h1", A, True), HostBuild("h2", B, False), HostBuild("h3", A, True)

    assert builds_with_hosts((ours, left), "h1") == {A}
    assert builds_with_hosts((ours, left, lives), "h1") == {A, B}


def test_a_host_without_a_version_has_no_build() -> None:
    assert builds_with_hosts((HostBuild("h1", A, True), HostBuild("h2", "", True)), "h1") == {A}


def test_a_rollback_goes_to_the_last_build_that_was_current_and_has_hosts() -> None:
    def build(name: str, hour: int | None) -> Build:
        return Build(name, None if hour is None else datetime(2026, 12, 1, hour, tzinfo=UTC), is_drained=False)

    state = Deployment("new", builds=(build("old", 1), build("gone", 3), build("new", 4), build("never", None)))

    assert previous(state, {"old", "new", "never"}) == "old"
    assert not previous(state, {"new", "never"})
