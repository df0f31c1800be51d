"""Read Temporal's lists field by field: one unreadable object hides no other."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, ListWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

ANSWERS_WITHIN: Final = timedelta(seconds=3)
"""Real time limit of one request to the server."""
MOST_LISTED: Final = 1_000
"""Maximum objects read from one list. The fleet never has as many."""
_PROBLEMS: Final = "TemporalReportedProblems"


@dataclass(frozen=True, slots=True)
class Listed:
    """A workflow as the server lists it. ``problems`` is Temporal's text, empty while it can progress."""

    workflow_id: str
    run_id: str
    workflow_type: str
    task_queue: str
    started_at: datetime
    problems: str = ""


async def list_workflows(client: Client, query: str) -> tuple[Listed, ...]:
    """Return the workflows that a query finds, newest first, at most ``MOST_LISTED``.

    Raises:
        RPCError: the server does not list them now.
    """
    request = ListWorkflowExecutionsRequest(namespace=client.namespace, page_size=MOST_LISTED, query=query)
    answer = await client.workflow_service.list_workflow_executions(request, retry=True, timeout=ANSWERS_WITHIN)
    return tuple(map(_listed, answer.executions))


async def is_held_by_another(client: Client, workflow_id: str, workflow_type: str, task_queue: str) -> bool:
    """Return whether a running workflow of another type, or on another queue, holds an id of ours."""
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
    )
    try:
        answer = await client.workflow_service.describe_workflow_execution(request, retry=True, timeout=ANSWERS_WITHIN)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    found = answer.workflow_execution_info
    is_over = bool(found.HasField("close_time"))
    return not is_over and (found.type.name, found.task_queue) != (workflow_type, task_queue)


def one_of(name: str, values: Collection[str]) -> str:
    """Return a query condition that matches any of the given values."""
    return f"{name} IN ({', '.join(map(quoted, sorted(values)))})"


def quoted(value: str) -> str:
    """Return a text quoted for a query."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def in_parts(values: Sequence[str], most: int = 50) -> Iterator[Sequence[str]]:
    """Yield the values in parts that fit into one query."""
    for begin in range(0, len(values), most):
        yield values[begin : begin + most]


def _listed(info: WorkflowExecutionInfo) -> Listed:
    problems = info.search_attributes.indexed_fields.get(_PROBLEMS)
    return Listed(
        info.execution.workflow_id,
        info.execution.run_id,
        info.type.name,
        info.task_queue,
        info.start_time.ToDatetime(tzinfo=UTC),
        "" if problems is None else _words(problems.data),
    )


def _words(data: bytes) -> str:
    """Return a list of keywords on one line, or the raw text if it is not a list."""
    text = data.decode(errors="replace")
    try:
        words = json.loads(text)
    except ValueError:
        return text
    return ", ".join(map(str, words)) if isinstance(words, list) else text
