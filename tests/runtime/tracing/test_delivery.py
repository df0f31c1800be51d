"""Delivery of spans: bounded, counted, without texts of errors; no caller waits for a receiver."""

import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

from runtime.tracing.delivery import MOST_WAITING, Delivery, names_only
from runtime.tracing.otel import exporter_to

CONTEXT = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
MORE = 25


def span(**changes: object) -> ReadableSpan:
    values = {"name": "SQL insert orders", "context": CONTEXT, "resource": Resource({}), "start_time": 1, "end_time": 2}
    return ReadableSpan(**(values | changes))  # type: ignore[arg-type]


class Hanging(SpanExporter):
    """A receiver that takes a request and does not answer until it is released."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.asked = threading.Event()
        self.spans = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.asked.set()
        self.released.wait()
        self.spans += len(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """There is nothing to close."""


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    exporter = Hanging()
    yield exporter
    exporter.released.set()


def test_spans_beyond_the_bound_are_dropped_at_once_and_counted(hanging: Hanging) -> None:
    delivery = Delivery(hanging)

    for _ in range(MOST_WAITING + MORE):
        delivery.on_end(span())  # returns although the receiver hangs
    assert hanging.asked.wait(60)

    assert delivery.lost == MORE
    hanging.released.set()
    delivery.force_flush()
    assert hanging.spans == MOST_WAITING
    delivery.on_end(span())
    delivery.force_flush()
    assert (hanging.spans, delivery.lost) == (MOST_WAITING + 1, MORE)


def test_a_host_ends_although_the_receiver_hangs(hanging: Hanging) -> None:
    delivery = Delivery(hanging)
    delivery.on_end(span())
    assert hanging.asked.wait(60)

    delivery.shutdown()

    assert not hanging.released.is_set()


def test_without_a_receiver_each_span_counts_as_lost_and_one_line_is_logged(
    unused_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = Delivery(OTLPSpanExporter(f"http://127.0.0.1:{unused_port}/v1/traces", timeout=0.1))
    with caplog.at_level(logging.INFO, "haru.tracing"):
        for _ in range(3):
            delivery.on_end(span())
            delivery.force_flush()

    assert delivery.lost == 3
    assert [each.getMessage() for each in caplog.records if each.name == "haru.tracing"] == ["spans_not_delivered"]
    delivery.shutdown()


def test_a_receiver_that_refuses_is_logged_and_so_is_its_return(caplog: pytest.LogCaptureFixture) -> None:
    class Moody(Hanging):
        answer = SpanExportResult.FAILURE

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            if self.spans:
                raise OSError("a fault of the exporter")
            return self.answer

    receiver = Moody()
    delivery = Delivery(receiver)
    with caplog.at_level(logging.INFO, "haru.tracing"):
        for receiver.answer in (SpanExportResult.FAILURE, SpanExportResult.SUCCESS):
            delivery.on_end(span())
            delivery.force_flush()
        receiver.spans = 1
        delivery.on_end(span())
        delivery.force_flush()

    said = [each.getMessage() for each in caplog.records if each.name == "haru.tracing"]
    assert said == ["spans_not_delivered", "spans_delivered_again", "spans_not_delivered"]
    assert delivery.lost == 2


def test_texts_of_errors_and_other_attributes_stay_in_the_process() -> None:
    secret = "005930 x 100 at 71,000 of 12345678"
    told = span(
        attributes={"temporalRunID": "run", "haru.outcome": "settled", "symbol": "005930", "db.query.text": secret},
        events=[Event("exception", {"exception.type": "TradingError", "exception.message": secret}, 1)],
        links=[Link(CONTEXT, {"note": secret})],
        status=Status(StatusCode.ERROR, f"TradingError: {secret}"),
    )

    sent = names_only(told)

    assert sent.attributes == {"temporalRunID": "run", "haru.outcome": "settled"}
    assert [dict(each.attributes or {}) for each in sent.events] == [{"exception.type": "TradingError"}]
    assert (sent.links, sent.status.description) == ((), "TradingError")
    assert secret not in sent.to_json()


@pytest.mark.parametrize("description", [None, "71,000 won: refused", "no colon"])
def test_a_status_without_the_name_of_an_error_says_nothing(description: str | None) -> None:
    assert names_only(span(status=Status(StatusCode.ERROR, description))).status.description is None


def test_a_server_that_never_answers_delays_only_the_thread_that_delivers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/v1/traces"
        delivery = Delivery(OTLPSpanExporter(address, timeout=0.2))

        delivery.on_end(span())
        delivery.force_flush()

        assert delivery.lost == 1
        delivery.shutdown()


def test_a_reply_without_end_is_not_read() -> None:
    """It would fill the memory of the host that trades."""
    sent = list[int]()

    def serve(listening: socket.socket) -> None:
        asked, _ = listening.accept()
        with asked, suppress(OSError):
            asked.recv(65_536)
            asked.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
            for _ in range(200):
                asked.sendall(b"x" * 1_000_000)
                sent.append(1)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve, args=(listening,), daemon=True)
        serving.start()
        delivery = Delivery(exporter_to(f"http://127.0.0.1:{listening.getsockname()[1]}"))
        delivery.on_end(span())
        delivery.force_flush()
        serving.join(10)

    assert len(sent) < 20, "megabytes"
    assert delivery.lost == 0
    delivery.shutdown()
