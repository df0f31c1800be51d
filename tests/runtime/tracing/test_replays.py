"""Recorded runs replay with tracing too, and a replay records nothing."""

from pathlib import Path

import pytest
from temporalio.worker import Interceptor, Replayer, UnsandboxedWorkflowRunner

from domain.clock import LIVE_CLOCK
from runtime.tracing.otel import recorded_to
from tests.workflows.test_replay import HISTORIES, history_of
from tools.tracing.receiver import receiving
from tools.tracing.trades import Trades
from workflows.hosted import HOSTED
from workflows.payloads import DATA_CONVERTER

SMALL_FIRST = sorted(HISTORIES, key=lambda path: path.stat().st_size)


@pytest.mark.slow
async def test_every_recorded_run_replays_under_tracing_without_a_span() -> None:
    trades, failed = Trades(), dict[Path, Exception]()
    with receiving(trades.take) as address:
        async with recorded_to(address) as traces:
            replayer = Replayer(
                workflows=HOSTED,
                data_converter=DATA_CONVERTER,
                interceptors=[each for each in traces.interceptors(LIVE_CLOCK) if isinstance(each, Interceptor)],
                workflow_runner=UnsandboxedWorkflowRunner(),
                debug_mode=True,
            )
            for path in SMALL_FIRST:
                result = await replayer.replay_workflow(history_of(path), raise_on_replay_failure=False)
                if result.replay_failure is not None:
                    failed[path] = result.replay_failure

    assert failed == {}
    assert trades.all() == {}
