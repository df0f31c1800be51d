"""End a run whose history the current build cannot replay. Its work continues from the books."""

from dataclasses import replace

from temporalio.common import WorkflowIDConflictPolicy

from domain.worker_state import WorkerLife
from fleet.fleet import Fleet
from fleet.releases import Run
from fleet.starting import start_worker
from workflows.identity import is_watch_of, worker_of


async def restart(fleet: Fleet, run: Run) -> bool:
    """Start a trading worker again, paused, or end a market watch, which a duty starts again; return whether it did.

    A paused worker holds and sells. Commands that the run has received are lost: an operator's pause may be among
    them, so that only ``resume`` lets the worker buy again.
    """
    if is_watch_of(run.workflow_id, fleet.account_id):
        handle = fleet.client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
        await handle.terminate("its history does not replay on the current build; a duty starts it again")
        return True
    latest = await fleet.client.get_workflow_handle(run.workflow_id).describe()
    if worker_of(run.workflow_id) is None or latest.run_id != run.run_id:
        return False  # a list is late: another host has restarted it, or its next run has begun
    life = replace(await _life_of(fleet, run), paused=True)
    await start_worker(fleet, life, WorkflowIDConflictPolicy.TERMINATE_EXISTING)
    return True


async def _life_of(fleet: Fleet, run: Run) -> WorkerLife:
    handle = fleet.client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
    first = await anext(handle.fetch_history_events(page_size=1))
    payloads = first.workflow_execution_started_event_attributes.input.payloads
    life: WorkerLife
    (life,) = await fleet.client.data_converter.decode(payloads, [WorkerLife])
    return life
