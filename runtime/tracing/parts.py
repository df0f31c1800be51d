"""What the parts of a host record spans with. By default it does nothing."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from temporalio.client import Interceptor

from activities.support.spans import NO_SPANS, TradeSpans
from domain.clock import MarketClock
from fleet.duties.direct_steps import Acts


def _no_interceptors(_clock: MarketClock) -> Sequence[Interceptor]:
    return ()


def _as_they_are(acts: Acts) -> Acts:
    return acts


@dataclass(frozen=True, slots=True)
class Tracing:
    """What each part of a host records its spans with."""

    trades: TradeSpans = NO_SPANS
    """For the activities."""
    call: Callable[[str], AbstractContextManager[object]] = nullcontext
    """For the broker's client."""
    statement: Callable[[str, float], None] | None = None
    """For the database: text and seconds of each statement."""
    interceptors: Callable[[MarketClock], Sequence[Interceptor]] = _no_interceptors
    """For Temporal's client, and the workers created from it."""
    acts: Callable[[Acts], Acts] = _as_they_are
    """For activities that a host calls without Temporal."""
    lost: Callable[[], int] | None = None
    """Spans that were not delivered since the start; None without tracing."""
