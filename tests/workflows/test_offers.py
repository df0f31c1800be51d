"""A scanning worker waits for an offer: nothing runs meanwhile, and an offer for another wait has no effect."""

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.watch.messages import OFFER_MESSAGE, Offer
from domain.position import ExitReason
from tests.workflows.floor import Floor, kst, trading_floor
from tests.workflows.joining import JoinedOfferingDesk
from tests.workflows.offering import OfferingDesk
from tests.workflows.stand_ins import CANDIDATE

NEVER = 99


@pytest.fixture(params=[OfferingDesk, JoinedOfferingDesk], ids=["single steps", "joined"])
def kind(request: pytest.FixtureRequest) -> type[OfferingDesk]:
    """Store the wish in a step of its own, or at the start of the run."""
    return request.param  # type: ignore[no-any-return]


def desk_of(floor: Floor) -> OfferingDesk:
    assert isinstance(floor.desk, OfferingDesk)
    return floor.desk


async def test_an_offer_is_bought_once_although_it_is_repeated(
    time_skipping_env: WorkflowEnvironment, kind: type[OfferingDesk]
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", desk=kind) as floor:
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:45")

        desk = desk_of(floor)
        assert desk.reasons == [ExitReason.TAKE_PROFIT]
        assert len(desk.sent) == len(set(desk.sent)) == desk.calls["submit_order"]
        assert len({wait.scan_id for wait in desk.waits}) == len(desk.waits) == desk.calls["prepare_entry"]
        assert all(at is not None and at >= kst("2026-11-23 09:00") for at in desk.scanned_at)
        assert (desk.calls["find_candidates"], desk.calls["end_scan"]) == (0, 0)
        await worker.terminate()


async def test_a_wish_is_repeated_but_a_waiting_minute_adds_no_event(
    time_skipping_env: WorkflowEnvironment, kind: type[OfferingDesk]
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", desk=kind) as floor:
        desk = desk_of(floor)
        desk.offers_from = 3
        worker = await floor.start_worker()
        await floor.reaches("2026-11-23 09:05")
        before = (await worker.describe()).history_length

        await floor.reaches("2026-11-23 09:25")
        assert (await worker.describe()).history_length == before
        await floor.reaches("2026-11-23 10:10")

        assert [wait.is_repeated for wait in desk.waits[:3]] == [False, True, True]
        assert len({wait.scan_id for wait in desk.waits[:3]}) == 1
        assert desk.calls["prepare_entry"] == 1
        await worker.terminate()


async def test_an_offer_for_another_wait_has_no_effect(
    time_skipping_env: WorkflowEnvironment, kind: type[OfferingDesk]
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", desk=kind) as floor:
        desk = desk_of(floor)
        desk.offers_from = NEVER
        desk.stray = [Offer("another run/1", floor.clock.market_anchor, (CANDIDATE,))]
        worker = await floor.start_worker()
        await worker.signal(OFFER_MESSAGE, Offer("", floor.clock.market_anchor, (CANDIDATE,)))

        await floor.reaches("2026-11-23 09:25")

        assert len(desk.waits) == 1
        assert desk.calls["prepare_entry"] == 0
        await worker.terminate()


async def test_changed_rules_and_a_stop_withdraw_the_wish(
    time_skipping_env: WorkflowEnvironment, kind: type[OfferingDesk]
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", desk=kind) as floor:
        desk = desk_of(floor)
        desk.offers_from = NEVER
        worker = await floor.start_worker()
        await floor.reaches("2026-11-23 09:05")

        await worker.execute_update("change_rules", {"exits.stop_loss": "1%"})
        await floor.reaches("2026-11-23 09:10")
        assert desk.calls["end_scan"] == 1
        assert [wait.request.rules.version for wait in desk.waits] == [1, 2]
        await worker.execute_update("stop")
        await worker.result()

        assert desk.calls["end_scan"] == 2
        assert desk.calls["prepare_entry"] == 0


async def test_a_wait_ends_with_the_time_for_entries(
    time_skipping_env: WorkflowEnvironment, kind: type[OfferingDesk]
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 14:40", desk=kind) as floor:
        desk = desk_of(floor)
        desk.offers_from = NEVER
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 15:40")

        assert desk.calls["begin_cycle"] >= 2, "the next run waits for the next session"
        assert (desk.calls["prepare_entry"], desk.calls["end_scan"]) == (0, 0)
        await worker.terminate()


async def test_a_worker_that_is_paused_while_its_run_begins_withdraws_its_wish(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 09:05", desk=JoinedOfferingDesk) as floor:
        desk = desk_of(floor)
        assert isinstance(desk, JoinedOfferingDesk)
        desk.offers_from, desk.pauses_at_start = NEVER, True
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:10")

        assert (len(desk.waits), desk.calls["end_scan"]) == (1, 1)
        await worker.execute_update("resume")
        await floor.reaches("2026-11-23 09:12")
        assert len({wait.scan_id for wait in desk.waits}) == 2
        await worker.terminate()
