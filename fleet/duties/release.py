"""Keep the current build, and every pinned run, on a build that has hosts: a task without a host sells nothing."""

import logging
from typing import Final

from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode

from database.hosts import HostBuild
from domain.event import EventLevel
from fleet.duties.duty import Terms
from fleet.fleet import Fleet
from fleet.releases import Deployment, Releases, Run
from fleet.restarting import restart

logger = logging.getLogger("haru.hosting")

_LOST_A_RACE: Final = (RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.NOT_FOUND)


class ReleaseDuty:
    """Make this host's build current if the current one has no host, and take over the runs of builds without hosts.

    So replacing the code and restarting every host needs no command: the runs continue on the new code, as they do
    without versions. A run that cannot continue there starts again from the books, paused.
    """

    terms = Terms("release", at_once=True, within=120.0, level=EventLevel.CRITICAL)

    def __init__(self, fleet: Fleet, host_id: str, build: str) -> None:
        self._fleet = fleet
        self._host_id = host_id
        self._build = build
        self._releases = Releases(fleet.client, fleet.account_id)
        self._moved = set[str]()

    @property
    def version(self) -> WorkerDeploymentVersion:
        """Return what this host's Temporal workers announce."""
        return WorkerDeploymentVersion(self._releases.deployment, self._build)

    async def claim(self) -> bool:
        """Make this build current unless another with hosts is; return whether the server has Worker Versioning."""
        state = await self._releases.state()
        if state is not None:
            await self._claim(state, await self._builds())
        return state is not None

    async def look(self) -> None:
        """Claim, then move what is pinned to a build without hosts to this one, if this one is current."""
        state = await self._releases.state()
        if state is None:
            return
        present = await self._builds()
        if await self._claim(state, present) != self._build:
            return
        for run in await self._releases.open_runs():
            if run.run_id in self._moved:
                await self._restart_failing(run)
            elif run.is_pinned and run.build_id not in present:
                await self._move(run)

    async def _builds(self) -> frozenset[str]:
        hosts = await self._fleet.database.hosts.builds(self._fleet.account_id)
        return builds_with_hosts(hosts, self._host_id) | {self._build}

    async def _claim(self, state: Deployment, present: frozenset[str]) -> str:
        """Return the current build after making this one current if that one has no hosts."""
        if state.current in present:
            return state.current
        try:
            await self._releases.set_current(self._build, state.token)
        except RPCError as fault:
            if fault.status not in _LOST_A_RACE:
                raise
            return ""  # another host was faster; the next round finds its build
        logger.warning("build_made_current", extra={"build": self._build, "instead_of": state.current or "none"})
        return self._build

    async def _move(self, run: Run) -> None:
        try:
            await self._releases.move(run, self._build)
        except RPCError as fault:
            if fault.status not in _LOST_A_RACE:
                raise
            return  # it is over, or this build has not polled yet
        self._moved.add(run.run_id)
        logger.warning("run_moved", extra={"workflow": run.workflow_id, "run_id": run.run_id, "from": run.build_id})

    async def _restart_failing(self, run: Run) -> None:
        """Restart a moved run whose task has failed: Temporal tries it again without end."""
        handle = self._fleet.client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
        has_failed = (await handle.describe()).raw_description.pending_workflow_task.attempt > 1
        if has_failed and await restart(self._fleet, run):
            logger.warning("run_restarted", extra={"workflow": run.workflow_id, "run_id": run.run_id})


def builds_with_hosts(hosts: tuple[HostBuild, ...], own: str) -> frozenset[str]:
    """Return the builds that living hosts run.

    While another host lives, the build of one that has just left counts too: it may be restarting.
    """
    is_alone = all(each.host_id == own or not each.is_living for each in hosts)
    return frozenset(each.build for each in hosts if each.build and (each.is_living or not is_alone))
