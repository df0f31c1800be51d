"""The stream's part of the control API: open sessions and stream settings."""

import json
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from simulator.control import BadControlError, answered
from simulator.stream.stream import Stream


def stream_routes(stream: Stream) -> list[BaseRoute]:
    """Return the routes of ``/control/stream``."""

    async def show(_: Request) -> dict[str, Any]:
        return {"settings": asdict(stream.settings), "sessions": stream.to_json()}

    async def change(request: Request) -> dict[str, Any]:
        body = json.loads(await request.body())
        if not isinstance(body, dict):
            raise BadControlError("a JSON object is expected")
        stream.settings.change(body)
        return await show(request)

    return [
        Route("/stream", answered(show), methods=["GET"]),
        Route("/stream", answered(change), methods=["POST"]),
    ]
