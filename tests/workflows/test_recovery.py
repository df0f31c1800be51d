"""Shares of late fills in whole days: the close sells them, or a recovery worker watches, sells and ends."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.account.comparing import ReconcileRequest
from domain.identity import WorkerId, recovery_worker
from domain.market import Symbol
from domain.worker_state import WorkerLife
from tests.support.stepping import ACCOUNT, RULES, Stage, stage
from workflows.identity import reconciliation_workflow_id, task_queues, worker_workflow_id
from workflows.reconciliation import ReconciliationWorkflow
from workflows.trading_worker import TradingWorkerWorkflow

LISTS = "inquire-daily-ccld"


@pytest.fixture
async def day(time_skipping_env: WorkflowEnvironment, database_url: str) -> AsyncIterator[Stage]:
    async with stage(time_skipping_env, database_url, "2026-11-23 08:50") as day:
        yield day


async def bought_as_it_seems_nothing(day: Stage) -> Symbol:
    """Let a worker buy while the list shows each order as withdrawn; return a stock whose shares the ledger lacks."""
    day.simulation.add_fault(kind="hide_fills", path=LISTS, shares=1_000_000, count=0)
    worker = await day.start_worker()
    held: list[Symbol] = []
    while not held:
        await day.env.sleep(timedelta(minutes=1))
        held = [Symbol(symbol) for symbol, each in day.broker_account.holdings.items() if each.quantity]
    await day.env.sleep(timedelta(minutes=1))
    await worker.terminate("it has let go of what it bought")
    assert await day.held() == ()
    day.simulation.clear_faults()
    return held[0]


async def earned(day: Stage) -> tuple[int, int]:
    """Return the PnL by the trades and by the broker's cash."""
    return sum(trade.net_pnl for trade in await day.trades()), day.broker_account.cash - day.broker_account.opening_cash


async def test_the_close_sells_shares_that_the_ledger_lacked_all_day(day: Stage) -> None:
    await bought_as_it_seems_nothing(day)
    await day.reaches("2026-11-23 15:15")

    outcome = await (await day.start_close()).result()

    assert outcome.flat
    assert outcome.seized >= 1
    ours, brokers = await earned(day)
    assert ours == brokers != 0


async def test_a_recovery_worker_watches_what_came_late_sells_it_and_ends(day: Stage) -> None:
    symbol = await bought_as_it_seems_nothing(day)
    name = recovery_worker(symbol)
    await _compares(day)
    assert await day.database.positions.held_by(ACCOUNT, name)
    worker = await _started(day, name)
    await day.env.sleep(timedelta(minutes=3))
    day.price_falls(symbol, 0.1)

    await worker.result()

    assert (await worker.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert not day.broker_account.holdings[symbol].quantity
    assert {trade.worker_id for trade in await day.trades() if trade.symbol == symbol} == {name}


async def test_a_recovery_worker_without_shares_ends_at_once(day: Stage) -> None:
    worker = await _started(day, recovery_worker("005930"))

    await worker.result()

    assert await day.database.workers.count(ACCOUNT) == 0


async def _compares(day: Stage) -> None:
    """Compare the books, as a host does every few minutes."""
    await day.env.client.execute_workflow(
        ReconciliationWorkflow.run,
        ReconcileRequest(ACCOUNT),
        id=reconciliation_workflow_id(ACCOUNT),
        task_queue=task_queues(ACCOUNT).trading,
    )


async def _started(day: Stage, name: WorkerId) -> WorkflowHandle[TradingWorkerWorkflow, None]:
    return await day.env.client.start_workflow(
        TradingWorkerWorkflow.run,
        WorkerLife(ACCOUNT, name, RULES, day.clock, paused=True),
        id=worker_workflow_id(ACCOUNT, name),
        task_queue=task_queues(ACCOUNT).trading,
    )
