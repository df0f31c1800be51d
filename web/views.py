"""The views beside the live page: history with its exports, and the lab."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reporting.csv_files import tax_csv, trades_csv
from reporting.sentences import Language, command_line_words
from web.connection import Connection
from web.history import Asked, read_report, read_year, trades_of, written_report
from web.lab_view import read_lab, read_pair

VIEW_SCRIPTS: Final = ("common.js", "views.js", "position.js", "lines.js", "history.js", "lightweight-charts.js")

Read = Callable[[Language], Awaitable[Mapping[str, Any]]]


class Door(Protocol):
    """Answers requests of browsers that have opened the link, and refuses all others."""

    async def view(self, request: Request, template: str, read: Read) -> Response:
        """Return a page with what ``read`` finds."""
        ...

    async def file(self, request: Request, name: str, read: Callable[[Language], Awaitable[str]]) -> Response:
        """Return a file to save."""
        ...

    async def day(self, request: Request, read: Callable[[Language], Awaitable[str | None]]) -> Response:
        """Return a finished page."""
        ...


def view_routes(connection: Connection, data: Path, door: Door) -> list[Route]:
    """Return the routes of the views."""
    views = _Views(connection, data, door)
    return [
        Route("/history", views.history),
        Route("/history/trades.csv", views.trades),
        Route("/history/tax.csv", views.tax),
        Route("/history/{day}", views.day),
        Route("/lab", views.lab),
        Route("/lab/pair", views.pair),
    ]


class _Views:
    def __init__(self, connection: Connection, data: Path, door: Door) -> None:
        self._connection = connection
        self._data = data
        self._door = door

    async def history(self, request: Request) -> Response:
        """Return a year of the books."""
        asked = Asked.of(request.query_params)

        async def read(language: Language) -> Mapping[str, Any]:
            return await read_year(await self._connection.fleet(), self._data, asked, command_line_words(language))

        return await self._door.view(request, "history.html.j2", read)

    async def trades(self, request: Request) -> Response:
        """Return the trades of a year that pass the filters, as CSV."""
        asked = Asked.of(request.query_params)

        async def read(language: Language) -> str:
            found = await trades_of(await self._connection.fleet(), asked)
            return await asyncio.to_thread(trades_csv, found, command_line_words(language))

        return await self._door.file(request, "haru-trades.csv", read)

    async def tax(self, request: Request) -> Response:
        """Return the yearly sheet of purchases, sales, costs and tax, as CSV."""
        year = Asked(year=Asked.of(request.query_params).year)

        async def read(language: Language) -> str:
            found = await trades_of(await self._connection.fleet(), year)
            return await asyncio.to_thread(tax_csv, found, command_line_words(language))

        return await self._door.file(request, "haru-tax.csv", read)

    async def day(self, request: Request) -> Response:
        """Return a day's report: the written one, else one of the books as they are now."""

        async def read(language: Language) -> str | None:
            try:
                day = date.fromisoformat(request.path_params["day"])
            except ValueError:
                return None
            name = written_report(self._data, day, language)
            if name is not None:
                return await asyncio.to_thread((self._data / "reports" / name).read_text, encoding="utf-8")
            return await read_report(await self._connection.fleet(), day, language)

        return await self._door.day(request, read)

    async def lab(self, request: Request) -> Response:
        """Return the list of backtests, sweeps and verdicts."""
        return await self._door.view(
            request, "lab.html.j2", lambda language: asyncio.to_thread(read_lab, self._data, language)
        )

    async def pair(self, request: Request) -> Response:
        """Return two results side by side, or the list if they cannot be compared."""
        names = (request.query_params.get("a", ""), request.query_params.get("b", ""))

        async def read(language: Language) -> Mapping[str, Any]:
            found = await asyncio.to_thread(read_pair, self._data, language, names)
            return {"compared": found, "names": names}

        return await self._door.view(request, "pair.html.j2", read)
