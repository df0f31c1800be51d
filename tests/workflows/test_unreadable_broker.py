"""A broker whose balance and order list are never readable: shares are watched and sold, and the day ends."""

from dataclasses import replace
from datetime import timedelta

from temporalio import activity
from temporalio.testing import WorkflowEnvironment

from activities.cycles import UnfinishedOrder
from activities.support.requests import SessionRequest
from domain.event_kind import EventKind
from domain.identity import IntentId
from domain.order import OrderPurpose
from domain.position import ExitReason
from tests.support.builders import SAMSUNG, a_lease
from tests.workflows.floor import kst, trading_floor
from tests.workflows.stand_ins import a_held
from tests.workflows.virtual_floor import a_floor


async def test_a_new_worker_sells_what_it_holds_at_once_although_no_book_can_be_compared() -> None:
    held = replace(a_held(opened_at=kst("2026-11-23 09:10")), overdue=False)
    begun = kst("2026-11-23 09:30")
    async with a_floor(
        "2026-11-23 09:30",
        unreadable=True,
        held_at_start=held,
        _bought_at=begun,
        hold_for=timedelta(seconds=1),
        exit_reason=ExitReason.STOP_LOSS,
        candidates_from=timedelta(hours=5),
    ) as floor:
        await floor.goes_on_until(begun + timedelta(seconds=3))

        assert floor.desk.reasons == [ExitReason.STOP_LOSS]
        assert floor.desk.calls["reconcile_account"] == 0


async def test_the_rest_of_a_buy_whose_end_cannot_be_read_does_not_keep_its_shares_from_their_stop() -> None:
    held = replace(a_held(opened_at=kst("2026-11-23 09:10")), overdue=False)
    rest = UnfinishedOrder(IntentId("rest"), held.position_id, SAMSUNG, OrderPurpose.ENTRY, a_lease())
    begun = kst("2026-11-23 09:30")
    async with a_floor(
        "2026-11-23 09:30",
        held_at_start=held,
        left_by_the_close=rest,
        never_followed=IntentId("rest"),
        _bought_at=begun,
        hold_for=timedelta(seconds=1),
        exit_reason=ExitReason.STOP_LOSS,
        candidates_from=timedelta(hours=5),
    ) as floor:
        await floor.goes_on_until(begun + timedelta(seconds=3))

        assert floor.desk.reasons == [ExitReason.STOP_LOSS]


@activity.defn(name="order_liquidation")
async def signal_no_worker(request: SessionRequest) -> int:
    """Leave the positions to the close."""
    return 0


async def test_a_close_that_can_read_nothing_sells_and_ends_by_itself_unproven(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 15:15", [signal_no_worker]) as floor:
        floor.desk.unreadable, floor.desk.held = True, a_held()

        outcome = await (await floor.start_close()).result()

        assert floor.desk.reasons == [ExitReason.DEADLINE]
        assert not outcome.flat
        assert "0.3" in outcome.not_proven
        assert outcome.differences == (f"the books were not compared: {outcome.not_proven}",)
        assert outcome.summary is not None
        kinds = [each.kind for each in floor.desk.undone]
        assert kinds == [EventKind.BOOKS_NOT_COMPARED, EventKind.CLOSE_NOT_PROVEN, EventKind.STATEMENT_NOT_COMPARED]
        assert floor.desk.summed_up_at is not None
        assert floor.desk.summed_up_at < kst("2026-11-23 16:00")


async def test_an_order_whose_end_is_never_proven_does_not_keep_the_day_from_its_end(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 15:15", [signal_no_worker]) as floor:
        floor.desk.held, floor.desk.follows_nothing = a_held(), True

        outcome = await (await floor.start_close()).result()

        assert outcome.summary is not None
        assert not outcome.flat
        assert floor.desk.summed_up_at is not None
        assert floor.desk.summed_up_at < kst("2026-11-23 16:30")
