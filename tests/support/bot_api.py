"""A real HTTP server that speaks Telegram's Bot API for one bot: polls, messages, buttons."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl

TOKEN: Final = "7000000001:AAF-secret_half_of_this_token_123456"
CHAT: Final = 4242


class BotApi:
    """Listens on a loopback port. Updates stay until a poll acknowledges them by its offset, as Telegram's do."""

    def __init__(self) -> None:
        self.updates: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        self.acknowledged: list[dict[str, Any]] = []
        self.polls = 0
        self.status = 200
        self.body = b""
        """What every request gets instead of its answer, if it is set."""
        self.refuses_messages = False
        self._number = 0
        self._changed = threading.Condition()
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                given = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                status, answer = api._answer(self.path, dict(parse_qsl(given)))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it so
                """Log nothing to standard error."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def says(self, text: str, chat: int = CHAT, kind: str = "message") -> int:
        """Deliver a message; return the id of its update."""
        return self._deliver({kind: self._message(text, chat)})

    def presses(self, label: str, chat: int = CHAT, data: str | None = None) -> int:
        """Press the latest button of a label; return the id of its update."""
        pressed = data or self.button(label)
        query = {"id": f"{len(self.updates)}", "from": _person(chat), "chat_instance": "1", "data": pressed}
        return self._deliver({"callback_query": {**query, "message": self._message("", chat)}})

    def button(self, label: str) -> str:
        """Return the data of the latest button of a label."""
        for message in reversed(self.sent):
            for row in json.loads(message.get("reply_markup", "{}")).get("inline_keyboard", []):
                for button in row:
                    if button["text"] == label:
                        return str(button["callback_data"])
        raise AssertionError(f"no button {label} in {self.sent}")

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.sent]

    def _deliver(self, about: dict[str, Any]) -> int:
        with self._changed:
            self._number += 1
            self.updates.append({"update_id": self._number, **about})
            self._changed.notify_all()
            return self._number

    def _message(self, text: str, chat: int) -> dict[str, Any]:
        where = {"id": chat, "type": "private", "first_name": "Trader"}
        return {
            "message_id": self._number + 1,
            "date": 1_764_000_000,
            "chat": where,
            "from": _person(chat),
            "text": text,
        }

    def _answer(self, path: str, given: dict[str, str]) -> tuple[int, bytes]:
        if self.body or self.status != 200:
            return self.status, self.body or b'{"ok":false,"description":"as the test wants"}'
        if not path.startswith(f"/bot{TOKEN}/"):
            return 401, b'{"ok":false,"error_code":401,"description":"Unauthorized"}'
        method = path.rpartition("/")[2]
        if method == "sendMessage" and self.refuses_messages:
            return 403, b'{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}'
        return 200, json.dumps({"ok": True, "result": self._result(method, given)}).encode()

    def _result(self, method: str, given: dict[str, str]) -> Any:
        if method == "getUpdates":
            return self._poll(int(given.get("offset", 0)), int(given.get("timeout", 0)), given["allowed_updates"])
        if method == "sendMessage":
            self.sent.append(given)
            return self._message(given["text"], int(given["chat_id"]))
        if method == "answerCallbackQuery":
            self.acknowledged.append(given)
            return True
        return {"id": 7000000001, "is_bot": True, "first_name": "Haru", "username": "haru_of_a_test_bot"}

    def _poll(self, offset: int, wait: int, allowed: str) -> list[dict[str, Any]]:
        until = time.monotonic() + wait
        with self._changed:
            self.polls += 1
            self.updates = [update for update in self.updates if update["update_id"] >= offset]
            while not (found := self._wanted(allowed)) and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            return found

    def _wanted(self, allowed: str) -> list[dict[str, Any]]:
        return [update for update in self.updates if any(kind in json.loads(allowed) for kind in update)]


def _person(chat: int) -> dict[str, Any]:
    return {"id": abs(chat), "is_bot": False, "first_name": "Trader"}
