"""Waits of a workflow: in market time, and for cancelled activities."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from domain.clock import MarketClock, in_seoul


class MarketTimer:
    """The market clock of one run, and its timers. Market instants are UTC."""

    def __init__(self, clock: MarketClock) -> None:
        self._clock = clock
        self.only_waits = False
        """Whether the run's main path only waits for a time, so that the run may end and continue as new."""

    def now(self) -> datetime:
        """Return the market time."""
        return self._clock.market_time(workflow.now())

    def in_market(self, real: timedelta) -> timedelta:
        """Return how much market time passes in a real time."""
        return self._clock.market_duration(real)

    def real_until(self, market_instant: datetime) -> timedelta:
        """Return the real time until a market instant; negative once it has passed."""
        return self._clock.real_time(market_instant) - workflow.now()

    async def until(self, condition: Callable[[], bool], market_instant: datetime) -> bool:
        """Wait for a condition; return False when the market reaches the instant first."""
        left = self.real_until(market_instant)
        if condition() or left <= timedelta(0):
            return condition()
        try:
            until = f"until {in_seoul(market_instant):%m-%d %H:%M:%S} KST"
            await workflow.wait_condition(condition, timeout=left, timeout_summary=until)
        except TimeoutError:
            return False
        return True

    async def sleep_until(self, market_instant: datetime, real_after: timedelta, summary: str) -> None:
        """Sleep until some real time after a market instant."""
        left = self.real_until(market_instant) + real_after
        if left > timedelta(0):
            with self.only_waiting():
                await workflow.sleep(left, summary=summary)

    @contextmanager
    def only_waiting(self) -> Iterator[None]:
        """Mark the block as a wait."""
        self.only_waits = True
        try:
            yield
        finally:
            self.only_waits = False


async def collected(activity: "workflow.ActivityHandle[Any]") -> None:
    """Wait for a cancelled activity and discard its outcome; raise errors other than ActivityError.

    An activity cancelled before it was scheduled does not even raise an ActivityError.
    """
    await workflow.wait([activity])
    error = None if activity.cancelled() else activity.exception()
    if isinstance(error, ActivityError):
        workflow.logger.debug("activity_collected", extra={"cause": str(error.cause)})
    elif error is not None:
        raise error
