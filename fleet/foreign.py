"""Foreign objects at Temporal that affect this fleet: count and name them, change nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import chain
from typing import Final

from temporalio.api.activity.v1 import ActivityExecutionListInfo
from temporalio.api.schedule.v1 import ScheduleListEntry
from temporalio.api.workflowservice.v1 import ListActivityExecutionsRequest, ListSchedulesRequest
from temporalio.service import RPCError

from domain.plain_text import one_line
from fleet.fleet import Fleet
from fleet.visibility import ANSWERS_WITHIN, MOST_LISTED, Listed, in_parts, list_workflows, one_of, quoted
from workflows.identity import (
    MARKET_CLOSE,
    OUR_TYPES,
    TRADING_WORKER,
    close_schedule_id,
    close_workflow_id,
    is_close_of,
    is_close_schedule,
    is_watch_of,
    task_queues,
    watch_prefix,
    worker_of,
)

_OF_OUR_TYPES: Final = one_of("", OUR_TYPES)


@dataclass(frozen=True, slots=True)
class ForeignObject:
    """A workflow, schedule or activity. ``name`` is its printable id; ``key`` identifies it."""

    kind: str
    name: str
    why: str
    key: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.why}"


async def foreign_objects(fleet: Fleet) -> tuple[ForeignObject, ...]:
    """Return the foreign objects that use our queues, types or names, as far as the server lists them now."""
    found: list[ForeignObject] = []
    for look in _LOOKS:
        try:
            found += await look(fleet)
        except RPCError:  # this list is unavailable or unsupported by the server; the other lists still count
            continue
    return tuple(found)


async def _workflows(fleet: Fleet) -> list[ForeignObject]:
    ours, queues, trading = await fleet.ids_of_ours(), _queues(fleet), task_queues(fleet.account_id).trading
    elsewhere = f"(WorkflowType NOT {_OF_OUR_TYPES} OR TaskQueue != {quoted(trading)})"
    names = sorted({*ours, close_workflow_id(fleet.account_id)})
    queries = [
        f"{one_of('TaskQueue', queues)} OR WorkflowType {_OF_OUR_TYPES}",
        *(f"{one_of('WorkflowId', part)} AND {elsewhere}" for part in in_parts(names)),
        f"WorkflowId STARTS_WITH {quoted(watch_prefix(fleet.account_id))} AND {elsewhere}",
    ]
    lists = [await list_workflows(fleet.client, f"ExecutionStatus = 'Running' AND ({query})") for query in queries]
    listed = {each.run_id: each for each in chain.from_iterable(lists)}
    judged = ((each, _objection(fleet, each, ours)) for each in listed.values())
    return [ForeignObject("workflow", one_line(each.workflow_id), why, each.run_id) for each, why in judged if why]


def _objection(fleet: Fleet, each: Listed, ours: frozenset[str]) -> str:
    """Return why a workflow is not ours; empty for one of ours, or one of another fleet."""
    trading = task_queues(fleet.account_id).trading
    is_shared = is_close_of(each.workflow_id, fleet.account_id) or is_watch_of(each.workflow_id, fleet.account_id)
    if each.workflow_id in ours or is_shared:
        if each.workflow_type in OUR_TYPES and each.task_queue == trading:
            return ""
        return f"it uses a workflow id of Haru, as {one_line(each.workflow_type)} on queue {one_line(each.task_queue)}"
    if each.workflow_type not in OUR_TYPES:
        return f"type {one_line(each.workflow_type)} on a queue of Haru"
    named = worker_of(each.workflow_id)
    if named is not None and named[0] == fleet.account_id:
        return "the ledger knows no such worker"
    if each.task_queue in _queues(fleet):
        return "its id belongs to another account, its queue to this one"
    return "its id cannot be read" if named is None and each.workflow_type == TRADING_WORKER else ""


async def _schedules(fleet: Fleet) -> list[ForeignObject]:
    request = ListSchedulesRequest(namespace=fleet.client.namespace, maximum_page_size=MOST_LISTED)
    answer = await fleet.client.workflow_service.list_schedules(request, retry=True, timeout=ANSWERS_WITHIN)
    return [
        ForeignObject("schedule", name, "it starts workflows of Haru's types", key=name)
        for name in (one_line(each.schedule_id) for each in answer.schedules if _is_foreign_schedule(fleet, each))
    ]


def _is_foreign_schedule(fleet: Fleet, each: ScheduleListEntry) -> bool:
    if each.schedule_id == close_schedule_id(fleet.account_id):
        return each.info.workflow_type.name != MARKET_CLOSE
    return each.info.workflow_type.name in OUR_TYPES and not is_close_schedule(each.schedule_id)


async def _activities(fleet: Fleet) -> list[ForeignObject]:
    """Return activities without a workflow. Haru starts every activity from a workflow, so these are foreign."""
    request = ListActivityExecutionsRequest(
        namespace=fleet.client.namespace,
        page_size=MOST_LISTED,
        query=f"ExecutionStatus = 'Running' AND {one_of('TaskQueue', _queues(fleet))}",
    )
    answer = await fleet.client.workflow_service.list_activity_executions(request, retry=True, timeout=ANSWERS_WITHIN)
    return list(map(_activity, answer.executions))


def _activity(each: ActivityExecutionListInfo) -> ForeignObject:
    why = f"type {one_line(each.activity_type.name)} on a queue of Haru, without a workflow"
    return ForeignObject("activity", one_line(each.activity_id), why, each.run_id)


def _queues(fleet: Fleet) -> tuple[str, ...]:
    queues = task_queues(fleet.account_id)
    return queues.trading, queues.watch, queues.broker


_LOOKS: Final[tuple[Callable[[Fleet], Awaitable[list[ForeignObject]]], ...]] = (_workflows, _schedules, _activities)
