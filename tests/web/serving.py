"""The page's real server on a free port, for tests."""

import asyncio
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
from web.access.door import Access, Way
from web.access.exposure import Exposure
from web.access.passwords import Passwords
from web.access.records import Recorder
from web.app import Page, page_app
from web.commands.acts import Acts, Perform
from web.connection import Connection
from web.live import Live, View
from web.server import configured, listen_at
from web.state import Reader
from web.view import view_of

KEY = "the-key-of-this-page"


@dataclass(frozen=True)
class Served:
    """A running page: its origin, the address of the page, a browser that has opened the link, server and door."""

    origin: str
    address: str
    browser: httpx.AsyncClient
    server: uvicorn.Server
    access: Access

    @property
    def link(self) -> str:
        """Return the link that the command prints."""
        return f"{self.origin}/?key={KEY}"

    @property
    def headers(self) -> dict[str, str]:
        """Return what a browser sends with a command of this page."""
        return {"origin": self.origin, "content-type": "application/json"}


@dataclass(frozen=True)
class Secured:
    """What a page beyond this machine has: a certificate, its key, and passwords."""

    certificate: Path
    key: Path
    passwords: Passwords


@asynccontextmanager
async def served(
    fleet: Fleet,
    perform: Perform,
    data: Path,
    *,
    may_act: bool = True,
    key: str = KEY,
    secured: Secured | None = None,
    passwords: Passwords | None = None,
) -> AsyncIterator[Served]:
    """Serve the page of a fleet; the browser has its cookie, unless the page is secured."""
    connection = connected(fleet)
    recorder, exposure = Recorder(connection), _exposed(secured)
    with listen_at(exposure, 0) as listening:
        port = listening.getsockname()[1]
        known = passwords if secured is None else secured.passwords
        access = Access(key, exposure.hosts(port), commands=may_act, way=exposure.way, passwords=known)
        acts = Acts(connection, perform)
        page = Page(connection, access, Live(_view_of(connection), every=0.1), acts, data, "en", recorder)
        server = uvicorn.Server(configured(page_app(page), exposure))
        serving = asyncio.create_task(server.serve([listening]))
        origin = exposure.address(port).rstrip("/")
        address = f"{origin}/{access.room}"
        async with httpx.AsyncClient(base_url=address, timeout=60, verify=False) as browser:
            while not server.started:
                await asyncio.sleep(0.01)
            if secured is None:
                shown = key if may_act else access.readers_key
                assert (await browser.get(f"{origin}/", params={"key": shown})).status_code == 303
            yield Served(origin, address, browser, server, access)
        server.should_exit = True
        await serving
        await acts.finish()
        await recorder.finish()


def _exposed(secured: Secured | None) -> Exposure:
    if secured is None:
        return Exposure("127.0.0.1", (), Way())
    way = Way(by_password=True, secure=True)
    return Exposure("127.0.0.1", ("127.0.0.1",), way, str(secured.certificate), str(secured.key))


def _view_of(connection: Connection) -> View:
    reader = Reader(connection)

    async def view() -> Mapping[Language, Mapping[str, Any]]:
        state = await reader.read()
        return {language: view_of(state, RiskRules(), language) for language in LANGUAGES}

    return view


def connected(fleet: Fleet) -> Connection:
    """Return a connection that opens this fleet, as often as it is asked."""

    @asynccontextmanager
    async def opens() -> AsyncIterator[Fleet]:
        yield fleet

    return Connection(opens)


async def nothing(_: Any) -> Mapping[str, Any]:
    """Carry out no command."""
    return {"well": True, "lines": []}
