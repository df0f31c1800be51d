"""Strangers with access to a fleet's Temporal server: none of their requests is executed, and the fleet continues."""

from datetime import date, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from temporalio.client import (
    ActivityFailureError,
    Client,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.common import RetryPolicy

from activities.watch.messages import WatchEnd
from domain.exits import ExitSignal
from domain.money import Price
from domain.position import ExitReason
from domain.session import SessionDate
from domain.worker_state import WorkerLife
from fleet import commands
from fleet.commands import Verdict
from security.sealing.keys import new_key
from security.sealing.refusals import Refusals
from tests.security.sealing.parts import Guarded, guarded_client
from tests.support.builders import some_rules
from workflows.close_outcome import MarketCloseRequest
from workflows.identity import close_workflow_id, task_queues, worker_name, worker_workflow_id
from workflows.payloads import DATA_CONVERTER
from workflows.trading_worker import TradingWorkerWorkflow

TODAY = SessionDate(date(2026, 11, 23))


@pytest.fixture(params=["no key", "another key"])
async def stranger(request: pytest.FixtureRequest, temporal_dev_server: str) -> Client:
    """A client of another program on this machine."""
    if request.param == "no key":
        return await Client.connect(temporal_dev_server, data_converter=DATA_CONVERTER)
    return await guarded_client(temporal_dev_server, [new_key()], Refusals())


async def test_a_strangers_worker_never_starts(guarded: Guarded, stranger: Client) -> None:
    fleet = guarded.fleet
    life = WorkerLife(fleet.account_id, worker_name(66), some_rules(), fleet.clock)

    handle = await stranger.start_workflow(
        TradingWorkerWorkflow.run,
        life,
        id=worker_workflow_id(fleet.account_id, life.worker_id),
        task_queue=task_queues(fleet.account_id).trading,
    )

    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert not guarded.desk.calls
    assert ("start", "TradingWorkerWorkflow") in guarded.refused()


async def test_a_strangers_close_never_starts(guarded: Guarded, stranger: Client) -> None:
    fleet = guarded.fleet

    handle = await stranger.start_workflow(
        "MarketCloseWorkflow",
        MarketCloseRequest(fleet.account_id, fleet.clock),
        id=close_workflow_id(fleet.account_id),
        task_queue=task_queues(fleet.account_id).trading,
    )

    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert not guarded.desk.calls


async def test_a_start_without_arguments_is_refused_too(guarded: Guarded, stranger: Client) -> None:
    queue = task_queues(guarded.fleet.account_id).trading

    handle = await stranger.start_workflow("TradingWorkerWorkflow", id=f"odd-{uuid4()}", task_queue=queue)

    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert not guarded.desk.calls


async def test_strange_messages_change_nothing_and_the_position_is_still_sold(
    guarded: Guarded, stranger: Client
) -> None:
    ours = await guarded.holding()
    theirs = stranger.get_workflow_handle(ours.id)

    assert guarded.desk.held is not None
    stop = ExitSignal(ExitReason.STOP_LOSS, Price(70_000), guarded.fleet.market_now(), Price(71_000))
    end = WatchEnd(guarded.desk.held.position_id, stop)
    signals = [("liquidate_for_close", [TODAY]), ("liquidate_for_close", []), ("exit", [end]), ("nonsense", [1])]
    for name, arguments in signals * 3:
        await theirs.signal(name, args=cast("list[Any]", arguments))
    for name, arguments in [("pause", []), ("stop", []), ("liquidate", [ExitReason.OPERATOR]), ("liquidate", [])]:
        with pytest.raises(WorkflowUpdateFailedError):
            await theirs.execute_update(name, args=arguments)
    for name in ("status", "trading_rules", "__stack_trace"):
        with pytest.raises(WorkflowQueryFailedError):
            await theirs.query(name)
    status = await ours.query(TradingWorkerWorkflow.status)
    described = await ours.describe()
    sold = await commands.command_all(guarded.fleet, [worker_name(1)], commands.liquidate())

    assert (status.state, status.paused, status.stopping) == ("holding", False, False)
    assert "TemporalReportedProblems" not in described.search_attributes
    assert sold[0].verdict is Verdict.DONE
    assert guarded.desk.reasons == [ExitReason.OPERATOR], "the forged exit decides nothing"
    assert {("signal", "liquidate_for_close"), ("update", "stop"), ("query", "status")} <= set(guarded.refused())
    events = [event.event_type async for event in ours.fetch_history_events()]
    assert not [event for event in events if "WORKFLOW_TASK_FAILED" in str(event)]


async def test_a_standalone_activity_is_refused(guarded: Guarded, stranger: Client) -> None:
    queue = task_queues(guarded.fleet.account_id).watch

    for arguments in ([TODAY], []):
        with pytest.raises(ActivityFailureError):
            await stranger.execute_activity(
                "list_broker_orders",
                args=arguments,
                id=f"look-{uuid4()}",
                task_queue=queue,
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=RetryPolicy(maximum_attempts=1),
            )

    assert not guarded.desk.calls
