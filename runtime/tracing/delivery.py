"""Delivery of ended spans: a bounded queue, another thread, losses counted. No trade waits for it."""

import logging
import re
import threading
from collections.abc import Sequence
from typing import Final

from opentelemetry.sdk.trace import Event as SpanEvent
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status

logger = logging.getLogger("haru.tracing")

MOST_WAITING: Final = 5_000
"""Spans that wait for delivery at most, those of a request under way included: about 100 trades."""
_EVERY_MILLISECONDS: Final = 5_000
"""A request takes some milliseconds of the processor, whatever it carries."""
_IN_A_REQUEST: Final = 256
_ENDS_WITHIN: Final = 0.5
"""Seconds that a stopping host waits for its last spans."""
ATTRIBUTES: Final = frozenset(
    {
        *("temporalWorkflowID", "temporalRunID", "temporalActivityID", "temporalUpdateID"),
        *("haru.position_id", "haru.outcome", "haru.left_out"),
    }
)
"""Attributes that leave the process. All others are removed, whoever has set them."""
_KIND: Final = re.compile(r"[A-Za-z_][\w.]*")


class Delivery(SpanProcessor):
    """Hands ended spans to an exporter in another thread. What has no room is dropped at once, and counted."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._lock = threading.Lock()
        self._waiting = 0
        self._dropped = self._failed = 0
        self._is_lost = False
        self._batches = BatchSpanProcessor(
            _Counted(exporter, self),
            max_queue_size=MOST_WAITING,
            schedule_delay_millis=_EVERY_MILLISECONDS,
            max_export_batch_size=_IN_A_REQUEST,
        )

    @property
    def lost(self) -> int:
        """Return how many spans were dropped or could not be delivered since the start."""
        return self._dropped + self._failed

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span if there is room."""
        with self._lock:
            if self._waiting >= MOST_WAITING:
                self._dropped += 1
                return
            self._waiting += 1
        self._batches.on_end(span)

    def shutdown(self) -> None:
        """Deliver what waits, for half a second at most."""
        last = threading.Thread(target=self._batches.shutdown, name="haru-last-spans", daemon=True)
        last.start()
        last.join(_ENDS_WITHIN)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Deliver what waits now."""
        return self._batches.force_flush(timeout_millis)

    def note(self, spans: int, *, arrived: bool) -> None:
        """Count the spans of a request, and log when deliveries begin to fail, and when they work again."""
        with self._lock:
            self._waiting -= spans
            self._failed += 0 if arrived else spans
            has_changed, self._is_lost = self._is_lost is arrived, not arrived
        if has_changed and not arrived:
            logger.warning("spans_not_delivered", extra={"lost": self.lost, "fix": "start the trace receiver"})
        elif has_changed:
            logger.info("spans_delivered_again", extra={"lost": self.lost})


class _Counted(SpanExporter):
    """Exports names and ids only, and reports each request to the delivery."""

    def __init__(self, exporter: SpanExporter, delivery: Delivery) -> None:
        self._exporter = exporter
        self._delivery = delivery

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export([names_only(span) for span in spans])
        finally:
            self._delivery.note(len(spans), arrived=result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def names_only(span: ReadableSpan) -> ReadableSpan:
    """Return a span with known attributes only, and without the texts of errors: they name stocks and amounts."""
    if not (span.attributes or span.events or span.links or span.status.description):
        return span
    kept = {name: value for name, value in (span.attributes or {}).items() if name in ATTRIBUTES}
    return ReadableSpan(
        span.name,
        span.context,
        span.parent,
        resource=span.resource,
        attributes=kept,
        events=[_of_its_type(event) for event in span.events],
        kind=span.kind,
        status=Status(span.status.status_code, _kind_of(span.status.description)),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _of_its_type(event: SpanEvent) -> SpanEvent:
    kind = (event.attributes or {}).get("exception.type")
    return SpanEvent(event.name, {"exception.type": kind} if kind else {}, event.timestamp)


def _kind_of(description: str | None) -> str | None:
    """Return the name of the error with which a description begins."""
    kind, colon, _ = (description or "").partition(":")
    return kind if colon and _KIND.fullmatch(kind) else None
