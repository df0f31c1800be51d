"""A Temporal server in a few lines: the real workflow code on a virtual clock, replayed from its history.

This module does the work of the SDK's core and a server, so that a day takes a fraction of a second and is
deterministic. Other tests cover the real server.
"""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

from temporalio.service import RPCError, RPCStatusCode

from lab.attempts import FAILURES, PAYLOADS, Again, Outcome, Payloads, Scheduled, Waiting
from lab.runs import Run, StuckError, played, value_of
from lab.temporal_parts import (
    ActivityResolution,
    WorkflowActivation,
    WorkflowActivationJob,
    WorkflowCommand,
    instance_of,
    object_of,
    on_its_own_loop,
    workflow_definition,
)

Attempt = Callable[[Scheduled, datetime], Awaitable[Outcome]]
Step = Callable[[], Awaitable[None]]
_MOST_EVENTS: Final = 20_000
_EVENTS_OF: Final = {"resolve_activity": 2}
"""Events per job of a run; an activity counts as started and as completed."""
_LONGEST_STEP: Final = 120.0
"""Real seconds that an attempt may act before it ends or lets virtual time pass."""
_MOST_RUNS: Final = 2_000
"""Per scenario; without it a workflow that continues as new endlessly would fill the memory."""


class Clockwork:
    """A server without a network. Workflows are found by id; a run that continues as new keeps the id."""

    def __init__(self, now: datetime, attempt: Attempt) -> None:
        self.now = now
        self.runs: dict[str, Run] = {}
        self.past: list[Run] = []
        self.longest_run = 10_000
        """Number of tasks in a run after which the server suggests continue-as-new."""
        self.longest_step = _LONGEST_STEP
        self.listener: Callable[[Scheduled, ActivityResolution, datetime], None] | None = None
        """Receives each finished activity."""
        self._attempt = attempt
        self._numbers = itertools.count(1)
        self._events: list[tuple[datetime, int, Step]] = []

    def start(self, run: Callable[..., Awaitable[Any]], argument: object, workflow_id: str) -> None:
        """Start a workflow by its run method."""
        self._open(workflow_definition(run), workflow_id, [PAYLOADS.to_payload(argument)])

    def signal(self, workflow_id: str, name: str, *arguments: object) -> None:
        """Send a signal to the running workflow.

        Raises:
            RPCError: it does not run.
        """
        run = self._running(workflow_id)
        job = WorkflowActivationJob()
        job.signal_workflow.signal_name = name
        job.signal_workflow.input.extend(PAYLOADS.to_payloads(list(arguments)))
        self._after(timedelta(0), lambda: self._deliver(run, job, name))

    async def update(self, workflow_id: str, name: str, *arguments: object, update_id: str) -> None:
        """Send an update to the running workflow; the answer is stored in the run."""
        run = self._running(workflow_id)
        job = WorkflowActivationJob()
        update = job.do_update
        update.id = update.protocol_instance_id = update_id
        update.name, update.run_validator = name, True
        update.input.extend(PAYLOADS.to_payloads(list(arguments)))
        await self._activate(run, job)

    def query(self, workflow_id: str, method: Callable[[Any], Any]) -> Any:
        """Query the workflow's object directly."""
        return method(object_of(self.runs[workflow_id].instance))

    def terminate(self, workflow_id: str) -> None:
        """Terminate a workflow."""
        self._end(self.runs[workflow_id])

    def at(self, instant: datetime, act: Callable[[], None]) -> None:
        """Schedule an event at an instant."""

        async def step() -> None:
            act()

        self._after(instant - self.now, step)

    async def until(self, is_done: Callable[[], bool], latest: datetime) -> None:
        """Advance time, event by event, until a condition holds or an instant is reached."""
        for _ in range(_MOST_EVENTS):
            if is_done():
                return
            if not self._events or self._events[0][0] > latest:
                self.now = latest
                return
            due, _, step = heapq.heappop(self._events)
            self.now = max(self.now, due)
            await step()
        raise StuckError(f"more than {_MOST_EVENTS} events; {sorted(self.runs)}")

    async def result(self, workflow_id: str, latest: datetime) -> Any:
        """Wait for the end of a workflow and return its result."""
        run = self.runs[workflow_id]
        await self.until(lambda: run.is_over, latest)
        if not run.is_over:
            raise StuckError(f"{workflow_id} has not ended by {latest}; it waits for {_waits_for(run)}")
        return run.result

    def replay(self) -> None:
        """Drop every workflow's memory and replay each from its history, as a new process does."""
        for run in self.runs.values():
            self._forget(run)
            run.instance = instance_of(run.defn, run.first, Payloads, FAILURES)
            for number, (activation, commands) in enumerate(run.history):
                again = WorkflowActivation()
                again.CopyFrom(activation)
                if number == 0:
                    again.jobs.extend(_has_patch(each) for each in run.patches)
                again.is_replaying = True
                if [each.SerializeToString() for each in played(run, again)] != commands:
                    raise StuckError(f"{run.workflow_id} does something else when it is replayed")

    def close(self) -> None:
        """Terminate everything."""
        for run in list(self.runs.values()):
            self._end(run)

    def _running(self, workflow_id: str) -> Run:
        if workflow_id not in self.runs:
            raise RPCError(f"{workflow_id} does not run", RPCStatusCode.NOT_FOUND, b"")
        return self.runs[workflow_id]

    def _after(self, pause: timedelta, step: Step) -> None:
        heapq.heappush(self._events, (self.now + max(pause, timedelta(0)), next(self._numbers), step))

    def _open(self, defn: Any, workflow_id: str, arguments: list[Any]) -> None:
        first = WorkflowActivation(run_id=f"{workflow_id}/run-{next(self._numbers)}")
        first.timestamp.FromDatetime(self.now)
        begin = first.jobs.add().initialize_workflow
        begin.workflow_id, begin.workflow_type, begin.randomness_seed, begin.attempt = workflow_id, defn.name, 7, 1
        begin.start_time.FromDatetime(self.now)
        begin.arguments.extend(arguments)
        run = Run(defn, workflow_id, first.run_id, first, instance_of(defn, first, Payloads, FAILURES))
        self.runs[workflow_id] = run
        self._after(timedelta(0), lambda: self._begin(run, first))

    async def _begin(self, run: Run, first: WorkflowActivation) -> None:
        """Let a run make its first step, whenever a worker can take it; its start time is unchanged."""
        first.timestamp.FromDatetime(self.now)
        await self._play(run, first)

    async def _deliver(self, run: Run, job: WorkflowActivationJob, name: str) -> None:
        """Deliver to the workflow's current run."""
        present = self.runs.get(run.workflow_id)
        if present is None:
            raise StuckError(f"{name} came too late for {run.workflow_id}")
        await self._activate(present, job)

    async def _activate(self, run: Run, job: WorkflowActivationJob) -> None:
        if run.is_over:
            return
        if not run.history:
            run.first.jobs.append(job)  # as on the server: jobs before the first step arrive with it
            return
        activation = WorkflowActivation(run_id=run.run_id, jobs=[job], history_length=3 * len(run.history))
        activation.continue_as_new_suggested = len(run.history) >= self.longest_run
        activation.timestamp.FromDatetime(self.now)
        await self._play(run, activation)

    async def _play(self, run: Run, activation: WorkflowActivation) -> None:
        if run.is_over:
            return
        commands = played(run, activation)
        run.history.append((activation, [each.SerializeToString() for each in commands]))
        run.events += (
            3 + len(commands) + sum(_EVENTS_OF.get(job.WhichOneof("variant") or "", 1) for job in activation.jobs)
        )
        for command in commands:
            self._obey(run, command)

    def _obey(self, run: Run, command: WorkflowCommand) -> None:
        match command.WhichOneof("variant"):
            case "schedule_activity":
                about = Scheduled(command.schedule_activity, run.workflow_id, run.run_id, self.now)
                run.activities[command.schedule_activity.seq] = about
                self._after(timedelta(0), lambda: self._try(run, about))
            case "request_cancel_activity":
                self._cancel(run, command.request_cancel_activity.seq)
            case "start_timer":
                self._start_timer(run, command.start_timer)
            case "cancel_timer":
                run.timers.discard(command.cancel_timer.seq)
            case "update_response":
                self._answer(run, command.update_response)
            case "upsert_workflow_search_attributes":
                pass
            case "set_patch_marker":
                run.patches.append(command.set_patch_marker.patch_id)
            case _:
                self._conclude(run, command)

    def _conclude(self, run: Run, command: WorkflowCommand) -> None:
        match command.WhichOneof("variant"):
            case "complete_workflow_execution":
                run.result = value_of(run, command.complete_workflow_execution.result)
                self._end(run)
            case "continue_as_new_workflow_execution":
                self._end(run)
                self._open(run.defn, run.workflow_id, list(command.continue_as_new_workflow_execution.arguments))
            case other:
                raise StuckError(f"{run.workflow_id}: {other} {command}")

    async def _try(self, run: Run, about: Scheduled) -> None:
        if run.is_over or about.command.seq not in run.activities:
            return
        await self._follow(run, about, await self._bounded(run, about, self._attempt(about, self.now)))

    async def _follow(self, run: Run, about: Scheduled, outcome: Outcome) -> None:
        match outcome:
            case Again(after):
                about.attempt += 1
                self._after(after, lambda: self._try(run, about))
            case Waiting(until):
                about.waiting = outcome
                self._after(until - self.now, lambda: self._go_on(run, about, outcome))
            case resolution:
                await self._resolve(run, about, resolution)

    async def _go_on(self, run: Run, about: Scheduled, waiting: Waiting) -> None:
        if about.waiting is not waiting:
            return
        about.waiting = None
        if run.is_over:
            await waiting.cancel()
        else:
            await self._follow(run, about, await self._bounded(run, about, waiting.go_on()))

    async def _bounded(self, run: Run, about: Scheduled, acts: Awaitable[Outcome]) -> Outcome:
        """Let an attempt act. Virtual time stands still meanwhile, so only real time can bound it."""
        limit = asyncio.timeout(self.longest_step)
        try:
            async with limit:
                return await acts
        except TimeoutError:
            if not limit.expired():
                raise
            raise StuckError(
                f"{about.name} (attempt {about.attempt}) of {run.workflow_id}, at {self.now:%Y-%m-%d %H:%M:%S%z}, "
                f"has neither ended nor let time pass within {self.longest_step:g} real seconds"
            ) from None

    def _cancel(self, run: Run, seq: int) -> None:
        """Cancel between two attempts, or while one waits: no attempt acts while a workflow acts."""
        about = run.activities.get(seq)
        if about is None:
            return

        async def step() -> None:
            waiting, about.waiting = about.waiting, None
            if waiting is not None:
                await waiting.cancel()
            await self._resolve(run, about, about.cancelled())

        self._after(timedelta(0), step)

    async def _resolve(self, run: Run, about: Scheduled, resolution: ActivityResolution) -> None:
        if run.activities.pop(about.command.seq, None) is not None:
            if self.listener is not None:
                self.listener(about, resolution, self.now)
            job = WorkflowActivationJob()
            job.resolve_activity.seq = about.command.seq
            job.resolve_activity.result.CopyFrom(resolution)
            await self._activate(run, job)

    def _start_timer(self, run: Run, timer: Any) -> None:
        async def fire() -> None:
            if timer.seq in run.timers:
                run.timers.discard(timer.seq)
                job = WorkflowActivationJob()
                job.fire_timer.seq = timer.seq
                await self._activate(run, job)

        run.timers.add(timer.seq)
        self._after(timer.start_to_fire_timeout.ToTimedelta(), fire)

    def _answer(self, run: Run, response: Any) -> None:
        kind = response.WhichOneof("response")
        if kind != "accepted":
            answer = response.rejected if kind == "rejected" else response.completed
            run.answers[response.protocol_instance_id] = (kind, answer)

    def _end(self, run: Run) -> None:
        run.is_over = True
        self.runs.pop(run.workflow_id, None)
        self.past.append(run)
        self._forget(run)
        run.history.clear()
        if len(self.past) > _MOST_RUNS:
            raise StuckError(f"{run.workflow_id} continues as new without end")

    def _forget(self, run: Run) -> None:
        farewell = WorkflowActivation(run_id=run.run_id)
        farewell.jobs.add().remove_from_cache.SetInParent()
        on_its_own_loop(lambda: run.instance.activate(farewell))


def _has_patch(patch_id: str) -> WorkflowActivationJob:
    job = WorkflowActivationJob()
    job.notify_has_patch.patch_id = patch_id
    return job


def _waits_for(run: Run) -> list[str]:
    return [f"{each.name} (attempt {each.attempt})" for each in run.activities.values()]
