"""A whole day with ten times the host's limits: every buy stays within the host's, and everything is sold."""

from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.event_kind import EventKind
from domain.host_limits import ceiling_of
from domain.identity import WorkerId
from domain.market import Side
from domain.money import Won
from domain.order import OrderPurpose
from domain.rules import RiskRules
from domain.session import session_date_of
from domain.summary import FLEET
from lab.books import book_of, frozen_books
from tests.support.builders import host_limits
from tests.support.stepping import BEFORE_THE_CLOSE, RULES, kst, stage
from tests.support.turns import TURNS, WHOLE_DAYS
from tests.trials.crash_points.day import PLAN
from verifier.limits import within_host_limits

HOSTS = RiskRules(
    capital_per_trade=Won(1_000_000),
    worker_daily_loss=Won(40_000),
    fleet_daily_loss=Won(70_000),
    trades_per_worker=2,
    cooldown_after_loss=timedelta(minutes=10),
)
"""Two of three workers may hold 1,000,000 won at a stop of 3 %."""
TEN_TIMES = replace(
    HOSTS,
    capital_per_trade=Won(10_000_000),
    worker_daily_loss=Won(400_000),
    fleet_daily_loss=Won(700_000),
    trades_per_worker=20,
    cooldown_after_loss=timedelta(minutes=1),
)


@pytest.mark.slow
@pytest.mark.in_turn(TURNS, WHOLE_DAYS)
async def test_a_day_by_ten_times_the_hosts_limits_stays_within_them(
    time_skipping_env: WorkflowEnvironment, database_url: str
) -> None:
    limits = host_limits(ceiling=ceiling_of(replace(RULES, risk=HOSTS)))
    async with stage(time_skipping_env, database_url, "2026-11-23 08:50", limits) as day:
        rules = replace(RULES, risk=TEN_TIMES)
        workers = [await day.start_worker(number, rules=rules) for number in (1, 2, 3)]
        close = await day.start_close(cron=BEFORE_THE_CLOSE)

        await day.reaches("2026-11-23 15:40")

        date = session_date_of(kst("2026-11-23 15:40"))
        bought = [order for order in day.broker_account.orders if order.side == Side.BUY.value and not order.original]
        trades, orders = await day.trades(), await day.database.audit.orders_on(day.account, date)
        books = await frozen_books(day.database, await book_of(day.simulation), PLAN)
        assert len(bought) >= 4
        assert max(order.price * order.quantity for order in bought) <= 1_000_000
        assert max(sum(trade.worker_id == worker for trade in trades) for worker in _names(3)) == 2
        sent = [order for order in orders if order.record.intent.purpose is OrderPurpose.ENTRY and order.sent_at]
        (number,) = books.ledger.host_limits
        assert {order.host_limits for order in sent} == {number}
        denials = await day.database.events.denials_on(day.account, date)
        assert "TRADE_COUNT_REACHED" in denials[FLEET]
        assert await day.database.events.counts(day.account, date, EventKind.RULES_ABOVE_HOST_LIMITS) == 3
        assert not any(held.quantity for held in day.broker_account.holdings.values())
        assert within_host_limits(books) == ()
        for worker in workers:
            await worker.terminate()
        await close.terminate()


def _names(count: int) -> list[WorkerId]:
    return [WorkerId(f"worker-{number}") for number in range(1, count + 1)]
