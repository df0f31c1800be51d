"""The page's files and the view that it polls. Changes go through the rest of the control API."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from simulator.control import answered
from simulator.page.view import view_of
from simulator.simulation import Simulation

FILES: Final[Mapping[str, tuple[str, str]]] = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/words.js": ("words.js", "text/javascript"),
}
"""Path below ``/control`` to file and type. Nothing in them is of the market: they need no control token."""
_HERE: Final = Path(__file__).parent
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def page_routes(simulation: Simulation) -> list[BaseRoute]:
    """Return the routes of the page, to be mounted under ``/control``."""

    async def view(request: Request) -> dict[str, Any]:
        return view_of(simulation, request.query_params)

    return [
        *(Route(path, _file(*file), methods=["GET"]) for path, file in FILES.items()),
        Route("/view", answered(view), methods=["GET"]),
    ]


def _file(name: str, media_type: str) -> Any:
    content = (_HERE / name).read_bytes()

    async def send(_: Request) -> Response:
        return Response(content, 200, _HEADERS, f"{media_type}; charset=utf-8")

    return send
