"""Evidence from a session's workflow histories: orders passed to the sender, watches, and accepted commands to sell."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import Client

from activities.watch.messages import EXIT_MESSAGE
from domain.identity import AccountId, IntentId, PositionId, WorkerId
from domain.market import Symbol
from security.sealing.marks import is_refused
from security.sealing.seals import HEADER
from verifier.books import Histories, SaleCommand, Submit, Watch
from workflows.identity import close_workflow_id, is_close_of, task_queues
from workflows.market_close import MarketCloseWorkflow
from workflows.trading_worker import TradingWorkerWorkflow

_SUBMIT: Final = "submit_order"
_ENTER: Final = "enter_position"
"""Prepares a buy, sends it, and begins the watch of what it bought."""
_WATCH: Final = "watch_position"
"""The watch of an earlier version: an activity that lasts as long as the watch."""
_WISH: Final = "begin_watch"
"""Begins a watch by the market watch, until its signal, or until the worker decides to sell by itself."""
_SALE: Final = "prepare_exit"
_UNSENT: Final = "intended"
_SELLING_COMMANDS: Final = frozenset({"liquidate", "stop", "liquidate_for_close"})
_ENDS_BY_SIGNAL: Final = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
_ENDS: Final = frozenset(
    {
        EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
        EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED,
    }
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a workflow: its worker (None for the market close) and its events."""

    workflow_id: str
    worker_id: WorkerId | None
    events: Sequence[HistoryEvent]


async def read_histories(
    client: Client, workers: dict[str, WorkerId], account_id: AccountId, span: tuple[datetime, datetime]
) -> Histories:
    """Read what the workers' workflows and the market close did between two real instants; skip foreign ones.

    ``workers`` are those of the ledger, by workflow id.
    """
    since, until = span
    return histories_of(await read_runs(client, workers, account_id, since)).between(since, until)


async def read_runs(
    client: Client, workers: Mapping[str, WorkerId], account_id: AccountId, since: datetime
) -> list[Run]:
    """Read the runs of the workers and of the market close that were open at a real instant, or began later."""
    queue = f"TaskQueue = '{task_queues(account_id).trading}'"
    of_workers = f"WorkflowType = '{TradingWorkerWorkflow.__name__}' AND {queue}"
    of_closes = f"WorkflowType = '{MarketCloseWorkflow.__name__}' AND {queue}"
    whose: list[tuple[str, WorkerId | None]] = [
        (f"WorkflowId = '{each}' AND {of_workers}", name) for each, name in workers.items()
    ]
    whose.append((f"WorkflowId STARTS_WITH '{close_workflow_id(account_id)}' AND {of_closes}", None))
    runs = [run for query, name in whose for run in await _fetched(client, query, name, since)]
    return [run for run in runs if run.worker_id is not None or is_close_of(run.workflow_id, account_id)]


async def _fetched(client: Client, query: str, worker_id: WorkerId | None, since: datetime) -> list[Run]:
    runs, token = [], b""
    while True:
        request = ListWorkflowExecutionsRequest(namespace=client.namespace, query=query, next_page_token=token)
        page = await client.workflow_service.list_workflow_executions(request, retry=True)
        for each in page.executions:
            if not each.HasField("close_time") or each.close_time.ToDatetime(tzinfo=UTC) >= since:
                handle = client.get_workflow_handle(each.execution.workflow_id, run_id=each.execution.run_id)
                events = await _authentic(client, [event async for event in handle.fetch_history_events()])
                runs.extend([Run(each.execution.workflow_id, worker_id, events)] if events else [])
        token = page.next_page_token
        if not token:
            return runs


def histories_of(runs: Iterable[Run]) -> Histories:
    """Convert runs into the verifier's records."""
    story = _Story()
    for run in runs:
        story.add(run)
    lists = (tuple(story.submits), tuple(story.watches), tuple(story.commands))
    return Histories(*lists, story.runs, tuple(dict.fromkeys(story.unreadable)))


@dataclass(slots=True)
class _Story:
    submits: list[Submit] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)
    commands: list[SaleCommand] = field(default_factory=list)
    wishes: dict[PositionId, Watch] = field(default_factory=dict)
    """Watches of the run that the market watch keeps."""
    wish_events: dict[int, PositionId] = field(default_factory=dict)
    entries: dict[int, Submit] = field(default_factory=dict)
    """Buys of the run that may have been sent."""
    sent: set[str] = field(default_factory=set)
    runs: int = 0
    unreadable: list[str] = field(default_factory=list)
    """Ids of workflows with an activity whose input is unreadable, such as one that another program started."""

    def add(self, run: Run) -> None:
        """Read one run from its first event to its last."""
        self.runs += 1
        open_watches: dict[int, Watch] = {}
        open_submits: dict[int, Submit] = {}
        self.wishes, self.wish_events, self.entries = {}, {}, {}
        for event in run.events:
            if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                try:
                    self._schedule(run, event, open_watches, open_submits)
                except (ValueError, LookupError):
                    self.unreadable.append(run.workflow_id)
            elif event.event_type in _ENDS:
                self._end(run, event, open_watches, open_submits)
            elif run.worker_id is not None and _command_in(event) == EXIT_MESSAGE:
                self._signalled(run, event)
            elif run.worker_id is not None and (command := _command_in(event)) in _SELLING_COMMANDS:
                self.commands.append(SaleCommand(run.worker_id, str(command), _at(event)))
        self.watches.extend([*open_watches.values(), *self.wishes.values()])
        self.submits.extend(open_submits.values())

    def _schedule(
        self, run: Run, event: HistoryEvent, open_watches: dict[int, Watch], open_submits: dict[int, Submit]
    ) -> None:
        scheduled = event.activity_task_scheduled_event_attributes
        name = scheduled.activity_type.name
        if name == _SUBMIT:
            request = _first(scheduled.input)
            open_submits[event.event_id] = Submit(IntentId(request["intent_id"]), run.workflow_id, _at(event))
        if name == _ENTER:
            intent = IntentId(_first(scheduled.input)["entry"]["intent_id"])
            self.entries[event.event_id] = Submit(intent, run.workflow_id, _at(event))
        if name == _WATCH:
            request = _first(scheduled.input)
            about = PositionId(request["position_id"]), Symbol(request["symbol"])
            open_watches[event.event_id] = Watch(*about, since=_at(event))
        if name == _WISH:
            request = _first(scheduled.input)
            about = PositionId(request["position_id"]), Symbol(request["symbol"])
            self.wishes.setdefault(about[0], Watch(*about, since=_at(event)))
            self.wish_events[event.event_id] = about[0]
        if name == _SALE and self.wishes:
            self._over(PositionId(_first(scheduled.input)["position_id"]), _at(event), signalled=False)

    def _signalled(self, run: Run, event: HistoryEvent) -> None:
        """End a watch by the signal; one without a reason to sell says that another holder has the lease."""
        try:
            end = _first(event.workflow_execution_signaled_event_attributes.input)
        except (ValueError, LookupError):
            end = {}
        signal = end.get("signal")
        if "position_id" in end:
            self._over(PositionId(end["position_id"]), _at(event), signalled=signal is not None)
        if isinstance(signal, dict):
            self._add_sent(run, event, signal)

    def _over(self, position_id: PositionId, at: datetime, *, signalled: bool) -> None:
        watch = self.wishes.pop(position_id, None)
        if watch is not None:
            self.watches.append(replace(watch, until=at, signalled=signalled))

    def _end(
        self, run: Run, event: HistoryEvent, open_watches: dict[int, Watch], open_submits: dict[int, Submit]
    ) -> None:
        submit = open_submits.pop(_scheduled_id(event), None)
        if submit is not None:
            self.submits.append(replace(submit, accepted=_accepted_as(event)))
        entry = self.entries.pop(_scheduled_id(event), None)
        if entry is not None:
            self._entered(run, event, entry)
        watch = open_watches.pop(_scheduled_id(event), None)
        if watch is not None:
            signalled = event.event_type == _ENDS_BY_SIGNAL
            self.watches.append(replace(watch, until=_at(event), signalled=signalled))
            self._add_first_exit(run, event)
        position_id = self.wish_events.pop(_scheduled_id(event), None)
        if position_id is not None and _has_answer(event):
            self._over(position_id, _at(event), signalled=True)
            self._add_first_exit(run, event)

    def _entered(self, run: Run, event: HistoryEvent, entry: Submit) -> None:
        """Add a buy whose answer shows that it was sent, and the watch that began with it."""
        answer = _answer_of(event) or {}
        order, watched = answer.get("order"), answer.get("watched")
        if isinstance(order, dict) and order.get("status") != _UNSENT:
            self.submits.append(replace(entry, accepted=_number_in(order)))
        if isinstance(watched, dict):
            self.submits.append(entry)
            held, due = watched["held"], watched.get("due")
            about = PositionId(held["position_id"]), Symbol(held["symbol"])
            self.wishes.setdefault(about[0], Watch(*about, since=_at(event)))
            if due is not None:
                self._over(about[0], _at(event), signalled=True)
                self._add_sent(run, event, due)

    def _add_first_exit(self, run: Run, event: HistoryEvent) -> None:
        """Add the order that a watch has sent by itself."""
        if event.event_type != _ENDS_BY_SIGNAL:
            return
        try:
            found = _first(event.activity_task_completed_event_attributes.result)
        except (ValueError, LookupError):
            return
        self._add_sent(run, event, found)

    def _add_sent(self, run: Run, event: HistoryEvent, signal: dict[str, Any]) -> None:
        """Add the order of a signal, once: a signal may be repeated."""
        sent = signal.get("sent")
        if isinstance(sent, dict) and "intent_id" in sent and str(sent["intent_id"]) not in self.sent:
            self.sent.add(str(sent["intent_id"]))
            self.submits.append(Submit(IntentId(str(sent["intent_id"])), run.workflow_id, _at(event)))


def _has_answer(event: HistoryEvent) -> bool:
    """Return whether a wish was answered at once: the position was due already."""
    if event.event_type != EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
        return False
    try:
        return bool(_first(event.activity_task_completed_event_attributes.result))
    except (ValueError, LookupError):
        return False


def _scheduled_id(event: HistoryEvent) -> int:
    match event.event_type:
        case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            return event.activity_task_completed_event_attributes.scheduled_event_id
        case EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED:
            return event.activity_task_failed_event_attributes.scheduled_event_id
        case EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
            return event.activity_task_timed_out_event_attributes.scheduled_event_id
        case _:
            return event.activity_task_canceled_event_attributes.scheduled_event_id


async def _authentic(client: Client, events: Sequence[HistoryEvent]) -> list[HistoryEvent]:
    """Return a run's events with decrypted payloads; none of a foreign run, and no foreign signals."""
    codec = client.data_converter.payload_codec
    if codec is None:
        return list(events)
    for event in events:
        for payloads in _payloads_of(event):
            if payloads.payloads:
                await codec.decode_wrapper(payloads)
    if any(_is_refused(event.workflow_execution_started_event_attributes.input) for event in events):
        return []
    return [event for event in events if not _is_strange_signal(event)]


def _payloads_of(event: HistoryEvent) -> tuple[Payloads, ...]:
    return (
        event.workflow_execution_started_event_attributes.input,
        event.workflow_execution_signaled_event_attributes.input,
        event.activity_task_scheduled_event_attributes.input,
        event.activity_task_completed_event_attributes.result,
    )


def _is_strange_signal(event: HistoryEvent) -> bool:
    signal = event.workflow_execution_signaled_event_attributes
    return bool(signal.signal_name) and (HEADER not in signal.header.fields or _is_refused(signal.input))


def _is_refused(payloads: Payloads) -> bool:
    return any(is_refused(payload) for payload in payloads.payloads)


def _accepted_as(event: HistoryEvent) -> str:
    """Return the broker's number in the result of a sent order; empty if it was not accepted."""
    return _number_in(_answer_of(event) or {})


def _answer_of(event: HistoryEvent) -> dict[str, Any] | None:
    """Return the result of an activity; None if it has none that can be read."""
    if event.event_type != EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
        return None
    try:
        return _first(event.activity_task_completed_event_attributes.result)
    except (ValueError, LookupError):
        return None


def _number_in(order: Mapping[str, Any]) -> str:
    ref = order.get("ref")
    return str(ref.get("number", "")) if isinstance(ref, dict) else ""


def _command_in(event: HistoryEvent) -> str | None:
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
        accepted = event.workflow_execution_update_accepted_event_attributes
        return accepted.accepted_request.input.name
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
        return event.workflow_execution_signaled_event_attributes.signal_name
    return None


def _first(payloads: Payloads) -> dict[str, Any]:
    if _is_refused(payloads):
        return {}
    value = json.loads(payloads.payloads[0].data)
    return value if isinstance(value, dict) else {}


def _at(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(tzinfo=UTC)
