"""Doctor check of tracing: the extra is installed, and a receiver listens."""

import asyncio
from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit

from cli.doctor.checkup import Finding, doubtful, fine, wrong
from runtime.tracing.start import INSTALL, SETTING

_WITHIN: Final = 3.0
_PORTS: Final = {"http": 80, "https": 443}


async def look_at_traces(endpoint: str | None) -> Finding:
    """Check that the receiver of traces accepts a connection. Nothing is sent."""
    if endpoint is None:
        return fine(f"none is recorded; {SETTING} names a receiver")
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter") is None:
        return wrong("OpenTelemetry is not installed: worker.py does not start", INSTALL)
    address = urlsplit(endpoint)
    host, port = address.hostname or "", address.port or _PORTS[address.scheme]
    try:
        async with asyncio.timeout(_WITHIN):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:  # a timeout is one, too
        return doubtful(
            f"no receiver at {host}:{port}: spans are dropped, trading goes on",
            f"start the receiver, or correct {SETTING}",
        )
    writer.close()
    return fine(f"a receiver listens at {host}:{port}")
