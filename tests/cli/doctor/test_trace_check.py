"""Doctor check of tracing: off, not installed, no receiver, a receiver."""

import pytest

from cli.doctor import trace_check
from cli.doctor.checkup import Verdict
from cli.doctor.trace_check import look_at_traces
from tools.tracing.receiver import receiving


async def test_without_an_endpoint_nothing_is_recorded() -> None:
    found = await look_at_traces(None)

    assert (found.verdict, found.text) == (
        Verdict.OK,
        "none is recorded; HARU_TELEMETRY__TRACES_ENDPOINT names a receiver",
    )


async def test_a_receiver_that_listens_is_fine() -> None:
    with receiving(lambda _: None) as address:
        found = await look_at_traces(address)

    assert (found.verdict, found.text) == (Verdict.OK, f"a receiver listens at {address.removeprefix('http://')}")


async def test_no_receiver_is_doubtful_since_trading_goes_on(unused_port: int) -> None:
    found = await look_at_traces(f"http://127.0.0.1:{unused_port}/v1/traces")

    assert (found.verdict, found.fix) == (
        Verdict.WARN,
        "start the receiver, or correct HARU_TELEMETRY__TRACES_ENDPOINT",
    )
    assert found.text == f"no receiver at 127.0.0.1:{unused_port}: spans are dropped, trading goes on"


async def test_missing_packages_fail_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_check, "find_spec", lambda _: None)

    found = await look_at_traces("http://127.0.0.1:4318")

    assert (found.verdict, found.fix) == (
        Verdict.FAIL,
        "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http",
    )
