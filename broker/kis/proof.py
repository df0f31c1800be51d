"""A server that is not KIS's must prove that it is our simulator before any request is sent to it."""

import asyncio
import json
import secrets
from hmac import compare_digest
from typing import Any, Final

import httpx

from broker.kis.sockets import kis_transport
from domain.hosts import PROOF_PATH, proof_of

FIRST_BYTE: Final = "http11.send_request_headers.started"
"""The step in httpcore's trace that follows connecting; before it no byte of the request has been sent."""
_CONNECTS: Final = "connection.connect_tcp.started"
_MOST_BYTES: Final = 1_000
_PROVES_WITHIN: Final = 4.0
"""Seconds for the whole proof; together with the order it stays within an order's time-out."""
_PATIENCE: Final = {"connect": 3.0, "read": 3.0, "write": 3.0, "pool": 2.0}


class NoSimulatorError(httpx.ConnectError):
    """The server does not prove that it is a simulator; the request has not been sent."""


class ProvenTransport(httpx.AsyncBaseTransport):
    """Transport to a simulator: each new connection requests the proof before its first request."""

    def __init__(self, inner: httpx.AsyncBaseTransport | None = None) -> None:
        self._inner = inner or kis_transport()
        self._is_proven = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request once the server has proven itself.

        Raises:
            NoSimulatorError: the answer is not the proof. httpx.ConnectError: it does not answer in time.
        """
        if not self._is_proven:
            await self.prove(request.url)
        trace = request.extensions.get("trace")
        connects = False

        async def prove_after_connecting(step: str, about: Any) -> None:
            nonlocal connects
            if step == _CONNECTS:
                connects = True
            elif step == FIRST_BYTE and connects:
                await self.prove(request.url)
            if trace is not None:
                await trace(step, about)

        request.extensions = {**request.extensions, "trace": prove_after_connecting}
        return await self._inner.handle_async_request(request)

    async def prove(self, url: httpx.URL) -> None:
        """Request the proof from the server of an address.

        Raises:
            NoSimulatorError, httpx.ConnectError: see above.
        """
        self._is_proven = False
        challenge = secrets.token_hex(16)
        try:
            async with asyncio.timeout(_PROVES_WITHIN):
                answer = await self._asked(url.join(PROOF_PATH), challenge)
        except httpx.ConnectError:
            raise
        except (httpx.RequestError, OSError) as error:
            raise httpx.ConnectError(f"no proof of a simulator: {type(error).__name__}") from None
        if not compare_digest(answer, proof_of(challenge)):
            raise NoSimulatorError(f"the server at {url.host} does not prove to be a simulator; nothing was sent to it")
        self._is_proven = True

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _asked(self, url: httpx.URL, challenge: str) -> str:
        """Return the server's proof, or an empty text."""
        asked = httpx.Request("POST", url, json={"challenge": challenge}, extensions={"timeout": _PATIENCE})
        response = await self._inner.handle_async_request(asked)
        body = b""
        try:
            async for part in response.stream:  # type: ignore[union-attr] # an asynchronous transport answers so
                body += part
                if len(body) > _MOST_BYTES:
                    return ""
        finally:
            await response.aclose()
        try:
            found = json.loads(body)["proof"]
        except (ValueError, KeyError, TypeError):
            return ""
        is_proof = response.status_code == httpx.codes.OK and isinstance(found, str) and found.isascii()
        return found if is_proof else ""
