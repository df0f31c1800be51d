"""Keep the current build, and every pinned run, on a build that has hosts: a task without a host sells nothing."""

import asyncio
import logging
from typing import Final

from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode

from database.hosts import HEARD_WITHIN, HostBuild
from domain.event import EventLevel
from fleet.duties.duty import Terms
from fleet.fleet import Fleet
from fleet.releases import UNSUPPORTED, Deployment, Releases, Run
from fleet.restarting import restart

logger = logging.getLogger("haru.hosting")

_LOST_A_RACE: Final = (RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.NOT_FOUND)
_AT_ONCE: Final = 10
"""Runs that are moved or checked at the same time."""
_TRIES: Final = 5
"""Claims of a host that starts. A server that has just started may not answer yet."""
_PAUSE: Final = 1.0
_SLOW_REPLAYS: Final = 3
"""Attempts of a workflow task that may time out while a new host replays many runs."""
_SOON: Final = 60.0
"""Real seconds for which a moved run is checked in every round."""
_ROUNDS: Final = 6
"""Later it is checked in every sixth round, unless Temporal marks it as failing: a held position may rest for hours."""


class ReleaseDuty:
    """Make this host's build current if the current one has no host, and take over the runs of builds without hosts.

    So replacing the code and restarting every host needs no command: the runs continue on the new code, as they do
    without versions. A run that cannot continue there starts again from the books, paused.

    A host without a version has the empty build. It does the same, so that runs do not wait for builds of the past.
    """

    terms = Terms("release", at_once=True, within=120.0, level=EventLevel.CRITICAL)

    def __init__(self, fleet: Fleet, host_id: str, build: str) -> None:
        self._fleet = fleet
        self._host_id = host_id
        self._build = build
        self._releases = Releases(fleet.client, fleet.account_id)
        self._moved = dict[str, float]()
        """Runs that this host has moved, and when."""
        self._round = 0
        self._blind_until = 0.0

    @property
    def version(self) -> WorkerDeploymentVersion | None:
        """Return what this host's Temporal workers announce; None for a host without a version."""
        return WorkerDeploymentVersion(self._releases.deployment, self._build) if self._build else None

    async def claim(self) -> bool:
        """Make this build current unless another with hosts is; return whether this host may use Worker Versioning.

        Raises:
            RPCError: the server does not answer.
        """
        for left in reversed(range(_TRIES)):
            try:
                return await self._claimed_at_start()
            except RPCError as fault:
                logger.warning("build_not_claimed_yet", extra={"build": self._build, "cause": str(fault)})
                if not left and self._build:
                    raise
            await asyncio.sleep(_PAUSE)
        return True  # without a version it hosts what comes; its rounds try again

    async def _claimed_at_start(self) -> bool:
        state = await self._releases.state()
        if state is None:
            return False
        try:
            await self._claim(state, await self._builds())
        except RPCError as fault:
            if fault.status in UNSUPPORTED:
                return False
            raise
        return True

    async def look(self) -> None:
        """Claim, then move what is pinned to a build without hosts to this one, if this one is current."""
        loop = asyncio.get_running_loop()
        try:
            present = await self._builds()
        except BaseException:  # after an outage every other host appears silent until it has sent a heartbeat
            self._blind_until = loop.time() + HEARD_WITHIN.total_seconds()
            raise
        state = await self._releases.state()
        if state is None or loop.time() < self._blind_until:
            return
        if await self._claim(state, present) == self._build:
            await self._tend(present)

    async def _tend(self, present: frozenset[str]) -> None:
        """Move or restart each run that needs it. One that fails delays no other.

        Raises:
            Exception: the first failure, after all.
        """
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def tend(run: Run) -> None:
            async with at_once:
                if run.run_id in self._moved:
                    await self._check(run)
                elif run.cannot_replay and run.build_id not in present - {self._build}:
                    await self._restart(run)  # a host that has restarted since has moved it here
                elif run.build_id not in present:
                    await self._move(run)

        self._round += 1
        runs = await self._releases.open_runs()
        self._moved = {run.run_id: self._moved[run.run_id] for run in runs if run.run_id in self._moved}
        done = await asyncio.gather(*map(tend, runs), return_exceptions=True)
        for run, fault in zip(runs, done, strict=True):
            if fault is not None:
                extra = {"workflow": run.workflow_id, "run_id": run.run_id, "cause": f"{type(fault).__name__}: {fault}"}
                logger.error("run_not_taken_over", extra=extra)
        for fault in filter(None, done):
            raise fault

    async def _builds(self) -> frozenset[str]:
        hosts = await self._fleet.database.hosts.builds(self._fleet.account_id)
        return builds_with_hosts(hosts, self._host_id) | {self._build}

    async def _claim(self, state: Deployment, present: frozenset[str]) -> str | None:
        """Return the current build after making this one current if that one has no hosts; None if another changed it.

        A ramp to a build without hosts ends: the close and the watch may be in its share.
        """
        try:
            if state.ramping and state.ramping not in present:
                await self._releases.set_ramp("", 0, state.token)
                logger.warning("ramp_ended", extra={"build": state.ramping})
                return None  # the token is used up; the next round has another
            if state.current in present:
                return state.current
            await self._releases.set_current(self._build, state.token)
        except RPCError as fault:
            if fault.status not in _LOST_A_RACE:
                raise
            return None  # another host was faster; the next round finds its build
        logger.warning("build_made_current", extra={"build": self._build, "instead_of": state.current or "none"})
        return self._build

    async def _move(self, run: Run) -> None:
        """Move a run here; one that is not pinned comes with its next task, and is only checked from now on."""
        if not run.is_pinned:
            self._moved[run.run_id] = asyncio.get_running_loop().time()
            return
        try:
            await self._releases.move(run, self._build)
        except RPCError as fault:
            if fault.status not in _LOST_A_RACE:
                raise
            return  # it is over, or this build has not polled yet
        self._moved[run.run_id] = asyncio.get_running_loop().time()
        logger.warning("run_moved", extra={"workflow": run.workflow_id, "run_id": run.run_id, "from": run.build_id})

    async def _check(self, run: Run) -> None:
        """Restart a moved run whose task has failed: Temporal tries it again without end."""
        now = asyncio.get_running_loop().time()
        is_due = run.is_failing or now < self._moved[run.run_id] + _SOON or not (hash(run) + self._round) % _ROUNDS
        if not is_due:
            return
        handle = self._fleet.client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
        attempt = (await handle.describe()).raw_description.pending_workflow_task.attempt
        has_failed = attempt > _SLOW_REPLAYS or (attempt > 1 and await self._releases.has_failed_task(run))
        if has_failed:
            await self._restart(run)

    async def _restart(self, run: Run) -> None:
        if await restart(self._fleet, run):
            logger.warning("run_restarted", extra={"workflow": run.workflow_id, "run_id": run.run_id})


def builds_with_hosts(hosts: tuple[HostBuild, ...], own: str) -> frozenset[str]:
    """Return the builds that living hosts run.

    While another host lives, the build of one that has just left counts too: it may be restarting.
    """
    is_alone = all(each.host_id == own or not each.is_living for each in hosts)
    return frozenset(each.build for each in hosts if each.build and (each.is_living or not is_alone))
