"""The watch's last quote goes into the sale, which is booked as soon as it is filled."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.close_plan import CloseLeads
from domain.position import ExitReason
from tests.workflows.floor import Floor, trading_floor
from tests.workflows.stand_ins import SEEN


@pytest.fixture
async def floor(time_skipping_env: WorkflowEnvironment) -> AsyncIterator[Floor]:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50") as floor:
        yield floor


async def test_at_the_deadline_the_watch_has_a_moment_to_say_what_it_has_seen_last(floor: Floor) -> None:
    floor.desk.hold_for, floor.desk.last_word = timedelta(days=1), timedelta(seconds=0.5)
    floor.desk.leads, floor.desk.fleet = CloseLeads(calls_per_second=1), 20
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 15:16")

    assert floor.desk.reasons == [ExitReason.DEADLINE]
    assert floor.desk.seen == [SEEN]
    await worker.terminate()


async def test_a_watch_that_says_nothing_at_the_deadline_is_not_waited_for(floor: Floor) -> None:
    floor.desk.hold_for = timedelta(days=1)
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 15:16")

    assert floor.desk.seen == [None]
    await worker.terminate()


async def test_a_sale_that_is_filled_is_booked_at_once(floor: Floor) -> None:
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 09:45")

    assert len(floor.desk.trades) == 1
    assert floor.desk.seen == [SEEN]
    assert (floor.desk.calls["prepare_exit"], floor.desk.calls["close_position"]) == (1, 1)
    await worker.terminate()
