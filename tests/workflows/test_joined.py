"""A run takes the joined steps where its host knows them, and continues by single steps what they leave."""

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.testing import WorkflowEnvironment

from activities.watch.messages import EXIT_MESSAGE, WatchEnd
from domain.exits import ExitSignal
from domain.ladder import Rung
from domain.money import Price, Quantity
from domain.order import Rejected
from domain.position import ExitReason
from tests.workflows.floor import Floor, trading_floor
from tests.workflows.joining import JoiningDesk


def desk_of(floor: Floor) -> JoiningDesk:
    assert isinstance(floor.desk, JoiningDesk)
    return floor.desk


@pytest.mark.parametrize("watch_sends", [True, False], ids=["the watch sends", "the workflow sends"])
@pytest.mark.parametrize("knows", [True, False], ids=["joined", "a host of an earlier version"])
async def test_a_filled_sale_is_booked_by_the_step_that_follows_it(
    time_skipping_env: WorkflowEnvironment, watch_sends: bool, knows: bool
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", desk=JoiningDesk) as floor:
        desk = desk_of(floor)
        desk.watch_sends, desk.knows = watch_sends, knows
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:45")

        assert desk.reasons == [ExitReason.TAKE_PROFIT]
        assert desk.calls["close_position"] == (0 if knows else 1) + desk.calls["finish_sale"]
        assert bool(desk.calls["finish_sale"]) is knows
        assert len(desk.sent) == len(set(desk.sent))
        await worker.terminate()


async def test_an_order_that_is_not_filled_is_cancelled_and_its_rest_sold(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", desk=JoiningDesk) as floor:
        desk = desk_of(floor)
        desk.watch_sends, desk.fills = True, [10, 3]
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:45")

        assert (desk.calls["finish_sale"], desk.calls["cancel_order"], desk.calls["prepare_exit"]) == (2, 1, 1)
        assert len(desk.trades) == 1
        await worker.terminate()


async def test_a_refused_order_is_followed_by_the_next_rung(time_skipping_env: WorkflowEnvironment) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", desk=JoiningDesk) as floor:
        desk = desk_of(floor)
        desk.watch_sends, desk.refusals = True, [Rejected("APBK0919", "")] * 2
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:45")

        assert desk.rungs == [Rung.BEST_BID, Rung.MARKET]
        assert len(desk.trades) == 1
        await worker.terminate()


async def test_late_shares_of_the_buy_are_sold_before_the_trade_is_booked(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", desk=JoiningDesk) as floor:
        desk = desk_of(floor)
        desk.fills_late = Quantity(4)
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:45")

        assert (desk.calls["finish_sale"], desk.calls["prepare_exit"]) == (2, 2)
        assert len(desk.trades) == 1
        await worker.terminate()


async def test_a_lost_reply_is_resolved_after_the_joined_step(time_skipping_env: WorkflowEnvironment) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", desk=JoiningDesk) as floor:
        desk = desk_of(floor)
        worker = await floor.start_worker()
        await floor.reaches("2026-11-23 09:20")
        desk.lost_submits = 1

        await floor.reaches("2026-11-23 09:45")

        assert desk.calls["resolve_order"] == 1
        assert len(desk.sent) == len(set(desk.sent))
        assert len(desk.trades) == 1
        await worker.terminate()


async def test_a_straight_trade_takes_one_step_to_buy_and_hold_and_one_to_sell_and_book(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", desk=JoiningDesk) as floor:
        desk = desk_of(floor)
        desk.watches_at_once = True
        worker = await floor.start_worker()
        await floor.reaches("2026-11-23 09:20")
        assert desk.held is not None
        assert (desk.calls["enter_position"], desk.calls["begin_watch"]) == (1, 0)

        signal = ExitSignal(ExitReason.STOP_LOSS, Price(70_000), await floor.now(), Price(70_000))
        await worker.signal(EXIT_MESSAGE, WatchEnd(desk.held.position_id, signal))
        await floor.reaches("2026-11-23 09:21")

        assert desk.reasons == [ExitReason.STOP_LOSS]
        assert desk.calls["finish_sale"] == 1
        await worker.terminate()


async def test_rules_that_change_while_the_joined_watch_holds_begin_another_watch(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", desk=JoiningDesk) as floor:
        desk = desk_of(floor)
        desk.watches_at_once = True
        worker = await floor.start_worker()
        await floor.reaches("2026-11-23 09:20")

        await worker.execute_update("change_rules", {"exits.stop_loss": "1%"})
        await floor.reaches("2026-11-23 09:22")

        assert desk.calls["begin_watch"] > 0
        assert desk.watched_by[0].version == 2
        await worker.terminate()


async def test_a_stop_while_the_joined_watch_holds_sells(time_skipping_env: WorkflowEnvironment) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", desk=JoiningDesk) as floor:
        desk = desk_of(floor)
        desk.watches_at_once = True
        worker = await floor.start_worker()
        await floor.reaches("2026-11-23 09:20")

        await worker.execute_update("stop")
        await worker.result()

        assert desk.reasons == [ExitReason.OPERATOR]


async def test_a_cancelled_run_sells_what_the_joined_step_was_buying(time_skipping_env: WorkflowEnvironment) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", desk=JoiningDesk) as floor:
        desk = desk_of(floor)
        desk.watches_at_once, desk.slow_fills = True, 2
        worker = await floor.start_worker()
        await floor.reaches("2026-11-23 09:06")
        assert desk.sent
        assert desk.held is None

        await worker.cancel()
        with pytest.raises(WorkflowFailureError):
            await worker.result()

        assert len(desk.trades) == 1
        assert desk.held is None


async def test_a_busy_process_leaves_the_buy_to_the_single_steps(time_skipping_env: WorkflowEnvironment) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", desk=JoiningDesk) as floor:
        desk = desk_of(floor)
        desk.is_busy = True
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:45")

        assert len(desk.trades) == 1
        assert len(desk.sent) == len(set(desk.sent))
        await worker.terminate()


async def test_a_lost_buy_is_resolved_and_a_partial_one_cancelled(time_skipping_env: WorkflowEnvironment) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", desk=JoiningDesk) as floor:
        desk = desk_of(floor)
        desk.lost_submits, desk.fills = 1, [4]
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:45")

        assert (desk.calls["resolve_order"], desk.calls["cancel_order"]) == (1, 1)
        assert len(desk.sent) == len(set(desk.sent))
        assert len(desk.trades) == 1
        await worker.terminate()
