"""An OTLP receiver over HTTP, on loopback: it reads the protobuf messages that an exporter sends."""

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

PATH: Final = "/v1/traces"
_PROTOBUF: Final = "application/x-protobuf"
_LARGEST: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """A span; times are Unix nanoseconds. ``parent_id`` is empty for the first span of a trace."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    began: int
    ended: int
    attributes: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    """Type of the error that ended it; empty for one without a type."""


def read_spans(body: bytes) -> list[Received]:
    """Return the spans of a request.

    Raises:
        DecodeError: the body is no such message.
    """
    request = ExportTraceServiceRequest.FromString(body)
    return [
        _read(span) for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans
    ]


def _read(span: Span) -> Received:
    return Received(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        attributes={each.key: each.value.string_value or str(each.value.int_value) for each in span.attributes},
        error=span.status.message if span.status.code == Status.STATUS_CODE_ERROR else None,
    )


@contextmanager
def receiving(take: Callable[[list[Received]], None], port: int = 0) -> Iterator[str]:
    """Receive spans on loopback while the block runs; yield the address. ``take`` runs in another thread."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("content-length") or 0), _LARGEST))
            try:
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                spans = read_spans(body) if self.path == PATH else None
            except (DecodeError, OSError, EOFError):
                self.send_error(400, "not an OTLP message in protobuf")
                return
            if spans is None:
                self.send_error(404, f"traces go to {PATH}")
                return
            take(spans)
            reply = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", _PROTOBUF)
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
