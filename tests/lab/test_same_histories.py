"""One small day on a real Temporal server and in the lab: the same commands, the same activities, the same results.

The lab drives the SDK's workflow instance by itself. A new SDK, or a server, that behaves differently fails here.
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

import activities.joined
from domain.clock import MarketClock
from domain.rules import UniverseRules
from domain.worker_state import WorkerLife
from lab.clockwork import Clockwork
from lab.runs import Run
from lab.temporal_parts import WorkflowActivation, WorkflowCommand
from tests.support.stepping import ACCOUNT, RULES, SYMBOLS, FollowingTransport, SteppingPace, a_simulation, kst, stage
from tests.trials.clockwork.town import Town, a_town
from workflows import options
from workflows.close_outcome import MarketCloseRequest
from workflows.identity import worker_name, worker_workflow_id
from workflows.market_close import MarketCloseWorkflow
from workflows.trading_worker import TradingWorkerWorkflow

BEGINS: Final = "2026-11-23 14:20"
CLOSES: Final = "2026-11-23 15:15:30"
ENDED: Final = "2026-11-23 15:40"
STOCK: Final = SYMBOLS[3]
ONE_STOCK: Final = replace(RULES, universe=UniverseRules(ranking_size=0, symbols=(STOCK,)))
"""Its price is forced, so that the milliseconds that a server needs change no price."""
WORKER: Final = worker_workflow_id(ACCOUNT, worker_name(1))
CLOSE: Final = "market-close"

Line = tuple[str, ...]
CANCELLED: Final = "no result"
"""A cancelled activity answers when its next heartbeat reaches the server, so its place differs."""
_BARE: Final = {
    EventType.EVENT_TYPE_TIMER_STARTED: "timer",
    EventType.EVENT_TYPE_TIMER_FIRED: "fired",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "continued",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "completed",
}


_HEARTBEATS: Final[tuple[dict[str, Any], ...]] = tuple(
    each for each in vars(options).values() if isinstance(each, dict) and "heartbeat_timeout" in each
)
"""Options of activities whose next attempt starts when a process is too slow for its heartbeats."""
_LONG: Final = timedelta(hours=1)


class Keeping(Clockwork):
    """A clockwork that keeps the histories of ended runs."""

    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        self.kept: list[tuple[str, list[Line]]] = []

    def _end(self, run: Run) -> None:
        self.kept.append((run.workflow_id, list(_played(run))))
        super()._end(run)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no attempt time out: its successor on a slow machine rightly answers otherwise than one straight attempt."""
    for each in _HEARTBEATS:
        monkeypatch.setitem(each, "heartbeat_timeout", _LONG)
    monkeypatch.setattr(activities.joined, "_WATCHED_WITHIN", _LONG)


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    async with a_town(database_url) as town:
        yield town


async def test_the_lab_and_a_server_play_the_same_day(
    time_skipping_env: WorkflowEnvironment, database_url: str, second_database_url: str
) -> None:
    served = await _on_the_server(time_skipping_env, database_url)
    async with a_town(second_database_url) as town:
        played = await _in_the_lab(town)

    assert [line for line in served[WORKER] if line[0] == "activity"], "the worker has traded"
    for workflow_id in (WORKER, CLOSE):
        ours, theirs = _plain(played[workflow_id]), _plain(served[workflow_id])
        assert [line for line in ours if line[0] != CANCELLED] == [line for line in theirs if line[0] != CANCELLED]
        assert sorted(ours) == sorted(theirs)


async def _on_the_server(env: WorkflowEnvironment, database_url: str) -> dict[str, list[Line]]:
    async with stage(env, database_url, BEGINS) as floor:
        _break_out(floor.simulation)
        worker = await floor.start_worker(rules=ONE_STOCK)
        await floor.reaches(CLOSES)
        close = await floor.start_close()
        await close.result()
        await floor.reaches(ENDED)
        clock = floor.clock
        return {WORKER: await _told_of(env, worker, clock), CLOSE: await _told_of(env, close, clock)}


async def _in_the_lab(town: Town) -> dict[str, list[Line]]:
    await town.clear()
    simulation, begins = a_simulation(BEGINS), kst(BEGINS)
    clock = MarketClock(begins, begins)
    pace = SteppingPace(clock)
    host = town.host_on(FollowingTransport(simulation, pace.now), pace)
    clockwork = host.clockwork = Keeping(begins, host.attempt)
    _break_out(simulation)
    clockwork.start(TradingWorkerWorkflow.run, WorkerLife(ACCOUNT, worker_name(1), ONE_STOCK, clock), WORKER)
    await clockwork.until(lambda: False, kst(CLOSES))
    clockwork.start(MarketCloseWorkflow.run, MarketCloseRequest(ACCOUNT, clock, RULES), CLOSE)
    await clockwork.until(lambda: False, kst(ENDED))
    clockwork.close()
    return {
        name: [line for kept, lines in clockwork.kept if kept == name for line in lines] for name in (WORKER, CLOSE)
    }


def _break_out(simulation: Any) -> None:
    seen = simulation.exchange.snapshot(STOCK, simulation.market_now())
    before = simulation.exchange.previous_day(STOCK, seen.session)
    target = seen.totals.open_price + (before.high_price - before.low_price) * 0.5
    simulation.force_price(STOCK, round(target * 1.004))


def _played(run: Run) -> Iterator[Line]:
    """Yield what a run of the lab commanded, and the results that it received."""
    names: dict[int, str] = {}
    for activation, commands in run.history:
        yield from _received(activation, names)
        for raw in commands:
            command = WorkflowCommand.FromString(raw)
            kind = command.WhichOneof("variant")
            if kind == "schedule_activity":
                scheduled = command.schedule_activity
                names[scheduled.seq] = scheduled.activity_type
                yield "activity", scheduled.activity_type, *(each.data.decode() for each in scheduled.arguments)
            elif kind == "start_timer":
                yield ("timer",)
            elif kind == "continue_as_new_workflow_execution":
                yield ("continued",)
            elif kind == "complete_workflow_execution":
                yield ("completed",)


def _received(activation: WorkflowActivation, names: dict[int, str]) -> Iterator[Line]:
    for job in activation.jobs:
        if job.WhichOneof("variant") == "resolve_activity":
            result = job.resolve_activity.result
            if result.HasField("completed"):
                yield "result", names[job.resolve_activity.seq], result.completed.result.data.decode()
            else:
                yield CANCELLED, names[job.resolve_activity.seq]
        elif job.WhichOneof("variant") == "fire_timer":
            yield ("fired",)


async def _told_of(env: WorkflowEnvironment, handle: WorkflowHandle[Any, Any], clock: MarketClock) -> list[Line]:
    """Return the same from the histories of a workflow's runs on the server, first run first.

    Later events are left out: the server's time runs ahead by hours until the client has read the close's result.
    """
    found: list[list[Line]] = []
    run_id: str | None = handle.first_execution_run_id or handle.result_run_id
    while run_id:
        history = await env.client.get_workflow_handle(handle.id, run_id=run_id).fetch_history()
        seen = [event for event in history.events if clock.market_time(_at(event)) <= kst(ENDED)]
        found.append(list(_told(seen)))
        last = history.events[-1]
        run_id = last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id or None
    return [line for lines in found for line in lines]


def _at(event: Any) -> datetime:
    instant: datetime = event.event_time.ToDatetime(UTC)
    return instant


def _told(events: Any) -> Iterator[Line]:
    names: dict[int, str] = {}
    for event in events:
        match event.event_type:
            case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                about = event.activity_task_scheduled_event_attributes
                names[event.event_id] = about.activity_type.name
                yield "activity", about.activity_type.name, *(each.data.decode() for each in about.input.payloads)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                done = event.activity_task_completed_event_attributes
                yield (
                    "result",
                    names[done.scheduled_event_id],
                    *(each.data.decode() for each in done.result.payloads),
                )
            case EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
                yield CANCELLED, names[event.activity_task_canceled_event_attributes.scheduled_event_id]
            case other if other in _BARE:
                yield (_BARE[other],)


def _plain(lines: list[Line]) -> list[Line]:
    """Return the lines without run ids and without instants, which differ by what a server needs to answer."""
    return [tuple(_without_ids(part) for part in line) for line in lines]


def _without_ids(text: str) -> str:
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[\w/-]+/run-\d+|close-[0-9a-f]{32}", "ID", text)
    text = re.sub(r'"(\w*seconds|time_in_market)":[^,}]*', r'"\1":"LASTS"', text)
    # The market watch writes prices once a second of real time. On the server the whole day passes in less.
    text = re.sub(r'"(\w*adverse|\w*favourable)":[^,}]*', r'"\1":"SEEN"', text)
    return re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)", "AT", text)
