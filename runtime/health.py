"""A host's health over HTTP, for probes of Kubernetes and compose.

`/live` answers while the event loop turns, and says nothing of PostgreSQL, Temporal or the broker: a restart would not
bring them back, and would leave positions unwatched meanwhile. `/ready` answers 200 only while the host takes work.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from http import HTTPStatus
from typing import Final

_SLOWEST: Final = 5.0
"""Real seconds for one request: a client that sends nothing must not keep its connection."""
_REPLY: Final = b"HTTP/1.1 %d %b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class HealthAddressError(Exception):
    """The health address cannot be served on; the text names the variable and the fix."""


class Health:
    """Whether this host takes work."""

    def __init__(self) -> None:
        self._is_ready = False

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Report ready while the block runs."""
        self._is_ready = True
        try:
            yield
        finally:
            self._is_ready = False

    def answer(self, request: bytes) -> bytes:
        """Return the reply to the first line of a request."""
        ready = HTTPStatus.OK if self._is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        known = {b"GET /live": HTTPStatus.OK, b"GET /ready": ready}
        status = known.get(b" ".join(request.split(b" ")[:2]), HTTPStatus.NOT_FOUND)
        return _REPLY % (status.value, status.phrase.encode())


@asynccontextmanager
async def serving_health(address: str | None) -> AsyncIterator[Health]:
    """Serve the health of this process on `host:port` while the block runs; None serves none.

    Raises:
        HealthAddressError: the address cannot be served on.
    """
    health = Health()
    if address is None:
        yield health
        return

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError, TimeoutError):
            async with asyncio.timeout(_SLOWEST):
                writer.write(health.answer(await reader.readline()))
                await writer.drain()
        writer.close()

    host, _, port = address.rpartition(":")
    try:
        server = await asyncio.start_server(serve, host, int(port))
    except (OSError, OverflowError) as error:
        raise HealthAddressError(
            f"HARU_TELEMETRY__HEALTH_ADDRESS: {address} cannot be served on ({error}); choose another, or unset it"
        ) from None
    try:
        yield health
    finally:
        server.close()
