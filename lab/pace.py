"""Time in a backtest: it stands still while an activity acts, and jumps to the next moment that can matter."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Final

from temporalio import activity

from activities.account.comparing import BETWEEN_READS as BETWEEN_COMPARISONS
from activities.account.foreign_sales import BETWEEN_READS
from activities.support.pace import to_be_continued
from domain.clock import MarketClock
from domain.money import Price
from domain.position import OpenPosition
from lab.attempts import Scheduled
from lab.moments import DayMoments

_NEVER_HANDED_OVER: Final = frozenset({"compare_statement", "prove_flat", "reconcile_account"})
"""They compare several reads of one attempt, so they must not be split across attempts."""
_MAY_READ_TWICE: Final = frozenset({"begin_watch", "find_candidates", "prepare_exit"})
"""They read again at times, to confirm a holding that looks too small."""
_BETWEEN_READS: Final = timedelta(seconds=2)
"""Market time between two looks at the ledger by the close."""
_BETWEEN_LOOKS: Final = timedelta(seconds=1)
"""Market time between the first looks at an order; later ones follow with growing delays."""
_MOST_DELAY: Final = 5


class Waiter:
    """One attempt of a long activity that waits inside it, so that the next look costs no new attempt."""

    def __init__(self, about: Scheduled, position: OpenPosition | None = None) -> None:
        self.about = about
        self.position = position
        """The position that a watch holds; None for a scan."""
        self.until = about.scheduled_at
        self.waits = asyncio.Event()
        self._go_on = asyncio.Event()

    async def wait(self, until: datetime) -> None:
        """Wait in the activity until the virtual clock lets it go on."""
        self.until = until
        self._go_on.clear()
        self.waits.set()
        await self._go_on.wait()

    def go_on(self) -> None:
        """Let the activity go on."""
        self.waits.clear()
        self._go_on.set()


_SOON: Final = timedelta(milliseconds=1)
RUNNING: Final[ContextVar[Waiter | None]] = ContextVar("RUNNING", default=None)
"""The attempt whose code runs, if it may wait inside."""


class LabPace:
    """The clock of every activity of a backtest."""

    def __init__(self, clock: MarketClock, now: Callable[[], datetime], moments: DayMoments) -> None:
        self._clock = clock
        self._now = now
        self._moments = moments

    @property
    def clock(self) -> MarketClock:
        """Return the mapping from the virtual server's time to market time: the same."""
        return self._clock

    def now(self) -> datetime:
        """Return the market time (UTC)."""
        return self._now()

    def waited(self) -> timedelta:
        """Return the virtual time since the running activity was first scheduled."""
        return self._now() - activity.info().scheduled_time

    async def pause(self, real: timedelta, news: asyncio.Event | None = None) -> None:  # noqa: ARG002 - no stream rings
        """Let virtual time pass: inside a scan or a watch, else by ending the attempt."""
        name = activity.info().activity_type
        if name in _NEVER_HANDED_OVER or (
            name in _MAY_READ_TWICE and any(real is each for each in (BETWEEN_READS, BETWEEN_COMPARISONS))
        ):
            return
        waiter = RUNNING.get()
        if waiter is None:
            raise to_be_continued("let time pass", _step(name, real))
        (request,) = waiter.about.arguments
        if waiter.position is not None:
            best = Price(int(waiter.about.heartbeat[0]))
            await waiter.wait(self._moments.next_look(self._now(), waiter.position, best, request.deadline))
            return
        moment = self._moments.next_scan(self._now() + _SOON, request.plan.entries_until)
        await waiter.wait(moment.at)
        while not moment.looks:
            moment = self._moments.next_scan(self._now(), request.plan.entries_until)
            if moment.at > self._now():
                await waiter.wait(moment.at)


def _step(name: str, real: timedelta) -> timedelta:
    if name == "follow_order":
        return _BETWEEN_LOOKS * min(activity.info().attempt, _MOST_DELAY)
    return max(real, _BETWEEN_READS) if name == "await_flat" else real
