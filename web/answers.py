"""What all answers of the page share: their headers, a refusal, and how the body of a command is read."""

import asyncio
import json
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
CLOSED: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HEADERS: Final = {**CLOSED, "Content-Security-Policy": _POLICY}
_LARGEST: Final = 4096
"""Bytes of a command."""
_READ_WITHIN: Final = 10.0
"""Real seconds in which the body of a command must arrive."""


class RefusedError(Exception):
    """A request that is not answered; its status code."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in a request's body.

    Raises:
        RefusedError: it is too large, too slow, or no JSON object.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(_READ_WITHIN):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _LARGEST:
                    raise RefusedError(413)
    except TimeoutError:
        raise RefusedError(408) from None
    except ClientDisconnect:
        raise RefusedError(400) from None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError(400) from None
    if not isinstance(found, dict):
        raise RefusedError(400)
    return found


def text_of(asked: dict[str, Any], name: str, most: int = 200) -> str:
    """Return a text of a command's object; empty if it is absent.

    Raises:
        RefusedError: it is no text, too long, or has control characters or lone surrogates.
    """
    found = asked.get(name, "")
    if not isinstance(found, str) or len(found) > most or not found.isprintable():
        raise RefusedError(400)
    return found
