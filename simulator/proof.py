"""Proof that this server is a simulator. Clients require it before they send keys or orders."""

import json
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

_MOST_BYTES = 1_000
_PUBLIC_SECRET = "S" * 180


def proof_of(challenge: str) -> str:
    """Return the answer to a challenge. It hides nothing: it only shows that no KIS server answers."""
    return sha256(f"haru simulator {_PUBLIC_SECRET} {challenge}".encode()).hexdigest()


def proof_routes() -> list[BaseRoute]:
    """Return the route ``/control/proof``: it answers ``{"challenge": text}`` with ``{"proof": text}``."""
    return [Route("/proof", _prove, methods=["POST"])]


async def _prove(request: Request) -> Response:
    try:
        challenge = json.loads((await request.body())[:_MOST_BYTES])["challenge"]
    except (ValueError, KeyError, TypeError):
        return JSONResponse({"error": 'say {"challenge": "some text"}'}, 400)
    return JSONResponse({"proof": proof_of(str(challenge))})
