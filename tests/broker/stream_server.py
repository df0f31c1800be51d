"""A WebSocket on loopback that sends scripted messages and records its requests."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from broker.kis.stream_frames import Cipherment
from tests.broker.frames import CIPHERMENT

Answer = Callable[[dict[str, Any]], str | None]


@dataclass
class StreamServer:
    """KIS's WebSocket by script; sessions come one after the other."""

    url: str = ""
    cipherment: Cipherment = CIPHERMENT
    refusals: dict[str, str] = field(default_factory=dict)
    """The answer code of a registration, by TR key."""
    silent: set[str] = field(default_factory=set)
    """TR keys whose registrations are never answered."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """(1 or 2, TR id, TR key), in sequence, of all sessions."""
    keys: list[str] = field(default_factory=list)
    echoed: list[str] = field(default_factory=list)
    extensions: list[str] = field(default_factory=list)
    """The WebSocket extensions that each session has offered."""
    sessions: int = 0
    _open: ServerConnection | None = None

    async def says(self, text: str) -> None:
        while self._open is None:
            await asyncio.sleep(0.01)
        await self._open.send(text)

    async def says_bytes(self, raw: bytes) -> None:
        """Send bytes in a text frame, whatever they are."""
        assert self._open is not None
        await self._open.send(raw, text=True)

    async def cuts(self) -> None:
        """Close the connection without a closing handshake."""
        assert self._open is not None
        self._open.transport.abort()
        self._open = None

    async def handle(self, socket: ServerConnection) -> None:
        self.sessions += 1
        self.extensions.append(socket.request.headers.get("Sec-WebSocket-Extensions", "") if socket.request else "")
        self._open = socket
        try:
            async for text in socket:
                await self._hear(socket, str(text))
        except ConnectionClosed:
            return

    async def _hear(self, socket: ServerConnection, text: str) -> None:
        message = json.loads(text)
        if message["header"].get("tr_id") == "PINGPONG":
            self.echoed.append(text)
            return
        wanted = message["body"]["input"]
        tr_type, tr_id, tr_key = message["header"]["tr_type"], wanted["tr_id"], wanted["tr_key"]
        self.asked.append((tr_type, tr_id, tr_key))
        self.keys.append(message["header"]["approval_key"])
        if tr_key not in self.silent:
            await socket.send(self._answer(tr_type, tr_id, tr_key))

    def _answer(self, tr_type: str, tr_id: str, tr_key: str) -> str:
        code = self.refusals.get(tr_key) if tr_type == "1" else "OPSP0001"
        output = {"iv": self.cipherment.iv.decode(), "key": self.cipherment.key.decode()}
        body: dict[str, Any] = {"rt_cd": "0", "msg_cd": "OPSP0000", "msg1": "SUBSCRIBE SUCCESS", "output": output}
        if code is not None:
            body = {"rt_cd": "0" if code == "OPSP0001" else "1", "msg_cd": code, "msg1": "said so"}
        return json.dumps({"header": {"tr_id": tr_id, "tr_key": tr_key, "encrypt": "N"}, "body": body})


@asynccontextmanager
async def a_stream_server() -> AsyncIterator[StreamServer]:
    """Listen on a free port."""
    script = StreamServer()
    async with serve(script.handle, "127.0.0.1", 0, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        script.url = f"ws://127.0.0.1:{port}"
        yield script
