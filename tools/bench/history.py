"""Figures from a trade's workflow history: when each step completed, and the history's length and size."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionStatus

from activities.watch.messages import EXIT_MESSAGE, OFFER_MESSAGE
from tools.bench.stack import until

_SCHEDULED: Final = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
_COMPLETED: Final = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED


@dataclass(frozen=True, slots=True)
class Step:
    """A completed activity, or a signal of the market watch; real time of Temporal's server."""

    name: str
    done_at: datetime
    result: Any


@dataclass(frozen=True, slots=True)
class Run:
    """One finished run of a trading worker."""

    steps: tuple[Step, ...]
    events: int
    size: int
    """Bytes, as counted by Temporal's server."""

    def step(self, name: str) -> Step | None:
        """Return the last step with a name."""
        return next((step for step in reversed(self.steps) if step.name == name), None)

    def seconds_of(self, name: str, *, after: str, before: str = "") -> float:
        """Return the total time of all steps with a name between two others.

        Each step counts from the end of the step before it.
        """
        names = [step.name for step in self.steps]
        start = len(names) - 1 - names[::-1].index(after)
        end = names.index(before) if before else len(names)
        pairs = zip(self.steps[start:], self.steps[start + 1 : end], strict=False)
        return sum((done.done_at - last.done_at).total_seconds() for last, done in pairs if done.name == name)


async def finished_run(client: Client, workflow_id: str, run_id: str) -> Run:
    """Wait until a run ends and read it."""
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)

    async def has_ended() -> bool:
        return (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING

    await until(has_ended, f"run {run_id} ends")
    about = (await handle.describe()).raw_description.workflow_execution_info
    events = [event async for event in handle.fetch_history_events()]
    if (codec := client.data_converter.payload_codec) is not None:
        for event in events:
            if event.event_type == _COMPLETED and event.activity_task_completed_event_attributes.HasField("result"):
                await codec.decode_wrapper(event.activity_task_completed_event_attributes.result)
            if _is_exit(event):
                await codec.decode_wrapper(event.workflow_execution_signaled_event_attributes.input)
    return Run(tuple(_steps(events)), len(events), about.history_size_bytes)


async def length_of(client: Client, workflow_id: str) -> int:
    """Return the number of events in the current run's history."""
    return (await client.get_workflow_handle(workflow_id).describe()).history_length


def _steps(events: Sequence[HistoryEvent]) -> list[Step]:
    names = {
        event.event_id: event.activity_task_scheduled_event_attributes.activity_type.name
        for event in events
        if event.event_type == _SCHEDULED
    }
    return [
        _step(event, names) if event.event_type == _COMPLETED else Step(_name_in(event), _at(event), _signal_in(event))
        for event in events
        if event.event_type == _COMPLETED or _name_in(event) in {EXIT_MESSAGE, OFFER_MESSAGE}
    ]


def _is_exit(event: HistoryEvent) -> bool:
    return _name_in(event) == EXIT_MESSAGE


def _name_in(event: HistoryEvent) -> str:
    """Return the name of a signal; empty for another event."""
    return event.workflow_execution_signaled_event_attributes.signal_name


def _signal_in(event: HistoryEvent) -> Any:
    """Return why to sell; an offer holds nothing that is measured."""
    if not _is_exit(event):
        return None
    payloads = event.workflow_execution_signaled_event_attributes.input.payloads
    return json.loads(payloads[0].data)["signal"]


def _at(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(tzinfo=UTC)


def _step(event: HistoryEvent, names: dict[int, str]) -> Step:
    completed = event.activity_task_completed_event_attributes
    payloads = completed.result.payloads
    result = json.loads(payloads[0].data) if payloads and payloads[0].data else None
    return Step(names[completed.scheduled_event_id], _at(event), result)
