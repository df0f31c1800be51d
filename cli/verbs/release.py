"""``starter.py release``: show the fleet's builds, and say which one new trades begin on."""

import asyncio
from collections import Counter
from typing import Any, Final

from activities.watch.messages import MARKET_WATCH
from cli.desk import Desk
from fleet.duties.release import builds_with_hosts
from fleet.errors import OperationError
from fleet.fleet import Fleet
from fleet.releases import Deployment, Releases, Run, previous
from fleet.replaying import replay_open_histories
from fleet.restarting import restart
from runtime.argument_lists import ArgumentLists
from runtime.settings import Settings, load_settings
from runtime.temporal_connection import ring_of
from security.sealing.guard import Guard
from security.sealing.refusals import Refusals
from workflows.identity import MARKET_CLOSE

_FOLLOWING: Final = frozenset({MARKET_WATCH, MARKET_CLOSE})
"""Workflows that move to the current build at once. A trade ends on the build that began it."""
_PAUSE: Final = 2.0
_LOOKS: Final = 3
"""How often a rollback looks for runs of the stuck build."""
_UNVERSIONED: Final = "this Temporal server has no Worker Versioning, or this key may not use it; update the server"


async def show(desk: Desk) -> int:
    """List the builds with their hosts and open runs; return 1 while a build with open runs has no host."""
    state, hosts = await _state(desk), await _hosts(desk)
    runs = await Releases(desk.fleet.client, desk.fleet.account_id).open_runs()
    rows = _rows(state, hosts, runs)

    def print_rows() -> None:
        for row in rows:
            desk.console.say(_line(row))
        if not rows:
            desk.console.say("No host has announced a build yet.")

    desk.answer({"current": state.current, "builds": rows}, print_rows)
    return 1 if any(row["open_runs"] and not row["hosts"] for row in rows) else 0


async def set_current(desk: Desk) -> int:
    """Let new trades begin on a build; open trades end where they began. Run it with the code of that build.

    Raises:
        OperationError: the build has no host, is not this code, or cannot go on with the open watches and closes.
    """
    build: str = desk.asked.build
    await _require_host(desk, build)
    await _require_able(desk, build)
    await Releases(desk.fleet.client, desk.fleet.account_id).set_current(build)
    return _answer(desk, build, f"New trades begin on {build}. Open trades end on the build that began them.")


async def ramp(desk: Desk) -> int:
    """Let a share of new trades begin on a build; 0 ends the ramp. Run it with the code of that build.

    Raises:
        OperationError: the build has no host, is not this code, or cannot go on with the open watches and closes.
    """
    build, percent = desk.asked.build, desk.asked.percent
    if percent:
        await _require_host(desk, build)
        await _require_able(desk, build)
    await Releases(desk.fleet.client, desk.fleet.account_id).set_ramp(build if percent else "", percent)
    return _answer(desk, build, f"{percent:g} % of new trades begin on {build}.")


async def drain(desk: Desk) -> int:
    """Wait until no trade is left on a build, so that its hosts may stop.

    The watch and the close are not waited for: they move to the current build at their next task, or when these hosts
    stop. A watch has no task for hours while nothing changes.

    Raises:
        OperationError: the build is current.
    """
    build: str = desk.asked.build
    if build == (await _state(desk)).current:
        raise OperationError(f"{build} is current: make another build current first, so that its trades can end")
    releases = Releases(desk.fleet.client, desk.fleet.account_id)
    while left := [run for run in await releases.open_runs() if run.build_id == build and run.is_pinned]:
        if not desk.asked.json:
            desk.console.say(f"{len(left)} runs are left on {build}.")
        await asyncio.sleep(_PAUSE)
    return _answer(desk, build, f"No run is left on {build}: its hosts may stop.")


async def roll_back(desk: Desk) -> int:
    """Make the previous build current again. With ``--stuck``, take the left build's runs over from the books.

    Raises:
        OperationError: no earlier build has a host.
    """
    state, hosts = await _state(desk), await _hosts(desk)
    build = previous(state, hosts)
    if not build:
        raise OperationError("no build that was current before has a host: start `worker.py` of that build first")
    releases = Releases(desk.fleet.client, desk.fleet.account_id)
    await releases.set_ramp("", 0)
    await releases.set_current(build)
    moved, failed = await _restart_all(desk.fleet, releases, state.current) if desk.asked.stuck else (0, [])
    if moved and not desk.asked.json:
        desk.console.say(f"{moved} runs of {state.current} continue there, paused: `starter.py resume` lets them buy.")
    if failed:
        causes = ", ".join(failed)
        raise OperationError(f"not restarted: {causes}. Stop the hosts of {state.current}; the others take them over")
    return _answer(desk, build, f"New trades begin on {build} again.", restarted=moved)


async def _restart_all(fleet: Fleet, releases: Releases, stuck: str) -> tuple[int, list[str]]:
    """Restart every run of a stuck build; return how many, and the causes of those that were not.

    A run may begin there until each task queue knows the other build. Temporal lists it a moment later.
    """
    await releases.until_routed()
    seen, moved, failed = set[tuple[str, str]](), 0, list[str]()
    for _ in range(_LOOKS):
        for run in await releases.open_runs():
            about = run.workflow_id, run.run_id
            if run.build_id != stuck or about in seen:
                continue
            seen.add(about)
            try:
                moved += await restart(fleet, run)
            except Exception as fault:  # noqa: BLE001 - one run must not keep the others on the stuck build
                failed.append(f"{run.workflow_id}: {fault}")
        await asyncio.sleep(_PAUSE)
    return moved, failed


async def _require_able(desk: Desk, build: str) -> None:
    settings = load_settings()
    if build != (ours := settings.release.build):
        raise OperationError(f"this is the code of {ours}: run this command with the code of {build}")
    if problem := await _problem_here(desk.fleet, settings):
        raise OperationError(f"{build} gets no runs: {problem}")


async def _problem_here(fleet: Fleet, settings: Settings) -> str:
    """Return why the open runs that would move here do not replay on this code; empty when they do."""
    report = await replay_open_histories(fleet, [ArgumentLists(), Guard(ring_of(settings), Refusals())])
    failed = [each.workflow_id for each in report.failed if each.workflow_type in _FOLLOWING]
    if failed:
        return f"{', '.join(failed)} cannot go on with this code; `starter.py replay` shows why"
    return f"not read: {', '.join(report.unread)}" if report.unread else ""


def _answer(desk: Desk, build: str, text: str, **more: int) -> int:
    desk.answer({"build": build, **more}, lambda: desk.console.say(text))
    return 0


async def _state(desk: Desk) -> Deployment:
    state = await Releases(desk.fleet.client, desk.fleet.account_id).state()
    if state is None:
        raise OperationError(_UNVERSIONED)
    return state


async def _hosts(desk: Desk) -> Counter[str]:
    hosts = await desk.fleet.database.hosts.builds(desk.fleet.account_id)
    living = builds_with_hosts(tuple(each for each in hosts if each.is_living), "")
    return Counter(each.build for each in hosts if each.is_living and each.build in living)


async def _require_host(desk: Desk, build: str) -> None:
    await _state(desk)
    hosts = await _hosts(desk)
    if build not in hosts:
        listed = ", ".join(sorted(hosts)) or "none"
        raise OperationError(f"no host runs build {build!r}; builds with hosts: {listed}")


def _rows(state: Deployment, hosts: Counter[str], runs: tuple[Run, ...]) -> list[dict[str, Any]]:
    names = dict.fromkeys([each.build_id for each in state.builds] + sorted(hosts))
    drained = {each.build_id for each in state.builds if each.is_drained}
    open_runs = Counter(run.build_id for run in runs)
    failing = Counter(run.build_id for run in runs if run.is_failing)
    return [
        {
            "build": name,
            "is_current": name == state.current,
            "ramp_percent": state.percent if name == state.ramping else 0,
            "hosts": hosts[name],
            "open_runs": open_runs[name],
            "failing_runs": failing[name],
            "is_drained": name in drained and not open_runs[name],
        }
        for name in names
        if name == state.current or hosts[name] or open_runs[name]
    ]


def _line(row: dict[str, Any]) -> str:
    counts = f"{row['hosts']} hosts, {row['open_runs']} open runs, {row['failing_runs']} failing"
    if row["is_current"]:
        return f"{row['build']}  current: {counts}"
    if row["ramp_percent"]:
        return f"{row['build']}  ramping, {row['ramp_percent']:g} %: {counts}"
    return f"{row['build']}  draining: {counts}" if row["open_runs"] else f"{row['build']}  drained: {counts}"
