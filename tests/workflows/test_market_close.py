"""The market close on the time-skipping server: by cron, manually, over a week with a holiday and the CSAT day."""

from datetime import date, timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.closing import LIQUIDATE_MESSAGE
from activities.support.requests import SessionRequest
from domain.ladder import Rung
from domain.order import OrderType
from domain.position import ExitReason
from exchange.calendar import CalendarOverrides, krx_calendar
from tests.support.builders import SAMSUNG
from tests.workflows.floor import Floor, kst, trading_floor
from tests.workflows.stand_ins import a_held
from workflows.close_outcome import CloseOutcome
from workflows.identity import worker_name, worker_workflow_id

EVENING = frozenset({OrderType.POST_CLOSE, OrderType.AFTER_MARKET})
CLOSE_CRON_UTC = "15 6 * * 1-5"
"""15:15 in Seoul, which has no summer time."""


@activity.defn(name="order_liquidation")
async def signal_two_workers(request: SessionRequest) -> int:
    """Signal the first two workers, as the real activity does for those it finds in Postgres."""
    for number in (1, 2):
        handle: WorkflowHandle[object, object] = activity.client().get_workflow_handle(
            worker_workflow_id(request.account_id, worker_name(number))
        )
        await handle.signal(LIQUIDATE_MESSAGE, request.session_date)
    return 2


@activity.defn(name="order_liquidation")
async def signal_no_worker(request: SessionRequest) -> int:
    """Leave the positions to the close."""
    return 0


async def test_the_cron_close_liquidates_what_workers_hold(time_skipping_env: WorkflowEnvironment) -> None:
    await _move_to(time_skipping_env, "2026-11-23 08:50")
    async with trading_floor(time_skipping_env, "2026-11-23 08:50", [signal_two_workers]) as floor:
        floor.desk.hold_for = timedelta(days=1)
        handles: list[WorkflowHandle[Any, Any]] = [await floor.start_worker(number) for number in (1, 2)]
        handles.append(await floor.start_close(cron_schedule=CLOSE_CRON_UTC))

        await floor.reaches("2026-11-23 15:40")

        assert floor.desk.calls["shut_entries"] == 1
        assert set(floor.desk.reasons) == {ExitReason.DEADLINE}
        assert floor.desk.held is None
        for handle in handles:
            await handle.terminate()


async def test_the_close_sells_by_itself_what_no_worker_sells(time_skipping_env: WorkflowEnvironment) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 09:00", [signal_no_worker]) as floor:
        floor.desk.hold_for = timedelta(days=1)
        worker = await floor.start_worker()
        await floor.reaches("2026-11-23 09:30")
        await worker.terminate("a bug keeps it from moving")

        close = await floor.start_close()
        outcome = await close.result()

        assert outcome.seized == 1
        assert outcome.flat
        assert floor.desk.reasons == [ExitReason.DEADLINE]


async def sold_by_the_close_alone(floor: Floor) -> CloseOutcome:
    """Buy, lose the worker, and start the close at its own time."""
    floor.desk.hold_for = timedelta(days=1)
    worker = await floor.start_worker()
    await floor.reaches("2026-11-23 15:10")
    await worker.terminate("a bug keeps it from moving")
    await floor.reaches("2026-11-23 15:15")
    outcome: CloseOutcome = await (await floor.start_close()).result()
    return outcome


async def test_what_the_session_leaves_is_reported_and_goes_on_into_the_evening(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 14:00", [signal_no_worker]) as floor:
        floor.desk.evening, floor.desk.unsold_until = EVENING, kst("2026-11-23 15:45")

        outcome = await sold_by_the_close_alone(floor)

        assert outcome.flat
        assert outcome.unsold_at_close == (f"{SAMSUNG} ×10: too few bids",)
        assert floor.desk.rungs == [Rung.BEST_BID, Rung.BEST_BID, Rung.MARKET, Rung.POST_CLOSE]
        assert floor.desk.calls["tell_unsold"] == floor.desk.calls["write_interim_summaries"] == 1
        assert floor.desk.calls["write_summaries"] == floor.desk.calls["prove_flat"] == 1


async def test_the_evening_goes_on_to_its_last_market_only_if_the_rules_say_so(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 14:00", [signal_no_worker]) as floor:
        floor.desk.evening, floor.desk.unsold_until = EVENING, kst("2026-11-23 16:30")

        outcome = await sold_by_the_close_alone(floor)

        assert not outcome.flat
        assert floor.desk.rungs[-1] is Rung.POST_CLOSE
        assert floor.desk.proven_at is not None
        assert kst("2026-11-23 16:00") <= floor.desk.proven_at < kst("2026-11-23 16:05")
        assert floor.desk.calls["write_summaries"] == 1


async def test_where_there_is_no_evening_the_day_ends_with_the_session(time_skipping_env: WorkflowEnvironment) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 14:00", [signal_no_worker]) as floor:
        floor.desk.unsold_until = kst("2026-11-23 15:45")

        outcome = await sold_by_the_close_alone(floor)

        assert not outcome.flat
        assert floor.desk.proven_at is not None
        assert floor.desk.proven_at < kst("2026-11-23 15:31")
        assert floor.desk.calls["tell_unsold"] == floor.desk.calls["write_summaries"] == 1
        assert floor.desk.calls["write_interim_summaries"] == 0


async def test_a_close_that_begins_after_the_session_still_tries_the_evening(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 15:35", [signal_no_worker]) as floor:
        floor.desk.evening, floor.desk.held = EVENING, a_held()

        outcome = await (await floor.start_close()).result()

        assert outcome.flat
        assert floor.desk.rungs == [Rung.POST_CLOSE]
        assert floor.desk.calls["write_summaries"] == 1


async def test_the_day_ends_without_a_decision_about_a_quarantined_order(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 09:00", [signal_no_worker]) as floor:
        floor.desk.lost_submits, floor.desk.undecidable = 1, True
        worker = await floor.start_worker()
        await floor.reaches("2026-11-23 15:16")

        outcome = await (await floor.start_close()).result()

        assert outcome.summary is not None
        assert floor.desk.calls["prove_flat"] == 1
        await worker.terminate()


async def test_the_close_keeps_its_own_lease_while_it_follows_the_order_of_a_worker(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 09:00", [signal_no_worker]) as floor:
        floor.desk.lost_submits, floor.desk.undecidable = 1, True
        worker = await floor.start_worker()
        await floor.reaches("2026-11-23 15:16")
        floor.desk.held = held = a_held()

        await (await floor.start_close()).result()

        assert floor.desk.leases
        assert all(kept == held.lease for kept in floor.desk.leases)
        await worker.terminate()


@pytest.mark.parametrize(("faults", "is_flat"), [(2, True), (3, False)])
async def test_a_fault_of_one_sale_is_tried_again_and_keeps_no_day_from_its_proof(
    time_skipping_env: WorkflowEnvironment, faults: int, is_flat: bool
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 15:15", [signal_no_worker]) as floor:
        floor.desk.held, floor.desk.faults["seize_position"] = a_held(), faults

        outcome = await (await floor.start_close()).result()

        assert outcome.flat is is_flat
        assert floor.desk.calls["prove_flat"] == floor.desk.calls["write_summaries"] == 1


async def test_books_that_cannot_be_compared_keep_no_day_from_its_proof(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 15:15", [signal_no_worker]) as floor:
        floor.desk.faults["reconcile_account"] = 1

        outcome = await (await floor.start_close()).result()

        assert outcome.flat
        assert outcome.differences == ("the books were not compared: InvalidTransitionError: the ledger knows better",)
        assert floor.desk.calls["prove_flat"] == floor.desk.calls["write_summaries"] == 1


async def test_a_statement_that_cannot_be_compared_keeps_no_day_from_its_summary(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 15:15", [signal_no_worker]) as floor:
        floor.desk.statement_fails = True

        outcome = await (await floor.start_close()).result()

        assert outcome.statement.untold.startswith("the comparison did not finish")
        assert floor.desk.calls["compare_statement"] > 3
        assert floor.desk.calls["write_summaries"] == 1


async def test_an_order_that_cannot_be_ended_keeps_no_day_from_its_proof(
    time_skipping_env: WorkflowEnvironment,
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 09:00", [signal_no_worker]) as floor:
        floor.desk.lost_submits, floor.desk.undecidable = 1, True
        worker = await floor.start_worker()
        await floor.reaches("2026-11-23 15:16")
        floor.desk.faults["follow_order"] = 1

        await (await floor.start_close()).result()

        assert floor.desk.faults["follow_order"] == 0
        assert floor.desk.calls["prove_flat"] == floor.desk.calls["write_summaries"] == 1
        await worker.terminate()


async def test_a_close_on_a_holiday_has_nothing_to_do(time_skipping_env: WorkflowEnvironment) -> None:
    async with trading_floor(time_skipping_env, "2026-12-25 15:15", [signal_no_worker]) as floor:
        close = await floor.start_close()

        outcome = await close.result()

        assert not outcome.had_session
        assert floor.desk.calls["shut_entries"] == 0


async def test_a_week_with_a_weekend_a_holiday_and_the_csat_day(time_skipping_env: WorkflowEnvironment) -> None:
    async with trading_floor(time_skipping_env, "2026-11-14 12:00", [signal_no_worker]) as floor:
        closed_tuesday = CalendarOverrides(closures=frozenset({date(2026, 11, 17)}))
        floor.desk.calendar = krx_calendar(2026, 2027, closed_tuesday)
        floor.desk.hold_for = timedelta(days=1)
        worker = await floor.start_worker()

        for moment in ("11-16 23:00", "11-17 23:00", "11-18 23:00", "11-19 16:10", "11-19 23:00", "11-20 23:00"):
            await floor.reaches(f"2026-{moment}")

        assert [trade.session_date.isoformat() for trade in floor.desk.trades] == [
            "2026-11-16",
            "2026-11-18",
            "2026-11-19",
            "2026-11-20",
        ]
        assert set(floor.desk.reasons) == {ExitReason.DEADLINE}
        await worker.terminate()


async def _move_to(env: WorkflowEnvironment, text: str) -> None:
    """Move the server's clock, which starts at the present, to that weekday and time of day for the cron lines."""
    await env.sleep((kst(text) - await env.get_current_time()) % timedelta(days=7))
