"""Processes on one machine, one after the other: after a death the next one continues with the same two books."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from temporalio.exceptions import ApplicationError

from activities.watch.messages import WatchEnd
from lab.attempts import Act, Again, Scheduled, attempt, judged, sent_by_watch
from lab.clockwork import Clockwork
from lab.temporal_parts import ActivityResolution, activity_name
from runtime.composition import Collaborators, queues_for
from tests.support.stepping import ACCOUNT
from tests.trials.clockwork.mortal import Life, ProcessDiedError
from workflows.market_watch import MarketWatchWorkflow

Activities = Mapping[str, Act]
_BUYS: Final = "enter_position: before POST order-cash"
_GONE: Final = "the process died"
_STARTED: Final = {"MarketWatchWorkflow": MarketWatchWorkflow.run}
"""Workflows that an activity starts."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process instance: its life, and its own activities on its own collaborators."""

    life: Life
    activities: Activities


@dataclass
class Host:
    """Passes each attempt to the running process; an attempt of a dead process fails as by a time-out."""

    start: Callable[[Life], Process]
    ends_at: int | str = 0
    submits: list[str] = field(default_factory=list)
    """Intents that the sender received, one entry per attempt."""
    attempts: list[str] = field(default_factory=list)
    """Attempted activities, by name."""

    def __post_init__(self) -> None:
        self.clockwork: Clockwork | None = None
        self.processes = [self.start(Life(self.ends_at))]

    async def attempt(self, about: Scheduled, now: datetime) -> ActivityResolution | Again:
        """Let the running process make an attempt."""
        process = self._living()
        self.attempts.append(about.name)
        act, crossed = process.activities[about.name], len(process.life.crossings)
        try:
            outcome = await attempt(about, act, now, _Client(self.clockwork, self._note_sent))
        except ProcessDiedError:
            outcome = Again(now - now)
        if about.name == "submit_order":
            self.submits.append(str(about.decoded(act)[0].intent_id))
        if about.name == "enter_position":
            posts = process.life.crossings[crossed:].count(_BUYS)
            self.submits.extend([str(about.decoded(act)[0].entry.intent_id)] * posts)
        if process.life.is_over:
            return judged(about, ApplicationError(_GONE))
        self.submits.extend(sent_by_watch(about, outcome))
        return outcome

    def _note_sent(self, end: object) -> None:
        """Note the order that the market watch has sent; a signal may be repeated."""
        sent = end.signal.sent if isinstance(end, WatchEnd) and end.signal is not None else None
        if sent is not None and sent.intent_id not in self.submits:
            self.submits.append(sent.intent_id)

    def _living(self) -> Process:
        if self.processes[-1].life.is_over:
            self.processes.append(self.start(Life()))
            if self.clockwork is not None:
                self.clockwork.replay()
        return self.processes[-1]


class _Client:
    """The part of Temporal's client that an activity uses: it starts workflows, and its handles take signals."""

    def __init__(self, clockwork: Clockwork | None, note: Callable[[object], None]) -> None:
        self._clockwork = clockwork
        self._note = note

    def get_workflow_handle(self, workflow_id: str) -> "_Handle":
        return _Handle(self._clockwork, workflow_id, self._note)

    async def start_workflow(self, name: str, argument: object, *, id: str, **_: object) -> "_Handle":
        assert self._clockwork is not None
        if id not in self._clockwork.runs:
            self._clockwork.start(_STARTED[name], argument, id)
        return _Handle(self._clockwork, id, self._note)


class _Handle:
    def __init__(self, clockwork: Clockwork | None, workflow_id: str, note: Callable[[object], None]) -> None:
        self._clockwork = clockwork
        self._workflow_id = workflow_id
        self._note = note

    async def signal(self, name: str, argument: object, **_: object) -> None:
        assert self._clockwork is not None
        self._clockwork.signal(self._workflow_id, name, argument)
        self._note(argument)


def activities_of(collaborators: Collaborators) -> Activities:
    """Return the activities that the real composition builds on collaborators, by name."""
    return {activity_name(each): each for queue in queues_for(ACCOUNT, collaborators) for each in queue.activities}
