"""Tracing of a host, as its parts use it; without an endpoint it does nothing and imports nothing."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

from temporalio.client import Interceptor

from activities.support.spans import NO_SPANS, TradeSpans
from domain.clock import MarketClock
from fleet.duties.direct_steps import Acts
from runtime.settings import SettingsError

INSTALL: Final = "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
"""The packages of the extra `tracing`."""
SETTING: Final = "HARU_TELEMETRY__TRACES_ENDPOINT"


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


@asynccontextmanager
async def tracing(endpoint: str | None) -> AsyncIterator[Tracing]:
    """Record traces while the block runs, if there is an endpoint.

    Raises:
        SettingsError: OpenTelemetry is not installed.
    """
    if endpoint is None:
        yield Tracing()
        return
    try:
        from runtime.tracing.otel import recorded_to  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as missing:
        if not (missing.name or "").startswith("opentelemetry"):
            raise
        raise SettingsError(
            f"{SETTING}: traces need OpenTelemetry, which is not installed; run: {INSTALL} (the extra `tracing`), "
            "or unset it"
        ) from None
    async with recorded_to(endpoint) as traces:
        yield traces
