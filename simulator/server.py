"""Serves a simulation over HTTP/1.1 and WebSocket until it receives a signal."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from email.utils import format_datetime
from typing import Any, Final, NamedTuple

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from simulator.app import create_app
from simulator.callers import Callers, FrontDoor
from simulator.simulation import Simulation
from simulator.stream.frames import pingpong

_BETWEEN_STOCKS: Final = 0.01
_LARGEST_TEXT: Final = 65_536
"""Maximum bytes of one WebSocket text. A registration has about 300."""
_ANY_PROGRAM: Final = Callers()


class Door(NamedTuple):
    """A listening port. Every port speaks HTTP and WebSocket; ``scheme`` is its intended use."""

    listening: socket.socket
    scheme: str = "http"
    is_paper: bool = False
    tls: ssl.SSLContext | None = None

    @property
    def port(self) -> int:
        """Return the port number."""
        port: int = self.listening.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Return the base URL."""
        scheme = f"{self.scheme}s" if self.tls else self.scheme
        return f"{scheme}://{self.listening.getsockname()[0]}:{self.port}"

    @property
    def name(self) -> str:
        """Return the name used in the ready line."""
        return "paper simulator" if self.is_paper else "simulator"


class CuttableProtocol(H11Protocol):
    """Exposes the transport to the application, so that a fault can cut the connection without a reply."""

    def connection_made(self, transport: Any) -> None:
        """Store the transport of this connection."""
        super().connection_made(transport)
        self.app = _with_transport(self.app, transport)


class CuttableWebSocket(WebSocketsSansIOProtocol):
    """Exposes the transport, and passes a PONG as a message: KIS accepts one as an answer to PINGPONG."""

    def connection_made(self, transport: Any) -> None:
        """Store the transport of this connection."""
        super().connection_made(transport)
        self.app = _with_transport(self.app, transport)

    def handle_pong(self, event: Frame) -> None:  # noqa: ARG002
        """Forward a PONG as if the client had sent PINGPONG back."""
        self.queue.put_nowait({"type": "websocket.receive", "text": pingpong("")})


def _with_transport(app: Any, transport: Any) -> ASGIApp:
    async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
        extensions = {**scope.get("extensions", {}), "simulator.transport": transport}
        await app({**scope, "extensions": extensions}, receive, send)

    return with_transport


class Server(uvicorn.Server):
    """Prints its addresses once it listens, then precomputes today's prices between the first calls."""

    def __init__(self, config: uvicorn.Config, simulation: Simulation, doors: Sequence[Door]) -> None:
        super().__init__(config)
        self._simulation = simulation
        self._doors = doors
        self._warming: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - those of the doors
        """Start listening and print the addresses to standard output."""
        await super().startup([door.listening for door in self._doors if not door.tls])
        servers = self.servers
        for door in self._doors:
            if door.tls:
                self.config.ssl = door.tls
                await super().startup([door.listening])
                servers += self.servers
        self.servers = servers
        for door in self._doors:
            print(f"{door.name} ready on {door.url}", flush=True)  # noqa: T201
        self._warming = asyncio.create_task(self._warm_up())

    async def on_tick(self, counter: int) -> bool:
        """Write the Date header's name in title case as KIS does, with the broker's clock where that is off.

        The application sets all other names.
        """
        ended = await super().on_tick(counter)
        headers = self.server_state.default_headers
        offset = self._simulation.clock_offset
        date = format_datetime(self._simulation.real_now() + offset, usegmt=True).encode() if offset else b""
        self.server_state.default_headers = [
            (name.title(), date if date and name.lower() == b"date" else value) for name, value in headers
        ]
        return ended

    async def _warm_up(self) -> None:
        for symbol in self._simulation.exchange.tapes:
            self._simulation.look_at(symbol)
            await asyncio.sleep(_BETWEEN_STOCKS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving. The signal that requested it is not raised again."""
        await super().shutdown(sockets)
        self._captured_signals.clear()


def listen(host: str, port: int) -> socket.socket:
    """Bind a port (0 = any free one) and listen; raise OSError if it is taken."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Inherited by each connection. Without it the second part of a reply waits 40 ms for the client's acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listening.bind((host, port))
        listening.listen(1024)
    except OSError:
        listening.close()
        raise
    return listening


def serve(simulation: Simulation, doors: Sequence[Door], callers: Callers) -> None:
    """Serve until SIGTERM or SIGINT. Paper doors lead to the paper service."""
    asyncio.run(server_of(simulation, doors, callers).serve([door.listening for door in doors]))


def server_of(simulation: Simulation, doors: Sequence[Door], callers: Callers = _ANY_PROGRAM) -> Server:
    """Return a server that is not listening yet."""
    config = uvicorn.Config(
        FrontDoor(create_app(simulation, [door.port for door in doors if door.is_paper]), callers),
        http=CuttableProtocol,
        ws=CuttableWebSocket,
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        ws_max_size=_LARGEST_TEXT,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    return Server(config, simulation, doors)
