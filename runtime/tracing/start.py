"""Start of a host's tracing; without an endpoint it does nothing and imports nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from runtime.settings import SettingsError
from runtime.tracing.parts import Tracing

INSTALL: Final = "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
"""The packages of the extra `tracing`."""
SETTING: Final = "HARU_TELEMETRY__TRACES_ENDPOINT"


@asynccontextmanager
async def tracing(endpoint: str | None) -> AsyncIterator[Tracing]:
    """Record traces while the block runs, if there is an endpoint.

    Raises:
        SettingsError: OpenTelemetry is not installed.
    """
    if endpoint is None:
        yield Tracing()
        return
    try:
        from runtime.tracing.otel import recorded_to  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as missing:
        if not (missing.name or "").startswith(("opentelemetry", "requests")):
            raise
        raise SettingsError(
            f"{SETTING}: traces need OpenTelemetry, which is not installed; run: {INSTALL} (the extra `tracing`), "
            "or unset it"
        ) from None
    async with recorded_to(endpoint) as traces:
        yield traces
