"""Serves a simulation over HTTP/1.1 until a signal comes."""

import asyncio
import socket
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulator.app import create_app
from simulator.simulation import Simulation

_BETWEEN_STOCKS: Final = 0.01


class CuttableProtocol(H11Protocol):
    """Hands the transport to the application, so that a fault can cut the connection without any reply."""

    def connection_made(self, transport: Any) -> None:
        """Remember the transport of this connection."""
        super().connection_made(transport)
        served: Any = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            extensions = {**scope.get("extensions", {}), "simulator.transport": transport}
            await served({**scope, "extensions": extensions}, receive, send)

        app: ASGIApp = with_transport
        self.app = app


class Server(uvicorn.Server):
    """Says where it listens as soon as it does, and then computes today's prices between the first calls."""

    def __init__(self, config: uvicorn.Config, simulation: Simulation) -> None:
        super().__init__(config)
        self._simulation = simulation
        self._warming: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening and tell standard output."""
        await super().startup(sockets)
        for listening in sockets or []:
            host, port = listening.getsockname()[:2]
            print(f"simulator ready on http://{host}:{port}", flush=True)  # noqa: T201
        self._warming = asyncio.create_task(self._warm_up())

    async def _warm_up(self) -> None:
        for symbol in self._simulation.exchange.tapes:
            self._simulation.look_at(symbol)
            await asyncio.sleep(_BETWEEN_STOCKS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving; the signal that asked for it has done its work and is not raised again."""
        await super().shutdown(sockets)
        self._captured_signals.clear()


def listen(host: str, port: int) -> socket.socket:
    """Take a port (0 = any free one); OSError when it is taken."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(1024)
    except OSError:
        listening.close()
        raise
    return listening


def serve(simulation: Simulation, listening: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        create_app(simulation),
        http=CuttableProtocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    asyncio.run(Server(config, simulation).serve([listening]))
