"""Access control: local programs may call the simulator, web pages in a local browser may not."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.gateway import one_slash

LARGEST_BODY: Final = 1_000_000
"""Maximum request body in bytes. KIS and control API requests have a few hundred."""
PAGE: Final = ("/control", "/control/", "/control/page.css", "/control/page.js", "/control/words.js")
"""Files of the control page. They say nothing of the market; the page asks its reader for the token."""
_OPEN_CONTROL: Final = frozenset(
    {("GET", "/control/status"), ("HEAD", "/control/status"), ("POST", "/control/proof"), *(("GET", at) for at in PAGE)}
)
"""Requests that need no token: every host reads the clock, and every KIS API client asks for the proof."""
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::[0-9]{1,5})?")
_READS: Final = frozenset({"GET", "HEAD"})
_OUR_SITES: Final = frozenset({"", "none", "same-origin"})
"""``Sec-Fetch-Site`` values (Fetch Metadata) of requests that no other site has made."""
_POLICY_VIOLATION: Final = 1008


class BadTokenFileError(ValueError):
    """The control token's file cannot be used. The text gives the reason."""


@dataclass(frozen=True, slots=True)
class Callers:
    """``Host`` names served in addition to loopback, and the token that ``/control`` requires ("" = none)."""

    hosts: frozenset[str] = frozenset()
    control_token: str = field(default="", repr=False)

    def objection_to(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Return status and text of the refusal, or None to accept the request."""
        host = headers.get("host", "")
        if not self._serves(host):
            return 421, "this host name is not served here; name it with --allowed-host if it is yours"
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2].lower() != host.lower():
            return 403, "web pages may not call the simulator: the request carries the Origin of another site"
        if headers.get("sec-fetch-site", "") not in _OUR_SITES:
            return 403, "web pages may not call the simulator: the browser says that another site makes the request"
        if one_slash(path).split("/")[1] != "control":
            return None
        wants_token = bool(self.control_token) and (method, one_slash(path)) not in _OPEN_CONTROL
        return self._objection_to_control(method, headers, wants_token=wants_token)

    def _objection_to_control(
        self, method: str, headers: Mapping[str, str], *, wants_token: bool
    ) -> tuple[int, str] | None:
        given = headers.get("authorization", "").encode(errors="replace")
        if wants_token and not hmac.compare_digest(given, f"Bearer {self.control_token}".encode()):
            return 401, "the control API wants its token: send Authorization: Bearer and the token"
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        changes = method not in _READS and (method != "DELETE" or media_type)
        if changes and media_type != "application/json":
            return 415, "the control API takes JSON: send Content-Type: application/json"
        return None

    def _serves(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match[1].strip("[]").lower()
        return name == "localhost" or name in self.hosts or _is_loopback(name)


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def read_token(path: Path | None) -> str:
    """Return the token from a file that only its owner can read; "" without a file.

    Raises:
        BadTokenFileError: the file is unreadable, open to others, or holds no token.
    """
    if path is None:
        return ""
    try:
        mode, token = path.stat().st_mode, path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadTokenFileError(f"--control-token {path}: {error}") from None
    if mode & 0o077:
        raise BadTokenFileError(f"--control-token {path}: others can read it; chmod 600 {path}")
    if re.fullmatch(r"[\x21-\x7e]{16,200}", token) is None:
        raise BadTokenFileError(f"--control-token {path}: it must hold one word of 16 to 200 ASCII characters")
    return token


class FrontDoor:
    """Refuses requests of web pages, control calls without the token, and oversized bodies."""

    def __init__(self, app: ASGIApp, callers: Callers) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request or forward it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        objection = self._callers.objection_to(scope.get("method", "GET"), scope["path"], Headers(scope=scope))
        if objection is None and scope["type"] == "http":
            body = await _body(receive)
            receive = _replayed(body, receive)
            objection = (413, f"the body has more than {LARGEST_BODY:,} bytes") if body is None else None
        if objection is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await JSONResponse({"error": objection[1]}, objection[0])(scope, receive, send)


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body, or None if it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return bytes(body)


def _replayed(body: bytes | None, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body or b"", "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
