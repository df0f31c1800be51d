"""Spans of a process: steps of a trade, calls to KIS, SQL statements. Outside a trade nothing is recorded."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final
from weakref import WeakKeyDictionary

from opentelemetry import context, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags
from temporalio.contrib.opentelemetry import ReplaySafeTracerProvider, create_tracer_provider

from domain.identity import PositionId
from runtime.tracing.statements import statement_name
from runtime.tracing.trades import root_id_of, trace_id_of

ROOT: Final = "trade"
"""First span of a trade: from the scan that found its candidate until its entry is scheduled."""
_MOST_IN_A_STEP: Final = 100
"""Calls and statements that a step shows. An order that rests for hours is looked up each second."""
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


@cache
def tracer_provider() -> ReplaySafeTracerProvider:
    """Return the tracer provider of this process, which is also OpenTelemetry's global one: the SDK asks for that.

    A span without a parent is not recorded: each recorded span belongs to a trade, whose ids are computed.
    """
    provider = create_tracer_provider(ParentBased(ALWAYS_OFF), _resource(), shutdown_on_exit=False)
    trace.set_tracer_provider(provider)
    return provider


@cache
def _resource() -> Resource:
    return Resource.create({"service.name": "haru"})


def context_of(position_id: PositionId) -> context.Context:
    """Return the context whose spans are children of the trade's first span."""
    return trace.set_span_in_context(NonRecordingSpan(_root(position_id, is_remote=True)), context.Context())


def _root(position_id: PositionId, *, is_remote: bool) -> SpanContext:
    return SpanContext(trace_id_of(position_id), root_id_of(position_id), is_remote, _SAMPLED)


class OtelSpans:
    """Records spans. An error of the block passes through; its text is not recorded."""

    def __init__(self, delivery: SpanProcessor) -> None:
        self._delivery = delivery
        self._tracer = tracer_provider().get_tracer("haru")
        self._ids = RandomIdGenerator()
        self._shown: WeakKeyDictionary[trace.Span, int] = WeakKeyDictionary()

    def begin(self, position_id: PositionId, began: int, decided: int) -> None:
        """Record the first span of a trade (Unix nanoseconds)."""
        root = ReadableSpan(
            ROOT,
            _root(position_id, is_remote=False),
            resource=_resource(),
            attributes={"haru.position_id": position_id},
            start_time=min(began, decided),
            end_time=decided,
        )
        self._delivery.on_end(root)

    @contextmanager
    def of_trade(self, position_id: PositionId, name: str) -> Iterator[None]:
        """Record a step of a trade that no activity is: a child of the current span if that is of the trade."""
        current = trace.get_current_span().get_span_context()
        parent = None if current.trace_id == trace_id_of(position_id) else context_of(position_id)
        with self._tracer.start_as_current_span(name, parent):
            yield

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Record a step of the current trade, if there is one."""
        if not trace.get_current_span().is_recording():
            yield
            return
        with self._tracer.start_as_current_span(name):
            yield

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """Record a call to KIS."""
        if not self._has_room():
            yield
            return
        with self._tracer.start_as_current_span(f"KIS {name}", kind=SpanKind.CLIENT):
            yield

    def statement(self, query: str, took: float) -> None:
        """Record an SQL statement that has just ended (seconds).

        A trade has a hundred of them. Without the tracer, a span takes a third of the time.
        """
        if not self._has_room():
            return
        ended, step = time.time_ns(), trace.get_current_span().get_span_context()
        span = ReadableSpan(
            statement_name(query),
            SpanContext(step.trace_id, self._ids.generate_span_id(), is_remote=False, trace_flags=_SAMPLED),
            step,
            resource=_resource(),
            kind=SpanKind.CLIENT,
            start_time=ended - round(took * 1e9),
            end_time=ended,
        )
        self._delivery.on_end(span)

    def _has_room(self) -> bool:
        """Return whether the current step shows one more; a loop that outlives the step that began it shows none."""
        step = trace.get_current_span()
        if not step.is_recording():
            return False
        shown = self._shown[step] = self._shown.get(step, 0) + 1
        if shown > _MOST_IN_A_STEP:
            step.set_attribute("haru.left_out", shown - _MOST_IN_A_STEP)
        return shown <= _MOST_IN_A_STEP
