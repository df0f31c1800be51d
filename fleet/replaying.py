"""Replay the fleet's histories on this build, to see whether it would go on where the running build is."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio.client import WorkflowExecution, WorkflowHistory
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Interceptor, Replayer, UnsandboxedWorkflowRunner

from fleet.fleet import Fleet
from fleet.visibility import one_of, quoted
from workflows.faults import temporal_cause
from workflows.hosted import HOSTED
from workflows.identity import OUR_TYPES, is_close_of, is_watch_of, task_queues

_SDK: Final = Replayer.__module__.rpartition(".")[0]
_SDK_LOGS: Final = (f"{_SDK}._workflow", f"{_SDK}._workflow_instance")
_LONGEST: Final = 600
"""Characters of a cause."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """One run under this build. ``fault`` is the cause if it cannot go on here; empty if it can."""

    workflow_type: str
    workflow_id: str
    run_id: str
    is_open: bool
    events: int
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """All runs that were replayed, and those whose history could not be read."""

    runs: tuple[Replayed, ...]
    unread: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Replayed, ...]:
        """Return the runs that cannot go on under this build."""
        return tuple(each for each in self.runs if each.fault)

    @property
    def has_passed(self) -> bool:
        """Return whether every run was read and replays."""
        return not self.failed and not self.unread

    def by_type(self) -> dict[str, tuple[int, int]]:
        """Return for each workflow type how many runs were replayed, and how many of them fail."""
        all_of, failed = (Counter(each.workflow_type for each in runs) for runs in (self.runs, self.failed))
        return {name: (count, failed[name]) for name, count in sorted(all_of.items())}


async def replay_open_histories(
    fleet: Fleet, interceptors: Sequence[Interceptor] = (), closed: timedelta = timedelta(0)
) -> ReplayReport:
    """Replay the open runs of the account, and those that have closed within ``closed`` (real time).

    ``interceptors`` are those of a host: they decide which messages a workflow sees. Workflows that are not ours are
    left out, as hosts leave them alone.

    Raises:
        RPCError: the server does not list the workflows now.
    """
    listed = [each async for each in _ours(fleet, closed)]
    about = {each.run_id: each for each in listed}
    unread: list[str] = []
    replayer = Replayer(
        workflows=HOSTED,
        data_converter=fleet.client.data_converter,
        interceptors=interceptors,
        namespace=fleet.client.namespace,
        workflow_runner=UnsandboxedWorkflowRunner(),  # as a host runs them; the sandbox warns about late imports
        debug_mode=True,  # a replay has no second attempt, so it needs no deadlock detector
        runtime=Runtime(telemetry=TelemetryConfig(logging=None)),  # the report names each failure once
    )
    runs = []
    with _named_once():
        async with replayer.workflow_replay_iterator(_histories(fleet, listed, unread)) as results:
            async for result in results:
                run = about[result.history.run_id]
                fault = "" if result.replay_failure is None else f"{result.replay_failure}"[:_LONGEST]
                runs.append(_replayed(run, len(result.history.events), fault))
    return ReplayReport(tuple(runs), tuple(unread))


@contextmanager
def _named_once() -> Iterator[None]:
    """Silence the SDK, which repeats each failure with a traceback."""
    logs = [logging.getLogger(each) for each in _SDK_LOGS]
    before = [each.disabled for each in logs]
    for each in logs:
        each.disabled = True
    try:
        yield
    finally:
        for each, was_disabled in zip(logs, before, strict=True):
            each.disabled = was_disabled


def _replayed(run: WorkflowExecution, events: int, fault: str) -> Replayed:
    return Replayed(run.workflow_type, run.id, run.run_id, run.close_time is None, events, fault)


async def _ours(fleet: Fleet, closed: timedelta) -> AsyncIterator[WorkflowExecution]:
    """Yield our runs, page by page."""
    workers, account = await fleet.ids_of_ours(), fleet.account_id
    which = "ExecutionStatus = 'Running'"
    if closed:
        since = (fleet.real_now() - closed).isoformat()
        which = f"({which} OR CloseTime > {quoted(since)})"
    queue = quoted(task_queues(account).trading)
    query = f"{one_of('WorkflowType', OUR_TYPES)} AND TaskQueue = {queue} AND {which}"
    async for each in fleet.client.list_workflows(query):
        if each.id in workers or is_close_of(each.id, account) or is_watch_of(each.id, account):
            yield each


async def _histories(
    fleet: Fleet, listed: Sequence[WorkflowExecution], unread: list[str]
) -> AsyncIterator[WorkflowHistory]:
    """Yield the histories. One that cannot be read is noted, unless its run has ended and was deleted meanwhile."""
    for each in listed:
        handle = fleet.client.get_workflow_handle(each.id, run_id=each.run_id)
        try:
            yield await handle.fetch_history()
        except RPCError as fault:
            if fault.status is RPCStatusCode.NOT_FOUND:
                continue
            unread.append(f"{each.id} {each.run_id}: {temporal_cause(fault)}")
