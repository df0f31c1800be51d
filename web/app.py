"""The page's server: one page, its live events, its commands, and the finished reports."""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, Router

from database.errors import DATABASE_FAULTS, database_cause
from domain.identity import PositionId
from fleet.errors import OperationError
from reporting.sentences import LANGUAGES, Language, Words
from web.access.door import Access
from web.access.login import Entry
from web.access.records import Recorder
from web.answers import CLOSED, HEADERS, RefusedError
from web.chart import chart_of
from web.commands.acts import Acts
from web.commands.routes import CommandRoutes
from web.commands.wanted import OF_THE_FLEET
from web.connection import Connection
from web.formats import FILTERS
from web.live import MOST_PAGES, SHARED, Live
from web.views import VIEW_SCRIPTS, Read, view_routes
from web.words import page_words

_HERE: Final = Path(__file__).parent / "assets"
_TYPES: Final = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    **dict.fromkeys((*VIEW_SCRIPTS, "commands.js", "login.js"), "text/javascript"),
    "views.css": "text/css",
    **dict.fromkeys(("icon-192.png", "icon-512.png"), "image/png"),
    "icon.svg": "image/svg+xml",
    "manifest.webmanifest": "application/manifest+json",
}
_OF_A_REPORT: Final = {**CLOSED, "Content-Security-Policy": "sandbox allow-scripts; frame-ancestors 'none'"}
"""A report runs its own scripts, but not as this page: they cannot command, whatever wrote the file."""
_READ_WITHIN: Final = 20.0
"""Real seconds in which a view of many days is read."""
_WRITTEN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}\.html")
_FOLDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,150}")


@dataclass(frozen=True, slots=True)
class Page:
    """What the server needs: the fleet, who may come in, the live events, the commands, and the data folder."""

    connection: Connection
    access: Access
    live: Live
    acts: Acts
    data: Path
    language: Language
    recorder: Recorder | None = None
    """Writes the rows of the audit log about entering; None: one of the connection."""


def page_app(page: Page) -> Starlette:
    """Return the application."""
    routes = _Routes(page)
    entry = Entry(page.access, page.recorder or Recorder(page.connection), routes.words, routes.closed)
    commands = CommandRoutes(page.connection, page.access, page.acts, entry, routes.words)
    inside = [
        *entry.inside(),
        *commands.routes(),
        Route("/", routes.show),
        Route("/live", routes.live),
        Route("/positions/{position:path}", routes.position),
        *view_routes(page.connection, page.data, routes),
        Route("/assets/{name}", routes.asset),
        Route("/reports/{name}", routes.report),
        Route("/{kind}/{folder}/{name}", routes.research),
    ]
    app = Starlette(
        routes=[
            *entry.outside(),
            Route("/assets/{name}", routes.asset),
            Mount(f"/{page.access.room}", app=Router(inside, redirect_slashes=False)),
        ],
        exception_handlers={RefusedError: _refused, 404: _refused, 405: _refused, 500: _refused},
    )
    app.router.redirect_slashes = False  # such a redirect names whatever host the request names
    return app


async def _refused(_: Request, fault: Exception) -> Response:
    status = int(getattr(fault, "status", 0) or getattr(fault, "status_code", 500))
    return Response(status_code=status, headers=HEADERS)


class _Routes:
    def __init__(self, page: Page) -> None:
        self._page = page

    async def show(self, request: Request) -> Response:
        """Return the page."""
        acts = [each.value for each in OF_THE_FLEET] if self._page.access.may_act(request) else []
        return await self.view(request, "page.html.j2", lambda _: _just({"acts": acts}))

    async def view(self, request: Request, template: str, read: Read) -> Response:
        """Return a page with what ``read`` finds; a browser that has not opened the link gets the closed page."""
        access = self._page.access
        if not access.is_here(request):
            raise RefusedError(403)
        if not access.is_known(request):
            return RedirectResponse("/", 303, headers=HEADERS) if access.way.by_password else self.closed(request)
        language, words = self._language(request), self.words(request)
        other = "ko" if language == "en" else "en"
        shown = {"language": language, "may_act": access.may_act(request), **words["web"], **words["views"]}
        values: Mapping[str, Any] = {"missing": "", **await _read_or_why(read, language)}
        text = _template(template).render(
            words=words["web"],
            said=words["views"],
            every=words,
            language=language,
            other=other,
            switch=urlencode({**request.query_params, "lang": other}),
            shown=shown,
            **values,
        )
        return HTMLResponse(text, 503 if values["missing"] else 200, headers=HEADERS)

    async def file(self, request: Request, name: str, read: Callable[[Language], Awaitable[str]]) -> Response:
        """Return a CSV file that ``read`` writes, with a byte order mark, by which spreadsheets know UTF-8."""
        self._require(request)
        try:
            text = await read(self._language(request))
        except (OperationError, *DATABASE_FAULTS):
            raise RefusedError(503) from None
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        return Response(f"\ufeff{text}", media_type="text/csv; charset=utf-8", headers=headers)

    async def day(self, request: Request, read: Callable[[Language], Awaitable[str | None]]) -> Response:
        """Return a page that ``read`` writes now; it brings its own policy for scripts."""
        self._require(request)
        try:
            text = await read(self._language(request))
        except (OperationError, *DATABASE_FAULTS):
            raise RefusedError(503) from None
        if text is None:
            raise RefusedError(404)
        return HTMLResponse(text, headers=_OF_A_REPORT)

    async def live(self, request: Request) -> Response:
        """Return the stream of events."""
        self._require(request)
        if self._page.live.pages >= MOST_PAGES:
            raise RefusedError(503)
        parts = SHARED if request.query_params.get("parts") == "shared" else None
        events = self._while_known(request, self._page.live.events(self._language(request), parts))
        return StreamingResponse(events, media_type="text/event-stream", headers=HEADERS)

    async def _while_known(self, request: Request, events: AsyncGenerator[str, None]) -> AsyncIterator[str]:
        """Yield events until the browser's session is over; it then asks again and is refused."""
        async with aclosing(events):
            async for event in events:
                if not self._page.access.is_known(request):
                    return
                yield event

    async def position(self, request: Request) -> Response:
        """Return the prices of a held position."""
        self._require(request)
        try:
            said, position = self.words(request), PositionId(request.path_params["position"])
            found = await chart_of(await self._page.connection.fleet(), position, said)
        except (OperationError, *DATABASE_FAULTS):
            raise RefusedError(503) from None
        if found is None:
            raise RefusedError(404)
        return JSONResponse(found, headers=HEADERS)

    async def asset(self, request: Request) -> Response:
        """Return a file of the page. The closed page needs its style too."""
        name = request.path_params["name"]
        if not self._page.access.is_here(request) or name not in _TYPES:
            raise RefusedError(404)
        return Response(_file(name), media_type=_TYPES[name], headers=HEADERS)

    async def report(self, request: Request) -> Response:
        """Return a written report; it brings its own policy for scripts."""
        return self._written(request, self._page.data / "reports")

    async def research(self, request: Request) -> Response:
        """Return the page of a backtest or a sweep."""
        kind, folder = request.path_params["kind"], request.path_params["folder"]
        if kind not in {"backtests", "sweeps"} or not _FOLDER.fullmatch(folder):
            raise RefusedError(404)
        return self._written(request, self._page.data / kind, folder)

    def _written(self, request: Request, root: Path, folder: str = "") -> Response:
        """Return a file below a root, which may be a link; nothing below it may be one."""
        self._require(request)
        name = request.path_params["name"]
        path = Path(os.path.realpath(root)) / folder / name
        if not _WRITTEN.fullmatch(name) or Path(os.path.realpath(path)) != path or not path.is_file():
            raise RefusedError(404)
        return FileResponse(path, headers=_OF_A_REPORT)

    def closed(self, request: Request) -> Response:
        """Return the page of a browser that has not entered: how to, or the login."""
        language, by_password = self._language(request), self._page.access.way.by_password
        words = self.words(request)["web"]
        shown = {"language": language, "no_answer": words["no_answer"], "refused": words["refused"]}
        template = _template("closed.html.j2")
        text = template.render(words=words, language=language, by_password=by_password, shown=shown)
        return HTMLResponse(text, status_code=401, headers=HEADERS)

    def words(self, request: Request) -> Words:
        """Return the words of a request's language."""
        return page_words(self._language(request))

    def _require(self, request: Request) -> None:
        if not self._page.access.is_here(request):
            raise RefusedError(403)
        if not self._page.access.is_known(request):
            raise RefusedError(401)

    def _language(self, request: Request) -> Language:
        wanted = request.query_params.get("lang", "")
        return next((each for each in LANGUAGES if each == wanted), self._page.language)


async def _just(values: Mapping[str, Any]) -> Mapping[str, Any]:
    return values


async def _read_or_why(read: Read, language: Language) -> Mapping[str, Any]:
    """Return what was read, or why it is missing: the page says so and is not blank."""
    try:
        async with asyncio.timeout(_READ_WITHIN):
            return await read(language)
    except (OperationError, *DATABASE_FAULTS) as fault:
        why = str(fault) if isinstance(fault, OperationError) else database_cause(fault)
        return {"missing": why or type(fault).__name__}


@cache
def _file(name: str) -> bytes:
    return (_HERE / name).read_bytes()


def _template(name: str) -> Any:
    return _templates().get_template(name)


@cache
def _templates() -> Environment:
    found = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    found.filters |= FILTERS
    return found
