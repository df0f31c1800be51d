"""Tracing is on only with an endpoint, and says what is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from runtime.settings import SettingsError, load_settings
from runtime.tracing.start import tracing

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.usefixtures("nothing_configured")


async def test_without_an_endpoint_nothing_is_recorded() -> None:
    async with tracing(load_settings().telemetry.traces_endpoint) as traces:
        assert (traces.statement, traces.lost) == (None, None)


def test_a_host_without_tracing_imports_no_opentelemetry() -> None:
    code = "import sys, runtime.hosting; print([name for name in sys.modules if name.startswith('opentelemetry')])"

    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert said == "[]\n"


async def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "runtime.tracing.otel", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    with pytest.raises(SettingsError, match=r"HARU_TELEMETRY__TRACES_ENDPOINT: .*pip install opentelemetry-sdk"):
        async with tracing("http://127.0.0.1:4318"):
            pass


@pytest.mark.parametrize("address", ["127.0.0.1:4318", "grpc://127.0.0.1:4317", "http://me:key-of-mine@127.0.0.1:4318"])
def test_an_address_of_another_form_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("HARU_TELEMETRY__TRACES_ENDPOINT", address)

    with pytest.raises(SettingsError, match="HARU_TELEMETRY__TRACES_ENDPOINT") as refused:
        load_settings()
    assert "key-of-mine" not in str(refused.value)
