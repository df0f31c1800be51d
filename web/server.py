"""Serve the page: the connections it accepts, and the parts of one page put together."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from reporting.sentences import LANGUAGES, Language
from runtime.opening import open_fleet
from runtime.settings import Settings
from web.access.door import Access
from web.access.exposure import Exposure
from web.access.passwords import Passwords
from web.access.records import Recorder
from web.access.sessions import Sessions
from web.app import Page, page_app
from web.commands.acts import Acts
from web.connection import Connection
from web.live import Live
from web.performing import Performer
from web.state import Reader
from web.view import view_of

_MOST_CONNECTIONS: Final = 400
_ASKS_WITHIN: Final = 10.0
"""Real seconds that a connection has to send a request's head."""
_YEAR: Final = 365 * 24 * 3600


class BoundedProtocol(H11Protocol):
    """HTTP with bounds on what strangers can hold: so many connections, and so long for a request's head."""

    most_connections = _MOST_CONNECTIONS
    asks_within = _ASKS_WITHIN
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Accept a connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            transport.abort()
            return
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Read, and expect the rest of a request's head in time."""
        super().data_received(data)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._is_answering:
            self._stop()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.asks_within, self._give_up)

    def _give_up(self) -> None:
        self._deadline = None
        if not self._is_answering and not self.transport.is_closing():
            self.transport.abort()

    @property
    def _is_answering(self) -> bool:
        cycle: Any = self.cycle  # None before the first request, whatever its annotation says
        return cycle is not None and not cycle.response_complete

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


@dataclass(frozen=True, slots=True)
class Door:
    """How a page is entered: its key, its exposure, whether it has commands, and the file of its sessions."""

    key: str
    exposure: Exposure
    passwords: Passwords
    commands: bool = True
    sessions: Path | None = None


def listen_at(exposure: Exposure, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        OSError, OverflowError: the address or the port cannot be used.
    """
    family = socket.AF_INET6 if ":" in exposure.host else socket.AF_INET
    return socket.create_server((exposure.host, port), family=family)


class PageServer:
    """One page of a fleet, on a listening socket."""

    def __init__(self, settings: Settings, door: Door, listening: socket.socket) -> None:
        self._listening = listening
        self._exposure = door.exposure
        self._key, self._commands = door.key, door.commands
        port = listening.getsockname()[1]
        self.connection = Connection(partial(open_fleet, settings))
        self.access = Access(
            door.key,
            door.exposure.hosts(port),
            commands=door.commands,
            way=door.exposure.way,
            passwords=door.passwords,
            sessions=Sessions(settings.web.session_hours, door.sessions),
        )
        self.address = door.exposure.address(port)
        self._recorder = Recorder(self.connection)
        without_books = partial(open_fleet, settings, without_books=True, lazy=True)
        performer = Performer(self.connection, settings.rules, without_books)
        self._acts = Acts(self.connection, performer.perform, settings.rules)
        live = Live(_view_of(settings, Reader(self.connection, settings.rules.strategy.names)))
        language = settings.report.language
        page = Page(self.connection, self.access, live, self._acts, settings.data_dir, language, self._recorder)
        self._server = uvicorn.Server(configured(page_app(page), door.exposure))

    @property
    def links(self) -> list[str]:
        """Return the addresses to open; on loopback with their keys, the operator's first."""
        if not self._exposure.is_local:
            return [self.address]
        keys = [*([self._key] if self._commands else []), self.access.readers_key]
        return [f"{self.address}?key={key}" for key in keys]

    def end(self) -> None:
        """Stop serving; commands under way go on."""
        self._server.should_exit = True

    async def serve(self) -> None:
        """Serve until ended, then finish the commands under way."""
        try:
            await self._server.serve([self._listening])
            await self._acts.finish()
            await self._recorder.finish()
        finally:
            await self.connection.drop()


def configured(app: Starlette, exposure: Exposure) -> uvicorn.Config:
    """Return the configuration of the page's server."""
    is_tls = bool(exposure.certificate)
    secured: dict[str, Any] = {"ssl_certfile": exposure.certificate, "ssl_keyfile": exposure.key} if is_tls else {}
    headers = [("Strict-Transport-Security", f"max-age={_YEAR}")] if is_tls else []
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        headers=headers,
        timeout_graceful_shutdown=2,
        **secured,
    )


def _view_of(settings: Settings, reader: Reader) -> Callable[[], Any]:
    async def view() -> Mapping[Language, Mapping[str, Any]]:
        state = await reader.read()
        return {language: view_of(state, settings.rules.risk, language) for language in LANGUAGES}

    return view
