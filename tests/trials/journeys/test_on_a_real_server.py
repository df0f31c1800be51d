"""On Temporal's own server: a trade's history, what the Web UI can read, and commands between two runs."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from domain.position import ExitReason
from domain.worker_state import WorkerState
from tests.support.builders import HYNIX
from tests.support.stepping import ACCOUNT
from tests.trials.journeys.running_market import running_market, until
from tests.workflows.floor import trading_floor
from workflows import attributes
from workflows.commands import WorkerStatus
from workflows.payloads import DATA_CONVERTER
from workflows.trading_worker import TradingWorkerWorkflow

MOST_EVENTS = 80
"""Of each run except a worker's first, which also compares the account's books."""


async def test_a_held_minute_adds_no_event_and_a_whole_trade_few(temporal_dev_server: str, database_url: str) -> None:
    async with running_market(temporal_dev_server, database_url) as market, market.hosted():
        worker = await market.start_worker(cycles=1)
        position = await market.holds()
        run = market.client.get_workflow_handle(worker.id, run_id=worker.first_execution_run_id)
        await until(lambda: _is(run, WorkerState.HOLDING), "holding worker")
        begun = market.calls
        await until(lambda: _true(market.calls >= begun + 2), "two looks of the watch, which has begun by then")
        before, looked = (await run.describe()).history_length, market.calls

        await until(lambda: _true(market.calls >= looked + 6), "six more looks at the price")
        after = await run.describe()

        assert after.history_length == before
        market.price_moves(-0.05)
        await market.trades(1)
        over = await until(lambda: _ended(run), "end of the run")
        assert over.status is WorkflowExecutionStatus.CONTINUED_AS_NEW
        assert over.history_length <= MOST_EVENTS
        assert position.symbol == HYNIX
        assert over.typed_search_attributes[attributes.EXIT_REASON] == ExitReason.STOP_LOSS


async def test_a_cancelled_worker_sells_what_it_holds_and_ends_as_cancelled(
    temporal_dev_server: str, database_url: str
) -> None:
    async with running_market(temporal_dev_server, database_url) as market, market.hosted():
        worker = await market.start_worker()
        await market.holds()
        run = market.client.get_workflow_handle(worker.id, run_id=worker.first_execution_run_id)

        await run.cancel()

        assert (await until(lambda: _ended(run), "end of the run")).status is WorkflowExecutionStatus.CANCELED
        assert await market.database.positions.held_in(ACCOUNT) == ()


async def test_the_web_ui_shows_what_a_worker_does(temporal_dev_server: str, database_url: str) -> None:
    async with running_market(temporal_dev_server, database_url) as market, market.hosted():
        worker = await market.start_worker()
        await market.holds()
        await until(lambda: _is(worker, WorkerState.HOLDING), "holding worker")

        shown = (await worker.describe()).typed_search_attributes
        details = (await worker.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)).current_details
        summaries = await _summaries(worker)

        assert shown[attributes.TRADE_STATE] == WorkerState.HOLDING
        assert HYNIX not in str(shown)
        assert "worker-1" in details
        assert "holding" in details
        assert "until" in details
        assert any(text.startswith("lock, size, review, buy, watch") and HYNIX in text for text in summaries)


@pytest.mark.slow
async def test_each_command_counts_once_however_many_runs_pass_meanwhile(temporal_dev_server: str) -> None:
    client = await Client.connect(temporal_dev_server, data_converter=DATA_CONVERTER)
    async with trading_floor(WorkflowEnvironment.from_client(client), "2026-11-23 10:00") as floor:
        floor.desk.candidates_from, floor.desk.hold_for = timedelta(0), timedelta(0)
        worker = await floor.start_worker()

        answers = []
        for number in range(1, 13):
            answers.append(await _changes_a_rule(worker, number))
            if number % 4 == 0:
                await until(partial(_has_played, worker, number // 4), "next run")
        repeated = await _changes_a_rule(worker, 12, answers[-1][0])

        status = await worker.query(TradingWorkerWorkflow.status)
        assert [answer.rules_version for _, answer in answers] == list(range(2, 14))
        assert repeated[1].rules_version == status.rules_version == 13
        assert status.cycles >= 3
        await worker.terminate()


async def _changes_a_rule(
    worker: WorkflowHandle[TradingWorkerWorkflow, None], number: int, command: str = ""
) -> tuple[str, WorkerStatus]:
    """Send a command under one id until it is answered, as the command line does."""
    command = command or uuid4().hex

    async def answered() -> WorkerStatus | None:
        try:
            return await worker.execute_update(
                TradingWorkerWorkflow.change_rules, {"exits.stop_loss": f"{number}%"}, id=command
            )
        except (RPCError, WorkflowUpdateFailedError):
            return None

    return command, await until(answered, f"answer to command {number}")


async def _is(worker: WorkflowHandle[Any, Any], state: WorkerState) -> bool:
    return (await worker.describe()).typed_search_attributes.get(attributes.TRADE_STATE) == state.value


async def _has_played(worker: WorkflowHandle[TradingWorkerWorkflow, None], cycles: int) -> bool:
    return (await worker.query(TradingWorkerWorkflow.status)).cycles >= cycles


async def _ended(run: WorkflowHandle[Any, Any]) -> Any:
    description = await run.describe()
    return None if description.status is WorkflowExecutionStatus.RUNNING else description


async def _true(fact: bool) -> bool:
    await asyncio.sleep(0)
    return fact


async def _summaries(worker: WorkflowHandle[Any, Any]) -> list[str]:
    """Return the Web UI's summary of each activity."""
    scheduled = [
        event.user_metadata.summary
        async for event in worker.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    return [str(text) for (text,) in [await DATA_CONVERTER.decode([payload]) for payload in scheduled]]
