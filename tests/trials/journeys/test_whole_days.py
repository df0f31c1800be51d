"""Whole sessions with every part real except time: workers, ledger, KIS client and the simulated exchange."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.event_kind import EventKind
from domain.money import NO_WON, Rate, Won
from domain.position import ExitReason
from domain.rules import ExitRules
from domain.session import session_date_of
from domain.summary import FLEET
from tests.support.stepping import BEFORE_THE_CLOSE, RULES, Stage, kst, stage

NEVER = Rate("0")
WITHOUT_EXITS = ExitRules(
    stop_loss=NEVER,
    take_profit=NEVER,
    trailing_distance=NEVER,
    trend_break=NEVER,
    longest_holding=timedelta(0),
)


@pytest.fixture
async def day(time_skipping_env: WorkflowEnvironment, database_url: str) -> AsyncIterator[Stage]:
    async with stage(time_skipping_env, database_url, "2026-11-23 08:50") as day:
        yield day


def assert_flat_and_even(day: Stage) -> None:
    """The broker holds nothing and no order is open."""
    account = day.broker_account
    assert not any(held.quantity for held in account.holdings.values())
    assert not any(order.remaining for order in account.orders)


@pytest.mark.slow
async def test_a_session_of_two_workers_and_the_cron_close_ends_flat_and_even_to_the_won(day: Stage) -> None:
    workers = [await day.start_worker(number) for number in (1, 2)]
    close = await day.start_close(cron=BEFORE_THE_CLOSE)

    await day.reaches("2026-11-23 15:40")

    account, trades = day.broker_account, await day.trades()
    assert_flat_and_even(day)
    assert len(trades) >= 5
    assert sum(trade.net_pnl for trade in trades) == account.cash - account.opening_cash
    assert sum(order.filled for order in account.orders) == 2 * sum(trade.quantity for trade in trades)
    today = session_date_of(kst("2026-11-23 15:40"))
    fleet = await day.database.summaries.get(day.account, today, "fleet")
    assert fleet is not None
    assert fleet.performance.net == account.cash - account.opening_cash
    first_look = await day.database.cash_baselines.of(day.account, today)
    assert first_look is not None
    assert first_look.cash == account.opening_cash
    assert await day.database.events.counts(day.account, today, EventKind.CASH_DIFFERS) == 0
    for worker in workers:
        await worker.terminate()
    await close.terminate()


async def test_the_cron_close_liquidates_at_its_own_time_what_no_rule_has_sold(day: Stage) -> None:
    # Without a stop a position stakes 30 % of its price, so that the fleet's limit must cover two of them.
    rules = replace(RULES, exits=WITHOUT_EXITS, risk=replace(RULES.risk, fleet_daily_loss=Won(10_000_000)))
    workers = [await day.start_worker(number, rules=rules) for number in (1, 2)]
    close = await day.start_close(cron="0 1 * * 1-5")
    await day.reaches("2026-11-23 09:50")
    held = await day.held()

    await day.reaches("2026-11-23 10:05")

    trades = await day.trades()
    assert len(held) == 2
    assert_flat_and_even(day)
    assert {trade.position_id for trade in trades} >= {position.position_id for position in held}
    liquidated = [trade for trade in trades if trade.position_id in {position.position_id for position in held}]
    assert {trade.exit_reason for trade in liquidated} == {ExitReason.DEADLINE}
    assert all(kst("2026-11-23 10:00") <= trade.closed_at < kst("2026-11-23 10:02") for trade in liquidated)
    for worker in workers:
        await worker.terminate()
    await close.terminate()


async def test_after_the_daily_loss_nothing_is_bought_and_what_is_held_is_still_sold(day: Stage) -> None:
    rules = replace(RULES, exits=replace(WITHOUT_EXITS, stop_loss=Rate("0.03")))
    rules = replace(rules, risk=replace(rules.risk, fleet_daily_loss=Won(320_000)))  # room for two stops of 3 %
    workers = [await day.start_worker(number, rules=rules) for number in (1, 2)]
    await day.reaches("2026-11-23 09:40")
    first, second = await day.held()

    day.price_falls(first.symbol, 0.08)
    await day.reaches("2026-11-23 09:50")
    bought = len(day.broker_account.orders)
    day.price_falls(second.symbol, 0.08)
    await day.reaches("2026-11-23 11:30")

    trades = await day.trades()
    assert [trade.exit_reason for trade in trades] == [ExitReason.STOP_LOSS] * 2
    assert sum(trade.net_pnl for trade in trades) < NO_WON
    assert_flat_and_even(day)
    assert len(day.broker_account.orders) == bought + 1
    denials = await day.database.events.denials_on(day.account, session_date_of(kst("2026-11-23 10:00")))
    assert "FLEET_LOSS_LIMIT_REACHED" in denials[FLEET]
    for worker in workers:
        assert (await worker.describe()).history_length < 200
        await worker.terminate()
