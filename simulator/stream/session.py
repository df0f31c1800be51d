"""One WebSocket connection: its registrations, its keys and what waits to be sent."""

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
    """What the broker keeps of a connection. ``app_key`` is known from the first registration on."""

    def __init__(self, websocket: WebSocket, service: Service, most_waiting: int) -> None:
        self.service = service
        self.app_key = ""
        self.keys = Cipherkeys.fresh()
        self.registrations: set[Registration] = set()
        self.pinged_at: float | None = None
        self.ping_due_at = 0.0
        self.is_over = False
        self.sent = 0
        self._websocket = websocket
        self._outbox: asyncio.Queue[str | None] = asyncio.Queue(most_waiting)

    def hts_id(self, tr_id: str) -> str | None:
        """Return the HTS id that the session listens for under a notice TR, or None."""
        return next((tr_key for name, tr_key in self.registrations if name == tr_id), None)

    def to_json(self) -> dict[str, Any]:
        """Return what the control API shows: never the keys."""
        return {
            "environment": self.service.environment,
            "app_key": self.app_key[:_SHOWN_OF_A_KEY],
            "registrations": sorted(self.registrations),
            "sent": self.sent,
        }

    def send(self, text: str) -> None:
        """Put a text at the end of what waits; a client that reads too slowly is cut off."""
        self.sent += 1
        self._put(text)

    def end(self) -> None:
        """Close with a close frame after what waits has been sent."""
        self.is_over = True
        self._put(None)

    def cut(self) -> None:
        """Drop the connection without a close frame."""
        self.is_over = True
        transport = self._websocket.scope.get("extensions", {}).get("simulator.transport")
        if transport is not None:
            transport.abort()

    async def send_all(self) -> None:
        """Send what is put in until the session ends."""
        with suppress(WebSocketDisconnect, RuntimeError):
            while (text := await self._outbox.get()) is not None:
                await self._websocket.send_text(text)
            await self._websocket.close()

    async def next_text(self) -> str | None:
        """Return the next text or PONG of the client, None after a close frame; ConnectionResetError without one."""
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
