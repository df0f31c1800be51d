"""The workflow goes on with the order that its watch has sent: follow, chase, ladder and settlement."""

from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.watch.messages import EXIT_MESSAGE, WatchEnd
from domain.identity import PositionId
from domain.ladder import Rung
from domain.order import Rejected
from domain.position import ExitReason
from domain.rules import TradingRules
from tests.workflows.floor import trading_floor


@pytest.mark.parametrize("is_shared", [True, False], ids=["market watch", "watch of the run"])
async def test_the_order_of_the_watch_is_followed_and_its_trade_booked(
    time_skipping_env: WorkflowEnvironment, is_shared: bool
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50") as floor:
        floor.desk.watch_sends = True
        floor.desk.shared_watch = is_shared
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:45")

        assert floor.desk.reasons == [ExitReason.TAKE_PROFIT]
        calls = floor.desk.calls
        assert (calls["prepare_exit"], calls["submit_order"]) == (0, calls["prepare_entry"]), "only buys are submitted"
        assert len(floor.desk.sent) == len(set(floor.desk.sent))
        assert bool(calls["begin_watch"]) is is_shared
        await worker.terminate()


async def test_what_it_leaves_is_chased_as_the_second_order(time_skipping_env: WorkflowEnvironment) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50") as floor:
        floor.desk.watch_sends = True
        floor.desk.fills = [10, 3]
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:45")

        assert (floor.desk.calls["prepare_exit"], floor.desk.calls["cancel_order"]) == (1, 1)
        assert len(floor.desk.trades) == 1
        await worker.terminate()


@pytest.mark.parametrize("refusals", [1, 2])
async def test_a_refusal_of_it_counts_as_the_first_try(time_skipping_env: WorkflowEnvironment, refusals: int) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50") as floor:
        floor.desk.watch_sends = True
        floor.desk.refusals = [Rejected("APBK0919", "")] * refusals
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:45")

        assert floor.desk.rungs == [Rung.BEST_BID, Rung.MARKET][:refusals]
        assert len(floor.desk.trades) == 1
        await worker.terminate()


async def test_a_due_position_is_sold_by_the_watch_as_well(time_skipping_env: WorkflowEnvironment) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 14:40") as floor:
        floor.desk.watch_sends = True
        floor.desk.hold_for = timedelta(hours=6)
        floor.desk.last_word = timedelta(0)
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 15:25")

        assert floor.desk.reasons == [ExitReason.DEADLINE]
        assert len(floor.desk.sent) == 2
        await worker.terminate()


async def test_changed_rules_reach_the_watch(time_skipping_env: WorkflowEnvironment) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50") as floor:
        floor.desk.watch_sends = True
        worker = await floor.start_worker()
        await floor.reaches("2026-11-23 09:20")
        assert floor.desk.watched_by

        await worker.execute_update("change_rules", {"execution.exit_limit_attempts": "1"})
        await floor.reaches("2026-11-23 09:45")

        rules = [each.execution.exit_limit_attempts for each in floor.desk.watched_by]
        assert (rules[0], rules[-1]) == (TradingRules().execution.exit_limit_attempts, 1)
        assert len(floor.desk.sent) == len(set(floor.desk.sent))
        assert floor.desk.trades
        await worker.terminate()


async def test_the_loss_of_an_earlier_lease_does_not_end_a_hold(time_skipping_env: WorkflowEnvironment) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50") as floor:
        worker = await floor.start_worker()
        await floor.reaches("2026-11-23 09:20")
        position_id, cycles = PositionId(floor.desk.sent[0]), floor.desk.calls["begin_cycle"]

        await worker.signal(EXIT_MESSAGE, WatchEnd(position_id, None, fencing_token=2))
        await floor.reaches("2026-11-23 09:22")

        assert floor.desk.calls["begin_cycle"] == cycles
        await worker.terminate()
