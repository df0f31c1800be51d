"""A codec server for Temporal's Web UI: decrypts for one browser page of this machine only.

The token is part of the address that the operator enters in the Web UI. A page without the token gets nothing. A page
of another origin, or one that reaches this port by another host name, gets nothing even with the token.
"""

import hmac
import json
import secrets
from collections.abc import Collection, Sequence
from typing import Final

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from temporalio.api.common.v1 import Payload, Payloads

from security.sealing.codec import SealedPayloads
from security.sealing.keys import KeyRing
from security.sealing.marks import is_refused
from security.sealing.refusals import Refusals

_LARGEST: Final = 4 * 1024 * 1024
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "content-type, x-namespace",
}
_METHODS: Final = ["POST", "OPTIONS"]


def new_token() -> str:
    """Return a token that cannot be guessed."""
    return secrets.token_urlsafe(32)


def codec_app(ring: KeyRing, token: str, hosts: Collection[str], origins: Collection[str]) -> Starlette:
    """Return the application. ``hosts`` are its allowed host names, ``origins`` the Web UI's pages."""
    codec = SealedPayloads(ring, Refusals())

    async def decode(request: Request) -> Response:
        origin = request.headers.get("origin", "")
        allowed = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        if request.headers.get("host") not in hosts or origin not in origins:
            return Response(status_code=403)
        if not hmac.compare_digest(str(request.path_params["token"]).encode(), token.encode()):
            return Response(status_code=404)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=allowed | _PREFLIGHT)
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return Response(status_code=415, headers=allowed)
        payloads = _read(await _body(request))
        if payloads is None:
            return Response(status_code=400, headers=allowed)
        opened = [_shown(each) for each in await codec.decode(payloads)]
        return JSONResponse(MessageToDict(Payloads(payloads=opened)), headers=allowed | {"Cache-Control": "no-store"})

    return Starlette(routes=[Route("/{token}/decode", decode, methods=_METHODS)])


async def _body(request: Request) -> bytes:
    """Return the body, or an empty one if it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            return b""
    return bytes(body)


def _read(body: bytes) -> Sequence[Payload] | None:
    try:
        return ParseDict(json.loads(body), Payloads()).payloads
    except (ValueError, ParseError, RecursionError, AttributeError, TypeError):
        return None


def _shown(payload: Payload) -> Payload:
    """Return a payload that the Web UI can show, even if it was refused."""
    if not is_refused(payload):
        return payload
    text = f"refused: {payload.data.decode(errors='replace')}"
    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(text).encode())
