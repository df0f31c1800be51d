"""The page's server: one page, its live events, its commands, and the finished reports."""

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from database.errors import DATABASE_FAULTS, database_cause
from domain.identity import ALL_WORKERS, PositionId
from fleet.errors import OperationError
from reporting.sentences import LANGUAGES, Language, command_line_words
from web.access import Access
from web.acts import Act, Acts, StalePlanError, Wanted
from web.chart import chart_of
from web.connection import Connection
from web.formats import FILTERS
from web.live import MOST_PAGES, SHARED, Live
from web.views import VIEW_SCRIPTS, Read, view_routes

_HERE: Final = Path(__file__).parent / "assets"
_TYPES: Final = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    **dict.fromkeys(VIEW_SCRIPTS, "text/javascript"),
    "views.css": "text/css",
    **dict.fromkeys(("icon-192.png", "icon-512.png"), "image/png"),
    "icon.svg": "image/svg+xml",
    "manifest.webmanifest": "application/manifest+json",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CLOSED: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HEADERS: Final = {**_CLOSED, "Content-Security-Policy": _POLICY}
_OF_A_REPORT: Final = {**_CLOSED, "Content-Security-Policy": "sandbox allow-scripts; frame-ancestors 'none'"}
"""A report runs its own scripts, but not as this page: they cannot command, whatever wrote the file."""
_LARGEST: Final = 4096
"""Bytes of a command."""
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


class _RefusedError(Exception):
    """A request that is not answered; its status code."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def page_app(page: Page) -> Starlette:
    """Return the application."""
    routes = _Routes(page)
    inside = [
        Route("/", routes.show),
        Route("/live", routes.live),
        Route("/plan", routes.plan, methods=["POST"]),
        Route("/act", routes.act, methods=["POST"]),
        Route("/positions/{position:path}", routes.position),
        *view_routes(page.connection, page.data, routes),
        Route("/assets/{name}", routes.asset),
        Route("/reports/{name}", routes.report),
        Route("/{kind}/{folder}/{name}", routes.research),
    ]
    return Starlette(
        routes=[
            Route("/", routes.enter),
            Route("/assets/{name}", routes.asset),
            Mount(f"/{page.access.room}", routes=inside),
        ],
        exception_handlers={_RefusedError: _refused, 404: _refused, 405: _refused, 500: _refused},
    )


async def _refused(_: Request, fault: Exception) -> Response:
    status = int(getattr(fault, "status", 0) or getattr(fault, "status_code", 500))
    return Response(status_code=status, headers=_HEADERS)


class _Routes:
    def __init__(self, page: Page) -> None:
        self._page = page

    async def enter(self, request: Request) -> Response:
        """Send a browser with the key of the printed link to the page, with a cookie for it."""
        access = self._page.access
        if not access.is_here(request):
            raise _RefusedError(403)
        key = request.query_params.get("key")
        if key is None:
            return self._closed(request)
        if not access.opens(key):
            raise _RefusedError(429 if access.is_guessed else 403)
        opened = RedirectResponse(f"/{access.room}/", status_code=303, headers=_HEADERS)
        about: dict[str, Any] = {"path": f"/{access.room}", "httponly": True, "samesite": "lax"}
        opened.set_cookie(access.cookie_name, access.cookie, max_age=30 * 24 * 3600, **about)
        return opened

    async def show(self, request: Request) -> Response:
        """Return the page."""
        acts = [each.value for each in Act] if self._page.access.may_act else []
        return await self.view(request, "page.html.j2", lambda _: _just({"acts": acts}))

    async def view(self, request: Request, template: str, read: Read) -> Response:
        """Return a page with what ``read`` finds; a browser that has not opened the link gets the closed page."""
        access = self._page.access
        if not access.is_here(request):
            raise _RefusedError(403)
        if not access.is_known(request):
            return self._closed(request)
        language = self._language(request)
        words = command_line_words(language)
        other = "ko" if language == "en" else "en"
        shown = {"language": language, "may_act": access.may_act, **words["web"], **words["views"]}
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
        return HTMLResponse(text, 503 if values["missing"] else 200, headers=_HEADERS)

    async def file(self, request: Request, name: str, read: Callable[[Language], Awaitable[str]]) -> Response:
        """Return a CSV file that ``read`` writes, with a byte order mark, by which spreadsheets know UTF-8."""
        self._require(request)
        try:
            text = await read(self._language(request))
        except (OperationError, *DATABASE_FAULTS):
            raise _RefusedError(503) from None
        headers = {**_HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        return Response(f"\ufeff{text}", media_type="text/csv; charset=utf-8", headers=headers)

    async def day(self, request: Request, read: Callable[[Language], Awaitable[str | None]]) -> Response:
        """Return a page that ``read`` writes now; it brings its own policy for scripts."""
        self._require(request)
        try:
            text = await read(self._language(request))
        except (OperationError, *DATABASE_FAULTS):
            raise _RefusedError(503) from None
        if text is None:
            raise _RefusedError(404)
        return HTMLResponse(text, headers=_OF_A_REPORT)

    async def live(self, request: Request) -> Response:
        """Return the stream of events."""
        self._require(request)
        if self._page.live.pages >= MOST_PAGES:
            raise _RefusedError(503)
        parts = SHARED if request.query_params.get("parts") == "shared" else None
        events = self._page.live.events(self._language(request), parts)
        return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)

    async def plan(self, request: Request) -> Response:
        """Return what a command will do."""
        asked = await self._command(request)
        try:
            wanted = Wanted.of(Act(asked["act"]), str(asked.get("worker", ALL_WORKERS)))
        except (KeyError, ValueError):
            raise _RefusedError(400) from None
        try:
            return JSONResponse(await self._page.acts.plan(wanted), headers=_HEADERS)
        except (OperationError, *DATABASE_FAULTS) as refusal:
            return JSONResponse({"error": self._said(request, str(refusal))}, 409, headers=_HEADERS)

    async def act(self, request: Request) -> Response:
        """Carry out a plan once."""
        asked = await self._command(request)
        try:
            done = await self._page.acts.confirm(str(asked.get("plan", "")))
        except StalePlanError:
            words = command_line_words(self._language(request))["web"]
            return JSONResponse({"error": words["stale"]}, 409, headers=_HEADERS)
        said = [self._said(request, each) for each in done["lines"]]
        return JSONResponse({"well": done["well"], "lines": said}, headers=_HEADERS)

    async def position(self, request: Request) -> Response:
        """Return the prices of a held position."""
        self._require(request)
        try:
            said, position = command_line_words(self._language(request)), PositionId(request.path_params["position"])
            found = await chart_of(await self._page.connection.fleet(), position, said)
        except (OperationError, *DATABASE_FAULTS):
            raise _RefusedError(503) from None
        if found is None:
            raise _RefusedError(404)
        return JSONResponse(found, headers=_HEADERS)

    async def asset(self, request: Request) -> Response:
        """Return a file of the page. The closed page needs its style too."""
        name = request.path_params["name"]
        if not self._page.access.is_here(request) or name not in _TYPES:
            raise _RefusedError(404)
        return Response(_file(name), media_type=_TYPES[name], headers=_HEADERS)

    async def report(self, request: Request) -> Response:
        """Return a written report; it brings its own policy for scripts."""
        return self._written(request, self._page.data / "reports")

    async def research(self, request: Request) -> Response:
        """Return the page of a backtest or a sweep."""
        kind, folder = request.path_params["kind"], request.path_params["folder"]
        if kind not in {"backtests", "sweeps"} or not _FOLDER.fullmatch(folder):
            raise _RefusedError(404)
        return self._written(request, self._page.data / kind, folder)

    def _written(self, request: Request, root: Path, folder: str = "") -> Response:
        """Return a file below a root, which may be a link; nothing below it may be one."""
        self._require(request)
        name = request.path_params["name"]
        path = Path(os.path.realpath(root)) / folder / name
        if not _WRITTEN.fullmatch(name) or Path(os.path.realpath(path)) != path or not path.is_file():
            raise _RefusedError(404)
        return FileResponse(path, headers=_OF_A_REPORT)

    def _closed(self, request: Request) -> Response:
        """Return the page of a browser that has not opened the link."""
        language = self._language(request)
        text = _template("closed.html.j2").render(words=command_line_words(language)["web"], language=language)
        return HTMLResponse(text, status_code=401, headers=_HEADERS)

    def _require(self, request: Request) -> None:
        if not self._page.access.is_here(request):
            raise _RefusedError(403)
        if not self._page.access.is_known(request):
            raise _RefusedError(401)

    async def _command(self, request: Request) -> Mapping[str, Any]:
        """Return the JSON object of a command that comes from this page and may be given."""
        self._require(request)
        if not self._page.access.is_ours(request) or not self._page.access.may_act:
            raise _RefusedError(403)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LARGEST:
                raise _RefusedError(413)
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            raise _RefusedError(400) from None
        if not isinstance(found, dict):
            raise _RefusedError(400)
        return found

    def _language(self, request: Request) -> Language:
        wanted = request.query_params.get("lang", "")
        return next((each for each in LANGUAGES if each == wanted), self._page.language)

    def _said(self, request: Request, text: str) -> str:
        return command_line_words(self._language(request)).say_parts(text)


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
