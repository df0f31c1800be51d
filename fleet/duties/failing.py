"""Report workflows that cannot progress: a release that does not replay, or a bug, leaves their positions unsold."""

from typing import Final

from domain.event import Event
from domain.events.temporal import workflow_failing
from fleet.duties.duty import Terms
from fleet.fleet import FailingWorkflow, Fleet

_REPEATED_AFTER: Final = 1800.0
"""Real seconds after which a workflow that still cannot progress is reported again."""


class FailingDuty:
    """Look for Temporal's own mark: two consecutive workflow tasks of a run that failed or timed out."""

    terms = Terms("failing_workflows")

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def look(self) -> None:
        """Append one critical event for each failing run, and another each half hour while it lasts."""
        for workflow in await self._fleet.failing_workflows():
            await self._fleet.database.events.append(await self._event(workflow))

    async def _event(self, workflow: FailingWorkflow) -> Event:
        fleet, at = self._fleet, self._fleet.market_now()
        bucket = int((await fleet.database.server.now()).timestamp() // _REPEATED_AFTER)
        run = f"{workflow.run_id}/{bucket}"
        return workflow_failing(fleet.account_id, workflow.workflow_id, workflow.cause, run, at)
