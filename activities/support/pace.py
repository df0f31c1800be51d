"""How long-running activities see time: the market's now, and pauses that hand over when the process shuts down."""

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.clock import MarketClock

_AT_ONCE: Final = timedelta(milliseconds=1)
_MOST_ATTEMPTS: Final = 10_000
"""More than one process ever runs at once."""
_LEAVES_WITHIN: Final = 12.0
"""Seconds after the gate in which an order request may still leave."""


class Pace(Protocol):
    """The injected clock of every activity."""

    @property
    def clock(self) -> MarketClock:
        """Return how market time follows from real time."""
        ...

    def now(self) -> datetime:
        """Return the market's instant (UTC)."""
        ...

    def waited(self) -> timedelta:
        """Return the real time since the running activity was first scheduled, earlier attempts included."""
        ...

    async def pause(self, real: timedelta, news: asyncio.Event | None = None) -> None:
        """Let real time pass, less if there is news; may end the attempt instead, to be continued by the next one."""
        ...


class RealPace:
    """Real time, seen through the market's clock."""

    def __init__(self, clock: MarketClock) -> None:
        self._clock = clock
        self._begun: OrderedDict[bytes, float] = OrderedDict()
        """When this process first saw each attempt, by its own stopwatch; the oldest are forgotten."""

    @property
    def clock(self) -> MarketClock:
        """Return how market time follows from real time."""
        return self._clock

    def now(self) -> datetime:
        """Return the market's instant (UTC)."""
        return self._clock.market_time(datetime.now(UTC))  # noqa: TID251 - this is the clock that is injected

    def waited(self) -> timedelta:
        """Return the real time since the running activity was first scheduled.

        What earlier attempts took is read on the server's clock alone, and what this one has taken on our stopwatch:
        two clocks that disagree would make a wait end before it began.
        """
        info = activity.info()
        before = max(info.started_time - info.scheduled_time, timedelta(0))
        return before + timedelta(seconds=self._stopwatch(info.task_token))

    def _stopwatch(self, attempt: bytes) -> float:
        now = asyncio.get_running_loop().time()
        begun = self._begun.setdefault(attempt, now)
        self._begun.move_to_end(attempt)
        if len(self._begun) > _MOST_ATTEMPTS:
            self._begun.popitem(last=False)
        return now - begun

    async def pause(self, real: timedelta, news: asyncio.Event | None = None) -> None:
        """Sleep until there is news; when the worker process drains, hand the activity over to another one at once.

        A duty of the host is no activity: it sleeps, and is cancelled when the process ends.
        """
        if not activity.in_activity():
            await asyncio.sleep(real.total_seconds())
            return
        await _first_of(real, news)


async def answer_or_news(answer: "asyncio.Future[Any]", news: asyncio.Event, at_most: timedelta) -> None:
    """Wait for an answer, but no longer than until there is news, or so long (real time); the answer may come later.

    When the worker process drains, hand the activity over to another one at once.
    """
    await _first_of(at_most, news, answer)


def note_failure(task: "asyncio.Task[Any]") -> None:
    """Take note of a failure that no caller is left to hear of; asyncio would log it as lost."""
    if not task.cancelled():
        task.exception()


async def _first_of(at_most: timedelta, news: asyncio.Event | None, *answers: "asyncio.Future[Any]") -> None:
    waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(activity.wait_for_worker_shutdown())]
    if news is not None:
        waits.append(asyncio.ensure_future(news.wait()))
    try:
        await asyncio.wait([*waits, *answers], timeout=at_most.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    if activity.is_worker_shutdown():
        raise to_be_continued("handed over on shutdown", _AT_ONCE)


class Every:
    """What an activity does again and again, at most once in an interval (real time), whatever wakes it between."""

    def __init__(self, pace: Pace, interval: timedelta, first_after: timedelta = timedelta(0)) -> None:
        self._pace = pace
        self._interval = interval
        self._due_at = first_after

    def is_due(self) -> bool:
        """Tell whether it is time, and count the interval from now if it is."""
        now = self._pace.waited()
        if now < self._due_at:
            return False
        self._due_at = now + self._interval
        return True


class SendWindow:
    """Open for a few seconds after the gate: a process that was frozen in between must not send when it wakes.

    Two clocks count, because one of them stands still while a machine sleeps and the other may be set.
    """

    def __init__(self) -> None:
        self._opened = _two_clocks()

    def is_open(self) -> bool:
        """Tell whether the request may leave now."""
        elapsed = (now - opened for now, opened in zip(_two_clocks(), self._opened, strict=True))
        return all(0 <= seconds < _LEAVES_WITHIN for seconds in elapsed)


def _two_clocks() -> tuple[float, float]:
    wall = datetime.now(UTC).timestamp()  # noqa: TID251 - a stopwatch, not a date
    return asyncio.get_running_loop().time(), wall


def to_be_continued(why: str, after: timedelta) -> ApplicationError:
    """Return the benign error that ends this attempt and lets the next one continue after a delay."""
    return ApplicationError(why, type="ToBeContinued", next_retry_delay=after, category=ApplicationErrorCategory.BENIGN)
