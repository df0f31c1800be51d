"""A worker regains a position that the close could not sell, and sells it before it buys (R16)."""

from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.cycles import Held, UnfinishedOrder
from domain.identity import IntentId, PositionId
from domain.money import Quantity
from domain.order import OrderPurpose
from domain.position import ExitReason
from tests.support.builders import SAMSUNG, a_lease
from tests.workflows.floor import Floor, kst, trading_floor
from tests.workflows.stand_ins import a_held


@pytest.fixture
async def floor(time_skipping_env: WorkflowEnvironment) -> AsyncIterator[Floor]:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50") as floor:
        yield floor


async def test_a_position_carried_over_night_is_sold_first_thing(floor: Floor) -> None:
    floor.desk.held_at_start = Held(
        PositionId("carried"), SAMSUNG, "삼성전자", Quantity(7), "70,000", kst("2026-11-20 10:00"), True, a_lease()
    )
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 09:01")

    assert floor.desk.reasons == [ExitReason.DEADLINE]
    assert floor.desk.calls["watch_position"] == 0
    await worker.terminate()


async def test_what_the_close_could_not_sell_is_sold_at_the_next_opening_before_anything_is_bought(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    """The close holds the lease in the evening; in the morning the worker regains it."""
    async with trading_floor(time_skipping_env, "2026-11-20 15:31") as floor:
        floor.desk.held, floor.desk.seized_until = a_held(), kst("2026-11-20 16:00")
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:01")

        assert floor.desk.reasons == [ExitReason.DEADLINE]
        assert floor.desk.calls["prepare_entry"] == 0
        await worker.terminate()


async def test_an_order_that_a_dead_close_has_left_is_ended_before_its_shares_are_sold(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    left = UnfinishedOrder(IntentId("left"), PositionId("carried"), SAMSUNG, OrderPurpose.EXIT, a_lease())
    async with trading_floor(time_skipping_env, "2026-11-23 09:30") as floor:
        floor.desk.held, floor.desk.seized_until = a_held(), kst("2026-11-23 09:50")
        floor.desk.left_by_the_close = left
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:51")

        assert floor.desk.ended[0] == left.intent_id
        assert floor.desk.reasons == [ExitReason.DEADLINE]
        await worker.terminate()


async def test_while_the_close_still_sells_what_is_ours_nothing_is_bought(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 09:30") as floor:
        floor.desk.held, floor.desk.seized_until = a_held(), kst("2026-11-23 09:50")
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:49")
        scanned_meanwhile = floor.desk.calls["find_candidates"]
        await floor.reaches("2026-11-23 09:51")

        assert scanned_meanwhile == 0
        assert floor.desk.reasons == [ExitReason.DEADLINE]
        await worker.terminate()
