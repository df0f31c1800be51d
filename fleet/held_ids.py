"""Terminate a foreign workflow that holds an id of ours, so that ours can start."""

import logging
from functools import partial
from typing import Final

from temporalio.common import WorkflowIDConflictPolicy

from domain.event import Event, EventLevel
from domain.plain_text import one_line
from domain.session import session_date_of
from fleet.fleet import Fleet
from fleet.visibility import is_held_by_another
from workflows.identity import task_queues

logger = logging.getLogger("haru.operations")

FOREIGN_TERMINATED: Final = "foreign_workflow_terminated"


async def policy_for(
    fleet: Fleet,
    workflow_id: str,
    workflow_type: str,
    if_ours_runs: WorkflowIDConflictPolicy = WorkflowIDConflictPolicy.USE_EXISTING,
) -> WorkflowIDConflictPolicy:
    """Return the conflict policy for starting a workflow of ours under an id that may be running."""
    queue = task_queues(fleet.account_id).trading
    if not await is_held_by_another(fleet.client, workflow_id, workflow_type, queue):
        return if_ours_runs
    name, now = one_line(workflow_id), fleet.market_now()
    logger.error(FOREIGN_TERMINATED, extra={"workflow": name})
    event = Event(
        fleet.account_id,
        FOREIGN_TERMINATED,
        EventLevel.ERROR,
        now,
        session_date_of(now),
        detail={"why": f"it used the id {name} of a Haru workflow"},
        key=f"{FOREIGN_TERMINATED}/{workflow_id}/{now:%Y%m%d%H%M}",
    )
    await fleet.database.reports.append(event.key, partial(fleet.database.events.append, event))
    return WorkflowIDConflictPolicy.TERMINATE_EXISTING
