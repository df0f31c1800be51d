"""One WebSocket connection: its registrations, its keys and its send queue."""

import asyncio
from contextlib import suppress
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from simulator.services import Service
from simulator.stream.frames import Cipherkeys

Registration = tuple[str, str]
"""TR id and tr_key."""

_SHOWN_OF_A_KEY: Final = 4
_NO_CLOSE_FRAME: Final = (1005, 1006)


class Session:
    """The broker's state of a connection. ``app_key`` is known after the first registration."""

    def __init__(self, websocket: WebSocket, service: Service, most_waiting: int) -> None:
        self.service = service
        self.app_key = ""
        self.keys = Cipherkeys.fresh()
        self.registrations: set[Registration] = set()
        self.pinged_at: float | None = None
        self.ping_due_at = 0.0
        self.is_over = False
        self.is_half_open = False
        self.sent = 0
        self._stalled_until = 0.0
        self._websocket = websocket
        self._outbox: asyncio.Queue[str | None] = asyncio.Queue(most_waiting)

    def hts_id(self, tr_id: str) -> str | None:
        """Return the HTS id that the session subscribes to under a notice TR, or None."""
        return next((tr_key for name, tr_key in self.registrations if name == tr_id), None)

    def to_json(self) -> dict[str, Any]:
        """Return the session for the control API, without its cipher keys."""
        return {
            "environment": self.service.environment,
            "app_key": self.app_key[:_SHOWN_OF_A_KEY],
            "registrations": sorted(self.registrations),
            "sent": self.sent,
        }

    def send(self, text: str) -> None:
        """Queue a text. A client that reads too slowly is disconnected."""
        if self.is_half_open:
            return
        self.sent += 1
        self._put(text)

    def half_open(self, seconds: float) -> None:
        """Neither send nor hear anything more, as behind a lost route; cut after some seconds (0 = never)."""
        self.is_half_open = True
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self.cut)

    def stall(self, seconds: float) -> None:
        """Deliver everything later, in its sequence."""
        self._stalled_until = asyncio.get_running_loop().time() + seconds

    def end(self) -> None:
        """Send the queue, then close with a close frame."""
        self.is_over = True
        self._put(None)

    def cut(self) -> None:
        """Drop the connection without a close frame."""
        self.is_over = True
        transport = self._websocket.scope.get("extensions", {}).get("simulator.transport")
        if transport is not None:
            transport.abort()

    async def send_all(self) -> None:
        """Send queued texts until the session ends."""
        with suppress(WebSocketDisconnect, RuntimeError):
            while (text := await self._outbox.get()) is not None:
                await asyncio.sleep(max(0.0, self._stalled_until - asyncio.get_running_loop().time()))
                if not self.is_half_open:
                    await self._websocket.send_text(text)
            await self._websocket.close()

    async def next_text(self) -> str | None:
        """Return the client's next text or PONG; None after a close frame, ConnectionResetError without one."""
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            if message.get("code") in _NO_CLOSE_FRAME:
                raise ConnectionResetError("no close frame")
            return None
        text = message.get("text")
        return text if text is not None else bytes(message.get("bytes") or b"").decode(errors="replace")

    def _put(self, text: str | None) -> None:
        try:
            self._outbox.put_nowait(text)
        except asyncio.QueueFull:
            self.cut()
