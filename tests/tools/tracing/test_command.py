"""The command that receives traces and draws settled trades, fed by a real exporter."""

import asyncio
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from opentelemetry import trace

from domain.identity import PositionId
from runtime.tracing.otel import recorded_to
from runtime.tracing.spans import OtelSpans
from runtime.tracing.trades import trace_id_of
from tools.tracing.receiver import Received, receiving
from tools.tracing.trades import Trades

ROOT = Path(__file__).parents[3]
SETTLED, OPEN = PositionId("run.1"), PositionId("run.2")


async def test_a_settled_trade_is_drawn_once_and_the_command_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.tracing", "--port", "0", "--count", "1", "--out", str(tmp_path / "traces")]
    running = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert running.stdout is not None
    address = (await running.stdout.readline()).decode().strip().rpartition("=")[2]

    async with recorded_to(address) as traces:
        for position_id in (SETTLED, OPEN):
            assert isinstance(traces.trades, OtelSpans)
            traces.trades.begin(position_id, 1_000_000, 2_000_000)
            with traces.trades.of_trade(position_id, "RunActivity:finish_sale"):
                if position_id == SETTLED:
                    trace.get_current_span().set_attribute("haru.outcome", "settled")
    said, _ = await running.communicate()

    picture = tmp_path / "traces" / f"{trace_id_of(SETTLED):032x}.svg"
    assert (running.returncode, said.decode().split()) == (0, [str(picture)])
    assert [each.name for each in picture.parent.iterdir()] == [picture.name]
    assert "RunActivity:finish_sale" in picture.read_text(encoding="utf-8")


@pytest.mark.parametrize(("path", "body", "code"), [("/v1/traces", b"\xff\xff", 400), ("/v1/logs", b"", 404)])
def test_what_is_no_trace_is_refused(path: str, body: bytes, code: int) -> None:
    taken: list[list[Received]] = []
    with receiving(taken.append) as address:
        request = urllib.request.Request(address + path, data=body, method="POST")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=60)
        refused.value.close()

    assert (refused.value.code, taken) == (code, [])


def test_the_oldest_trace_goes_first_when_there_are_too_many() -> None:
    trades = Trades()
    for number in range(2_001):
        trades.take([Received(f"{number}", "a", "", "trade", 1, 2)])

    assert len(trades.all()) == 2_000
    assert "0" not in trades.all()
