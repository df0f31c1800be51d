"""The clockwork stops a workflow that continues as new endlessly before it fills the memory."""

import asyncio
from datetime import timedelta

import pytest
from temporalio import workflow

from lab import clockwork as clockwork_module
from lab.attempts import Again
from lab.clockwork import Clockwork
from lab.runs import StuckError
from tests.support.builders import NOW


@workflow.defn
class EndlessWorkflow:
    """Continues as new at once."""

    @workflow.run
    async def run(self, number: int) -> None:
        workflow.continue_as_new(number + 1)


async def test_runs_without_end_are_told_and_their_histories_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clockwork_module, "_MOST_RUNS", 20)

    async def play(*_: object) -> Again:
        raise AssertionError("there is no activity")

    clockwork = Clockwork(NOW, play)
    clockwork.start(EndlessWorkflow.run, 1, "endless")

    with pytest.raises(StuckError, match="endless continues as new without end"):
        await clockwork.until(lambda: False, NOW + timedelta(hours=1))

    assert len(clockwork.past) == 21
    assert not any(run.history for run in clockwork.past)


@workflow.defn
class WaitingWorkflow:
    """Waits for one activity."""

    @workflow.run
    async def run(self, number: int) -> None:
        await workflow.execute_activity("waits", number, start_to_close_timeout=timedelta(minutes=1))


async def test_an_attempt_that_waits_in_real_time_fails_by_name() -> None:
    async def waits(*_: object) -> Again:
        await asyncio.Event().wait()
        raise AssertionError("it waits without end")

    clockwork = Clockwork(NOW, waits)
    clockwork.longest_step = 0.01
    clockwork.start(WaitingWorkflow.run, 1, "waiting")

    with pytest.raises(StuckError, match=r"waits \(attempt 1\) of waiting, at .*, has neither ended nor let time pass"):
        await clockwork.until(lambda: False, NOW + timedelta(hours=1))
