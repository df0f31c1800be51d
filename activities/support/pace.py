"""Time in long-running activities: market time, and pauses that hand over on process shutdown."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.clock import MarketClock

_AT_ONCE: Final = timedelta(milliseconds=1)
_MOST_ATTEMPTS: Final = 10_000
"""Far above the number of attempts that a process runs at once."""
_LEAVES_WITHIN: Final = 12.0
"""Seconds after the gate in which an order request may still be sent."""


class Pace(Protocol):
    """The injected clock of every activity."""

    @property
    def clock(self) -> MarketClock:
        """Return the conversion between real time and market time."""
        ...

    def now(self) -> datetime:
        """Return the current market time (UTC)."""
        ...

    def waited(self) -> timedelta:
        """Return the real time since the running activity was first scheduled, including earlier attempts."""
        ...

    async def pause(self, real: timedelta, news: asyncio.Event | None = None) -> None:
        """Wait for real time to pass, or for news; may end the attempt, which the next one continues."""
        ...


class RealPace:
    """Real time, converted by the market clock."""

    def __init__(self, clock: MarketClock) -> None:
        self._clock = clock
        self._begun: OrderedDict[bytes, float] = OrderedDict()
        """Monotonic time at which this process first saw each attempt; the oldest entries are dropped."""

    @property
    def clock(self) -> MarketClock:
        """Return the conversion between real time and market time."""
        return self._clock

    def now(self) -> datetime:
        """Return the current market time (UTC)."""
        return self._clock.market_time(datetime.now(UTC))  # noqa: TID251 - this is the clock that is injected

    def waited(self) -> timedelta:
        """Return the real time since the running activity was first scheduled.

        Earlier attempts are measured by the server's clock alone, this one by our monotonic clock: mixing two clocks
        that disagree could end a wait before it began.
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
        """Sleep until time or news; when the worker process drains, hand the activity over at once.

        A duty of the host is no activity: it sleeps, and is cancelled when the process ends.
        """
        if not activity.in_activity():
            await asyncio.sleep(real.total_seconds())
            return
        await _first_of(real, news)


async def answer_or_news(answer: "asyncio.Future[Any]", news: asyncio.Event, at_most: timedelta) -> None:
    """Wait for an answer, for news, or for ``at_most`` (real time); the answer may arrive later.

    When the worker process drains, hand the activity over to another one at once.
    """
    await _first_of(at_most, news, answer)


async def first_answer_or_news(
    answers: "Iterable[asyncio.Future[Any]]", news: asyncio.Event, at_most: timedelta
) -> None:
    """Do the same for the first of several answers."""
    await _first_of(at_most, news, *answers)


def note_failure(task: "asyncio.Task[Any]") -> None:
    """Retrieve a task's failure that no caller awaits; asyncio would log it as never retrieved."""
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
    """Limits repeated work to once per interval (real time), however often the activity wakes up."""

    def __init__(self, pace: Pace, interval: timedelta, first_after: timedelta = timedelta(0)) -> None:
        self._pace = pace
        self._interval = interval
        self._due_at = first_after

    def is_due(self) -> bool:
        """Return whether the work is due; if it is, start the next interval."""
        now = self._pace.waited()
        if now < self._due_at:
            return False
        self._due_at = now + self._interval
        return True


class SendWindow:
    """Limits sending to a few seconds after the gate: a process frozen in between must not send when it resumes.

    Two clocks count: one stops while a machine sleeps, and the other may be set.
    """

    def __init__(self) -> None:
        self._opened = _two_clocks()

    def is_open(self) -> bool:
        """Return whether the request may be sent now."""
        elapsed = (now - opened for now, opened in zip(_two_clocks(), self._opened, strict=True))
        return all(0 <= seconds < _LEAVES_WITHIN for seconds in elapsed)


def _two_clocks() -> tuple[float, float]:
    wall = datetime.now(UTC).timestamp()  # noqa: TID251 - a stopwatch, not a date
    return asyncio.get_running_loop().time(), wall


def to_be_continued(why: str, after: timedelta) -> ApplicationError:
    """Return the benign error that ends this attempt and lets the next one continue after a delay."""
    return ApplicationError(why, type="ToBeContinued", next_retry_delay=after, category=ApplicationErrorCategory.BENIGN)
