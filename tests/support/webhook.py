"""A real HTTP server in place of a chat: it keeps its messages, and can be down, slow or out of order."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Webhook:
    """Listens on a loopback port from ``open`` until ``close``; the port stays the same."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.attempts = 0
        self.pings = 0
        self.answers = 200
        self.seconds = 0.0
        self.answer = b""
        self.encoding = ""
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self._port}/T0KEN-OF-THIS-WEBHOOK"

    @property
    def ping_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/ping/T0KEN-OF-THIS-SWITCH"

    def open(self) -> "Webhook":
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                webhook.attempts += 1
                time.sleep(webhook.seconds)
                if webhook.answers == 200:
                    webhook.messages.append(body)
                self.send_response(webhook.answers)
                if webhook.encoding:
                    self.send_header("Content-Encoding", webhook.encoding)
                self.end_headers()
                self.wfile.write(webhook.answer)

            def do_GET(self) -> None:
                webhook.pings += webhook.answers == 200
                self.send_response(webhook.answers)
                if webhook.encoding:
                    self.send_header("Content-Encoding", webhook.encoding)
                self.end_headers()
                self.wfile.write(webhook.answer)

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it so
                """Log nothing to standard error."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
