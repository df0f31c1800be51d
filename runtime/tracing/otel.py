"""OpenTelemetry's parts of tracing: the exporter, the spans, the interceptors."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from temporalio.client import Interceptor
from temporalio.contrib.opentelemetry import OpenTelemetryInterceptor

from domain.clock import MarketClock
from runtime.tracing.delivery import Delivery
from runtime.tracing.interceptor import TradesOnly, TradeTracing, traced_acts
from runtime.tracing.parts import Tracing
from runtime.tracing.spans import OtelSpans, tracer_provider

_PATH: Final = "/v1/traces"
_TIMEOUT: Final = 5.0
"""Seconds of a request, its retries included; another thread waits."""


@asynccontextmanager
async def recorded_to(endpoint: str) -> AsyncIterator[Tracing]:
    """Send the spans of the block to an OTLP receiver over HTTP."""
    # It would log each failed request, with the address and the reply. Our delivery logs the first one.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    delivery = Delivery(exporter_to(endpoint))
    tracer_provider().add_span_processor(delivery)
    spans = OtelSpans(delivery)
    try:
        yield Tracing(
            trades=spans,
            call=spans.call,
            statement=spans.statement,
            interceptors=partial(_interceptors, spans),
            acts=partial(traced_acts, spans=spans),
            lost=lambda: delivery.lost,
        )
    finally:
        await asyncio.to_thread(delivery.shutdown)


def exporter_to(endpoint: str) -> OTLPSpanExporter:
    """Return an exporter to an OTLP receiver over HTTP."""
    address = endpoint.rstrip("/")
    address = address if address.endswith(_PATH) else address + _PATH
    return OTLPSpanExporter(address, timeout=_TIMEOUT, session=_StatusOnly())


class _StatusOnly(requests.Session):
    """Reads no body: a receiver's status says all, and its body may have no end."""

    def request(self, *about: Any, **options: Any) -> requests.Response:
        reply = super().request(*about, **{**options, "stream": True})
        reply.close()
        return reply


def _interceptors(spans: OtelSpans, clock: MarketClock) -> Sequence[Interceptor]:
    return TradesOnly(), OpenTelemetryInterceptor(add_temporal_spans=True), TradeTracing(spans, clock)
