"""Objects on the Temporal server that Haru did not create: every kind that another program can leave there."""

from contextlib import suppress
from datetime import timedelta

from temporalio.client import Schedule, ScheduleActionStartWorkflow, ScheduleSpec
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError

from domain.identity import WorkerId
from fleet.fleet import Fleet
from fleet.visibility import list_workflows
from runtime.embedded.search_attributes import ensure_search_attributes
from workflows.identity import close_schedule_id, close_workflow_id, task_queues, worker_workflow_id
from workflows.market_close import MarketCloseWorkflow
from workflows.trading_worker import TradingWorkerWorkflow

ELSEWHERE = "a-queue-that-no-process-polls"
HOSTILE = "\x1b[31m[red]\N{RIGHT-TO-LEFT OVERRIDE}@everyone"
SQUATTED = WorkerId("worker-2")
"""A worker of the ledger whose workflow id a foreign workflow holds."""
_WORKER = TradingWorkerWorkflow.__name__
_CLOSE = MarketCloseWorkflow.__name__
_ODD = (SearchAttributeKey.for_datetime("ForeignMoment"), SearchAttributeKey.for_float("ForeignNumber"))


async def place_foreign_workflows(fleet: Fleet) -> None:
    """Start workflows of every foreign kind; no process serves those on another queue."""
    account, ours = fleet.account_id, task_queues(fleet.account_id).trading
    await _start(fleet, _WORKER, f"unreadable {account}", ELSEWHERE)
    await _start(fleet, _WORKER, f"trading-worker/{account}/worker-1/and/more", ELSEWHERE)
    await _start(fleet, _WORKER, f"trading-worker/{account}/{HOSTILE}", ours)
    await _start(fleet, _WORKER, f"trading-worker/{account}/", ELSEWHERE)
    await _start(fleet, _WORKER, worker_workflow_id(account, WorkerId("worker-99")), ELSEWHERE)
    await _start(fleet, _WORKER, worker_workflow_id(account, WorkerId("worker-98")), ours, {"no": "worker's life"})
    await _start(fleet, "ForeignWorkflow", f"foreign-{account}", ours)
    await _start(fleet, "ForeignWorkflow", worker_workflow_id(account, SQUATTED), ELSEWHERE)
    await _start(fleet, _CLOSE, close_workflow_id(account), ELSEWHERE)
    await _start(fleet, _CLOSE, f"{close_workflow_id(account)}-anything", ours, "no request")
    await _start_with_odd_attributes(fleet)


async def place_foreign_schedules(fleet: Fleet) -> None:
    """Create a schedule that starts a worker of ours, and take the id of our own schedule."""
    started = ScheduleActionStartWorkflow(
        _WORKER, id="from-a-foreign-schedule", task_queue=task_queues(fleet.account_id).trading
    )
    for name in (f"foreign-schedule/{fleet.account_id}", close_schedule_id(fleet.account_id)):
        await fleet.client.create_schedule(name, Schedule(action=started, spec=ScheduleSpec()))


async def place_foreign_activity(fleet: Fleet) -> None:
    """Start an activity without a workflow on a queue of Haru."""
    await fleet.client.start_activity(
        "list_broker_orders",
        id=f"foreign-activity-{fleet.account_id}",
        task_queue=task_queues(fleet.account_id).watch,
        start_to_close_timeout=timedelta(minutes=5),
    )


async def remove_foreign_objects(fleet: Fleet) -> None:
    """Clean the server for the next test."""
    client, account = fleet.client, fleet.account_id
    for each in await list_workflows(client, "ExecutionStatus = 'Running'"):
        if account in each.workflow_id or account in each.task_queue:
            with suppress(RPCError):
                await client.get_workflow_handle(each.workflow_id).terminate("the test is over")
    for name in (f"foreign-schedule/{account}", close_schedule_id(account)):
        with suppress(RPCError):
            await client.get_schedule_handle(name).delete()
    with suppress(RPCError):
        await client.get_activity_handle(f"foreign-activity-{account}").terminate()


async def _start_with_odd_attributes(fleet: Fleet) -> None:
    await ensure_search_attributes(fleet.client, _ODD)
    odd = TypedSearchAttributes(
        [SearchAttributePair(_ODD[0], fleet.real_now()), SearchAttributePair(_ODD[1], float("1e308"))]
    )
    await fleet.client.start_workflow(
        _WORKER,
        id=f"odd-attributes-{fleet.account_id}",
        task_queue=ELSEWHERE,
        search_attributes=odd,
        memo={"note": "\x1b]0;title\x07" * 50},
    )


async def _start(fleet: Fleet, workflow_type: str, workflow_id: str, queue: str, *arguments: object) -> None:
    await fleet.client.start_workflow(workflow_type, args=list(arguments), id=workflow_id, task_queue=queue)
