"""The trading worker's loop: a market day in a second."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError, WorkflowUpdateStage
from temporalio.testing import WorkflowEnvironment

from activities.cycles import Held
from activities.entries import NoEntry
from activities.selling import SoldByOthers
from domain.day_costs import Brought
from domain.identity import PositionId
from domain.ladder import Rung
from domain.money import Quantity, Won
from domain.position import ExitReason
from domain.rules import TradingRules
from domain.session import SessionDate
from domain.worker_state import WorkerState
from tests.support.builders import MONDAY, SAMSUNG, a_lease
from tests.workflows.floor import Floor, kst, trading_floor
from workflows.commands import WorkerStatus
from workflows.trading_worker import TradingWorkerWorkflow


@pytest.fixture
async def floor(time_skipping_env: WorkflowEnvironment) -> AsyncIterator[Floor]:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50") as floor:
        yield floor


async def test_a_worker_trades_until_the_entries_end_and_is_flat_at_the_close(floor: Floor) -> None:
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 15:31")

    assert len(floor.desk.trades) >= 3
    assert floor.desk.held is None
    assert len(set(floor.desk.sent)) == len(floor.desk.sent) == 2 * len(floor.desk.trades)
    await worker.terminate()


async def test_nothing_is_bought_before_the_open(floor: Floor) -> None:
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 08:59")

    assert floor.desk.calls["prepare_entry"] == 0
    assert (await worker.query(TradingWorkerWorkflow.status)).state is WorkerState.IDLE
    await worker.terminate()


async def test_a_position_that_no_rule_sells_is_sold_by_the_workers_own_timer_before_the_close(floor: Floor) -> None:
    floor.desk.hold_for = timedelta(days=1)
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 15:16")

    assert floor.desk.reasons == [ExitReason.DEADLINE]
    assert floor.desk.held is None
    await worker.terminate()


async def test_a_lost_lock_keeps_the_worker_scanning(floor: Floor) -> None:
    floor.desk.entries = [NoEntry((f"{SAMSUNG}: lock lost",)), NoEntry((f"{SAMSUNG}: lock lost",))]
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 10:00")

    assert floor.desk.calls["prepare_entry"] >= 3
    assert len(floor.desk.trades) >= 1
    await worker.terminate()


async def test_a_submit_whose_process_died_is_resolved_and_never_sent_again(floor: Floor) -> None:
    floor.desk.lost_submits = 1
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 10:00")

    assert floor.desk.calls["resolve_order"] == 1
    assert len(set(floor.desk.sent)) == len(floor.desk.sent)
    assert len(floor.desk.trades) >= 1
    await worker.terminate()


async def test_the_unfilled_rest_of_an_entry_is_cancelled_and_the_filled_part_kept(floor: Floor) -> None:
    floor.desk.fills = [4]
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 09:20")

    status = await worker.query(TradingWorkerWorkflow.status)
    assert floor.desk.calls["cancel_order"] == 1
    assert floor.desk.held is not None
    assert floor.desk.held.quantity == 4
    assert (status.state, status.symbol) == (WorkerState.HOLDING, SAMSUNG)
    await worker.terminate()


async def test_an_entry_that_never_fills_is_let_go(floor: Floor) -> None:
    floor.desk.fills = [0]
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 09:20")

    assert len(floor.desk.abandoned) == 1
    await worker.terminate()


async def test_a_partial_sale_is_chased_until_flat(floor: Floor) -> None:
    floor.desk.fills = [10, 3]
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 09:45")

    assert floor.desk.held is None or floor.desk.held.quantity == 10
    assert floor.desk.calls["cancel_order"] == 1
    assert len(floor.desk.trades) == 1
    await worker.terminate()


async def test_shares_that_a_buy_brings_late_are_sold_before_the_trade_is_booked(floor: Floor) -> None:
    floor.desk.fills_late = Quantity(4)
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 09:45")

    assert floor.desk.calls["close_position"] == 2
    assert floor.desk.calls["prepare_exit"] == 2
    assert len(floor.desk.trades) == 1
    await worker.terminate()


async def test_a_trade_is_booked_with_what_the_owners_sales_brought_on_each_day(floor: Floor) -> None:
    by_day = (Brought(MONDAY, Won(140_000)), Brought(SessionDate(MONDAY + timedelta(days=1)), Won(560_000)))
    floor.desk.sold_by_others = SoldByOthers(Won(700_000), by_day=by_day)
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 09:45")

    (close,) = floor.desk.closes
    assert (close.reason, close.brought_by_others, close.by_day) == (ExitReason.FOREIGN_SALE, 700_000, by_day)
    await worker.terminate()


async def test_a_market_sale_without_a_buyer_keeps_its_place_to_the_end_of_the_session(floor: Floor) -> None:
    """At the lower limit a new order goes to the end of the queue, and each one lengthens the run's history."""
    floor.desk.fills = [10, 0, 0]
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 09:45")

    reprice = TradingRules().execution.exit_reprice
    first, second, last = floor.desk.patiences[1:4]
    assert first == second == reprice
    assert last > kst("2026-11-23 15:30") - kst("2026-11-23 09:45")
    assert floor.desk.rungs[:3] == [Rung.BEST_BID, Rung.BEST_BID, Rung.MARKET]
    assert len(floor.desk.trades) == 1
    await worker.terminate()


async def test_a_thin_position_that_is_sold_early_waits_for_bids_until_the_fleets_deadline(floor: Floor) -> None:
    floor.desk.exit_reason = ExitReason.DEADLINE
    floor.desk.hold_for = timedelta(hours=5, minutes=45)
    floor.desk.unsold_until = kst("2026-11-23 15:16")
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 15:14")
    assert floor.desk.rungs
    assert set(floor.desk.rungs) == {Rung.BEST_BID}

    await floor.reaches("2026-11-23 15:17")
    assert floor.desk.rungs[-1] is Rung.MARKET
    assert floor.desk.reasons == [ExitReason.DEADLINE]
    await worker.terminate()


async def test_a_restart_while_holding_goes_straight_to_holding_and_never_buys_first(floor: Floor) -> None:
    floor.desk._bought_at = kst("2026-11-23 09:10")
    floor.desk.held_at_start = Held(
        PositionId("earlier"), SAMSUNG, "삼성전자", Quantity(7), "70,000", kst("2026-11-23 09:10"), False, a_lease()
    )
    await floor.reaches("2026-11-23 09:20")
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 09:30")
    status = await worker.query(TradingWorkerWorkflow.status)

    assert status.state is WorkerState.HOLDING
    assert floor.desk.calls["prepare_entry"] == 0
    await worker.terminate()


async def test_an_order_whose_end_is_not_listed_is_cancelled_ever_more_seldom(floor: Floor) -> None:
    floor.desk.fills, floor.desk.vain_cancels = [0] * 10, 9
    worker = await floor.start_worker()

    await floor.reaches("2026-11-23 09:10")

    assert floor.desk.calls["cancel_order"] == 10
    assert [patience.seconds for patience in floor.desk.patiences[1:10]] == [3, 3, 3, 6, 12, 24, 48, 48, 48]
    await worker.terminate()


async def test_a_paused_worker_keeps_holding_and_enters_nothing_new(floor: Floor) -> None:
    worker = await floor.start_worker()
    await floor.reaches("2026-11-23 09:20")

    status = await worker.execute_update(TradingWorkerWorkflow.pause)
    await floor.reaches("2026-11-23 11:00")

    assert status.paused
    assert status.state is WorkerState.HOLDING
    assert len(floor.desk.trades) == 1
    await worker.execute_update(TradingWorkerWorkflow.resume)
    await floor.reaches("2026-11-23 12:00")
    assert len(floor.desk.trades) >= 2
    await worker.terminate()


async def test_liquidate_answers_when_flat_and_leaves_the_worker_paused(floor: Floor) -> None:
    worker = await floor.start_worker()
    await floor.reaches("2026-11-23 09:20")

    status: WorkerStatus = await worker.execute_update("liquidate", ExitReason.OPERATOR, result_type=WorkerStatus)

    assert status.paused
    assert floor.desk.reasons == [ExitReason.OPERATOR]
    assert floor.desk.held is None
    await floor.reaches("2026-11-23 10:00")
    assert len(floor.desk.trades) == 1
    await worker.terminate()


async def test_a_sale_that_is_ordered_while_buying_follows_the_fill_at_once(floor: Floor) -> None:
    floor.desk.slow_fills = 5
    worker = await floor.start_worker()
    await floor.reaches("2026-11-23 09:07")

    update = await worker.start_update(
        "liquidate",
        ExitReason.OPERATOR,
        wait_for_stage=WorkflowUpdateStage.ACCEPTED,
        result_type=WorkerStatus,
    )
    await floor.reaches("2026-11-23 09:20")

    assert (await update.result()).paused
    assert floor.desk.reasons == [ExitReason.OPERATOR]
    assert (await worker.describe()).status is WorkflowExecutionStatus.RUNNING
    await worker.terminate()


async def test_a_sale_that_came_to_nothing_is_answered_with_its_cause(floor: Floor) -> None:
    floor.desk.hold_for = timedelta(days=1)
    floor.desk.shut = True
    worker = await floor.start_worker()
    await floor.reaches("2026-11-23 09:20")

    status: WorkerStatus = await worker.execute_update("liquidate", ExitReason.OPERATOR, result_type=WorkerStatus)

    assert floor.desk.held is not None
    assert "could not be sold: carried to the next session" in status.unsold
    await worker.terminate()


async def test_a_stopped_worker_sells_and_ends(floor: Floor) -> None:
    worker = await floor.start_worker()
    await floor.reaches("2026-11-23 09:20")

    await worker.execute_update("stop", result_type=WorkerStatus)

    assert floor.desk.held is None, "it is answered when flat"
    await floor.reaches("2026-11-23 09:25")

    assert (await worker.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert floor.desk.reasons == [ExitReason.OPERATOR]


async def test_a_cancelled_worker_sells_what_it_holds_and_ends_as_cancelled(floor: Floor) -> None:
    worker = await floor.start_worker()
    await floor.reaches("2026-11-23 09:20")

    await worker.cancel()
    await floor.reaches("2026-11-23 09:25")

    assert (await worker.describe()).status is WorkflowExecutionStatus.CANCELED
    assert floor.desk.held is None
    assert len(floor.desk.trades) == 1


async def test_bad_rules_are_refused_before_they_enter_the_history(floor: Floor) -> None:
    worker = await floor.start_worker()
    await floor.reaches("2026-11-23 09:20")

    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await worker.execute_update(TradingWorkerWorkflow.change_rules, {"exits.stop_loss": "-3%"})

    assert "exits.stop_loss" in str(refusal.value.cause)
    status = await worker.execute_update(TradingWorkerWorkflow.change_rules, {"exits.stop_loss": "2%"})
    assert status.rules_version == 2
    await worker.terminate()


async def test_a_command_repeated_in_a_later_run_is_not_done_twice(floor: Floor) -> None:
    worker = await floor.start_worker()
    await floor.reaches("2026-11-23 09:20")
    await worker.execute_update(TradingWorkerWorkflow.change_rules, {"exits.stop_loss": "2%"}, id="the-same")
    await floor.reaches("2026-11-23 10:10")

    status = await worker.execute_update(TradingWorkerWorkflow.change_rules, {"exits.stop_loss": "2%"}, id="the-same")

    assert status.cycles >= 1
    assert status.rules_version == 2
    await worker.terminate()


async def test_the_close_may_signal_a_worker_twice_and_again_after_the_sale(floor: Floor) -> None:
    floor.desk.hold_for = timedelta(days=1)
    worker = await floor.start_worker()
    await floor.reaches("2026-11-23 15:01")

    for minute in (2, 2, 5, 20):
        await floor.reaches(f"2026-11-23 15:{minute:02}")
        await worker.signal(TradingWorkerWorkflow.liquidate_for_close, MONDAY)

    await floor.reaches("2026-11-23 15:40")
    assert floor.desk.reasons == [ExitReason.DEADLINE]
    assert len(floor.desk.sent) == 2
    await worker.terminate()


async def test_a_close_of_yesterday_that_is_heard_today_sells_nothing(floor: Floor) -> None:
    floor.desk.hold_for = timedelta(days=1)
    await floor.reaches("2026-11-24 08:50")
    worker = await floor.start_worker()
    await floor.reaches("2026-11-24 10:00")

    await worker.signal(TradingWorkerWorkflow.liquidate_for_close, MONDAY)
    await floor.reaches("2026-11-24 10:30")

    assert floor.desk.held is not None
    assert floor.desk.reasons == []
    await floor.reaches("2026-11-24 15:40")
    assert floor.desk.reasons == [ExitReason.DEADLINE]
    await worker.terminate()
