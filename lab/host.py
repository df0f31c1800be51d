"""The process of a backtest: it makes the attempts of all activities, one at a time."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from activities.settling import CloseRequest
from database.positions import Positions
from domain.identity import AccountId
from domain.position import OpenPosition
from lab.attempts import Act, Outcome, Scheduled, Waiting, attempt, sent_by_watch
from lab.moments import DayMoments
from lab.pace import RUNNING, Waiter
from lab.temporal_parts import activity_name
from runtime.composition import Collaborators, queues_for

_RELEASES: Final = frozenset({"close_position", "abandon_entry"})
_WAIT_INSIDE: Final = frozenset({"begin_watch", "find_candidates"})


def activities_of(account_id: AccountId, collaborators: Collaborators) -> dict[str, Act]:
    """Return the activities that the real composition builds on collaborators, by name."""
    found = {activity_name(each): each for queue in queues_for(account_id, collaborators) for each in queue.activities}
    # The watch of one position decides by the same rules as the watch of a shard. In the lab it answers the worker's
    # wish itself, so that each position has moments of its own and no other position's delay them.
    return found | {"begin_watch": found["watch_position"]}


class SignalClient:
    """The part of Temporal's client that an activity uses: a handle that takes signals."""

    def __init__(self, signal: Callable[..., None]) -> None:
        self._signal = signal

    def get_workflow_handle(self, workflow_id: str) -> "SignalHandle":
        """Return the handle of a workflow."""
        return SignalHandle(self._signal, workflow_id)


class SignalHandle:
    """Sends signals to one workflow of the clockwork."""

    def __init__(self, signal: Callable[..., None], workflow_id: str) -> None:
        self._signal = signal
        self._workflow_id = workflow_id

    async def signal(self, name: str, argument: object, **_: object) -> None:
        """Send a signal."""
        self._signal(self._workflow_id, name, argument)


class LabHost:
    """Makes attempts. A scan or a watch waits inside its attempt; nothing else acts meanwhile."""

    def __init__(
        self, activities: Mapping[str, Act], client: SignalClient, moments: DayMoments, positions: Positions
    ) -> None:
        self._activities = activities
        self._moments = moments
        self._positions = positions
        self._client: Any = client
        self._waiting: set[asyncio.Task[Outcome]] = set()
        self.submits: list[str] = []
        """Intents that the sender received, one entry per attempt."""
        self.attempts = 0

    async def attempt(self, about: Scheduled, now: datetime) -> Outcome:
        """Make one attempt; return its outcome, or that it waits inside."""
        self.attempts += 1
        if about.name not in _WAIT_INSIDE:
            outcome = await attempt(about, self._activities[about.name], now, self._client)
            if about.name == "submit_order":
                self.submits.append(str(about.arguments[0].intent_id))
            if about.name in _RELEASES:
                self._rest(about.arguments[0], now)
            return outcome
        if about.name == "find_candidates":
            return await self._scan(about, now)
        return await self._begin(about, now, Waiter(about, await self._held(about)))

    async def _inside(self, about: Scheduled, now: datetime, waiter: Waiter) -> Outcome:
        RUNNING.set(waiter)
        outcome = await attempt(about, self._activities[about.name], now, self._client)
        self.submits.extend(sent_by_watch(about, outcome))
        return outcome

    async def _scan(self, about: Scheduled, now: datetime) -> Outcome:
        """Begin a scan at the first instant at which it can find something."""
        (request,) = about.decoded(self._activities[about.name])
        moment = self._moments.next_scan(now, request.plan.entries_until)
        if moment.looks and moment.at <= now:
            return await self._begin(about, now, Waiter(about))

        async def again() -> Outcome:
            return await self._scan(about, max(now, moment.at))

        async def nothing() -> None:
            """Nothing has begun."""

        return Waiting(moment.at, again, nothing)

    async def _held(self, about: Scheduled) -> OpenPosition | None:
        (request,) = about.decoded(self._activities[about.name])
        return await self._positions.get(request.position_id)

    async def _begin(self, about: Scheduled, now: datetime, waiter: Waiter) -> Outcome:
        task = asyncio.create_task(self._inside(about, now, waiter))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        return await _until_it_waits(task, waiter)

    def _rest(self, request: CloseRequest, now: datetime) -> None:
        if request.lease is not None:
            self._moments.rest(request.lease.symbol, now + request.symbol_cooldown)

    async def aclose(self) -> None:
        """Cancel the attempts that still wait."""
        left = list(self._waiting)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _until_it_waits(task: "asyncio.Task[Outcome]", waiter: Waiter) -> Outcome:
    waits = asyncio.ensure_future(waiter.waits.wait())
    await asyncio.wait((task, waits), return_when=asyncio.FIRST_COMPLETED)
    waits.cancel()
    if task.done():
        return task.result()

    async def go_on() -> Outcome:
        waiter.go_on()
        return await _until_it_waits(task, waiter)

    async def cancel() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return Waiting(waiter.until, go_on, cancel)
