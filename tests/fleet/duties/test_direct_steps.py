"""Steps without Temporal keep its rules: attempts, their limits, and errors that end them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.workflow import ActivityConfig

from activities.support.heart import Heart
from activities.support.pace import RealPace
from domain.clock import LIVE_CLOCK
from domain.errors import StaleFencingTokenError
from fleet.duties.direct_steps import DirectSteps
from workflows.options import LOOK, RECORD, SUBMIT_EXIT_ONCE
from workflows.selling import lease_is_lost

QUICK = RetryPolicy(initial_interval=timedelta(milliseconds=1), maximum_interval=timedelta(milliseconds=1))


class Acts:
    """The activities of a test."""

    def __init__(self) -> None:
        self.attempts: list[tuple[int, tuple[Any, ...]]] = []
        self.faults: list[Exception] = []

    async def do(self, request: str) -> str:
        about = activity.info()
        self.attempts.append((about.attempt, tuple(about.heartbeat_details)))
        activity.heartbeat(request, len(self.attempts))
        if self.faults:
            raise self.faults.pop(0)
        return request.upper()

    async def hang(self, request: str) -> str:
        self.attempts.append((activity.info().attempt, ()))
        if len(self.attempts) == 1:
            await asyncio.Event().wait()
        return request

    async def beat(self, _: str) -> timedelta:
        async with Heart():
            await asyncio.sleep(2)
        return RealPace(LIVE_CLOCK).waited()


def steps(acts: Acts) -> DirectSteps:
    return DirectSteps({"do": acts.do, "hang": acts.hang, "beat": acts.beat})


async def test_a_failed_attempt_is_followed_by_another_that_knows_its_heartbeat() -> None:
    acts = Acts()
    acts.faults = [OSError("reset"), TimeoutError()]

    done = await steps(acts).act(Acts.do, "sell", ActivityConfig(retry_policy=QUICK))

    assert done == "SELL"
    assert acts.attempts == [(1, ()), (2, ("sell", 1)), (3, ("sell", 2))]


async def test_a_single_attempt_is_not_repeated() -> None:
    acts = Acts()
    acts.faults = [OSError("reset")]

    with pytest.raises(ActivityError):
        await steps(acts).act(Acts.do, "sell", SUBMIT_EXIT_ONCE)

    assert len(acts.attempts) == 1


@pytest.mark.parametrize(
    "fault", [StaleFencingTokenError("held"), ApplicationError("held", type=StaleFencingTokenError.__name__)]
)
async def test_a_lost_lease_ends_the_sale_as_in_a_workflow(fault: Exception) -> None:
    acts = Acts()
    acts.faults = [fault]

    with pytest.raises(ActivityError) as ended:
        await steps(acts).act(Acts.do, "sell", RECORD)

    assert lease_is_lost(ended.value)
    assert len(acts.attempts) == 1


@pytest.mark.parametrize("limit", ["start_to_close_timeout", "heartbeat_timeout"])
async def test_an_attempt_that_hangs_is_replaced(limit: str) -> None:
    acts, options = Acts(), ActivityConfig(retry_policy=QUICK)
    options[limit] = timedelta(0)  # type: ignore[literal-required]

    assert await steps(acts).act(Acts.hang, "sell", options) == "sell"
    assert len(acts.attempts) == 2


async def test_an_attempt_whose_heart_beats_is_left_alone_and_its_time_counts() -> None:
    options = ActivityConfig({**LOOK, "heartbeat_timeout": timedelta(seconds=60)})

    assert await steps(Acts()).act(Acts.beat, "", options) >= timedelta(0)


async def test_a_cancelled_step_cancels_its_attempt() -> None:
    acts = Acts()
    acting = asyncio.create_task(steps(acts).act(Acts.hang, "sell", RECORD))
    while not acts.attempts:
        await asyncio.sleep(0)

    acting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await acting
