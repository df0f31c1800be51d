"""The page's real server on a free port, for tests."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from domain.rules import RiskRules
from fleet.fleet import Fleet
from reporting.sentences import LANGUAGES, Language
from web.access import Access
from web.acts import Acts, Perform
from web.app import Page, page_app
from web.connection import Connection
from web.live import Live
from web.state import Reader
from web.view import view_of

KEY = "the-key-of-this-page"


@dataclass(frozen=True)
class Served:
    """A running page: its origin, the address of the page, a browser that has opened the link, and the server."""

    origin: str
    address: str
    browser: httpx.AsyncClient
    server: uvicorn.Server

    @property
    def link(self) -> str:
        """Return the link that the command prints."""
        return f"{self.origin}/?key={KEY}"

    @property
    def headers(self) -> dict[str, str]:
        """Return what a browser sends with a command of this page."""
        return {"origin": self.origin, "content-type": "application/json"}


@asynccontextmanager
async def served(
    fleet: Fleet, perform: Perform, data: Path, *, may_act: bool = True, key: str = KEY
) -> AsyncIterator[Served]:
    """Serve the page of a fleet; the browser has its cookie."""
    connection = connected(fleet)
    reader = Reader(connection)

    async def view() -> Mapping[Language, Mapping[str, Any]]:
        state = await reader.read()
        return {language: view_of(state, RiskRules(), language) for language in LANGUAGES}

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        access = Access(key, {f"127.0.0.1:{port}"}, may_act=may_act)
        acts = Acts(connection, perform)
        app = page_app(Page(connection, access, Live(view, every=0.1), acts, data, "en"))
        config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        origin = f"http://127.0.0.1:{port}"
        address = f"{origin}/{access.room}"
        async with httpx.AsyncClient(base_url=address, timeout=60) as browser:
            while not server.started:
                await asyncio.sleep(0.01)
            assert (await browser.get(f"{origin}/", params={"key": key})).status_code == 303
            yield Served(origin, address, browser, server)
        server.should_exit = True
        await serving
        await acts.finish()


def connected(fleet: Fleet) -> Connection:
    """Return a connection that opens this fleet, as often as it is asked."""

    @asynccontextmanager
    async def opens() -> AsyncIterator[Fleet]:
        yield fleet

    return Connection(opens)


async def nothing(_: Any) -> Mapping[str, Any]:
    """Carry out no command."""
    return {"well": True, "lines": []}
