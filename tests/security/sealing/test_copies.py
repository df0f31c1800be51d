"""Authentic payloads and seals, read from histories and sent again elsewhere or under another name."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import Header, Payload, Payloads, WorkflowExecution, WorkflowType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.update.v1 import Input, Meta, Request, WaitPolicy
from temporalio.api.workflowservice.v1 import (
    RespondActivityTaskCompletedByIdRequest,
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
    UpdateWorkflowExecutionRequest,
)
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.converter import WorkflowSerializationContext
from temporalio.service import RPCError

from domain.session import SessionDate
from fleet import commands
from fleet.commands import Verdict
from fleet.schedule import latest_close, lay_close_times, schedule_close
from security.sealing.keys import KeyRing
from security.sealing.seals import HEADER, Message, seal
from tests.security.sealing.parts import Guarded
from tests.support.builders import some_rules
from workflows.identity import close_schedule_id, close_workflow_id, task_queues, worker_name, worker_workflow_id
from workflows.trading_worker import TradingWorkerWorkflow

TODAY = SessionDate(date(2026, 11, 23))


async def started(handle: WorkflowHandle[Any, Any]) -> HistoryEvent:
    """Return a workflow's start event, which anyone on the server can read."""
    return await anext(handle.fetch_history_events())


async def starts_again(
    guarded: Guarded, event: HistoryEvent, workflow_id: str, workflow_type: str = "TradingWorkerWorkflow"
) -> WorkflowHandle[Any, Any]:
    """Start a workflow with the input and header of another."""
    about, client = event.workflow_execution_started_event_attributes, await Client.connect(guarded.address)
    answer = await client.workflow_service.start_workflow_execution(
        StartWorkflowExecutionRequest(
            namespace="default",
            workflow_id=workflow_id,
            workflow_type=WorkflowType(name=workflow_type),
            task_queue=TaskQueue(name=task_queues(guarded.fleet.account_id).trading),
            input=about.input,
            header=about.header,
            request_id=str(uuid4()),
        )
    )
    return client.get_workflow_handle(workflow_id, run_id=answer.run_id)


async def test_a_start_is_good_for_its_own_workflow_alone(guarded: Guarded) -> None:
    ours = await guarded.holding()
    other = worker_workflow_id(guarded.fleet.account_id, worker_name(77))
    before = guarded.desk.calls["begin_cycle"]

    copied = await starts_again(guarded, await started(ours), other)

    with pytest.raises(WorkflowFailureError):
        await copied.result()
    assert guarded.desk.calls["begin_cycle"] == before
    assert ("start", "TradingWorkerWorkflow") in guarded.refused()


async def test_a_start_is_not_good_later(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = await guarded.holding()
    event = await started(ours)
    (stopped,) = await commands.command_all(guarded.fleet, [worker_name(1)], commands.STOP)
    assert stopped.verdict is Verdict.DONE
    await ours.result()
    before = guarded.desk.calls["begin_cycle"]
    monkeypatch.setattr("security.sealing.guard.START_WITHIN", timedelta(microseconds=1))

    copied = await starts_again(guarded, event, ours.id)

    with pytest.raises(WorkflowFailureError):
        await copied.result()
    assert guarded.desk.calls["begin_cycle"] == before


async def test_a_command_is_good_for_its_own_name_and_id_alone(guarded: Guarded) -> None:
    ours = await guarded.holding()
    await commands.command_all(guarded.fleet, [worker_name(1)], commands.PAUSE)
    await commands.command_all(guarded.fleet, [worker_name(1)], commands.RESUME)
    accepted = [
        event.workflow_execution_update_accepted_event_attributes.accepted_request
        async for event in ours.fetch_history_events()
        if event.HasField("workflow_execution_update_accepted_event_attributes")
    ]
    client = await Client.connect(guarded.address)

    async def sends(name: str, update_id: str) -> Any:
        request = UpdateWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=ours.id),
            wait_policy=WaitPolicy(lifecycle_stage=3),  # type: ignore[arg-type]
            request=Request(meta=Meta(update_id=update_id), input=Input(name=name, header=accepted[0].input.header)),
        )
        return await client.workflow_service.update_workflow_execution(request)

    assert (await sends("stop", accepted[0].meta.update_id + "x")).outcome.HasField("failure")
    assert (await sends("pause", str(uuid4()))).outcome.HasField("failure")
    assert (await sends("pause", accepted[0].meta.update_id)).outcome.HasField("success"), "what it was answered before"
    status = await ours.query(TradingWorkerWorkflow.status)
    assert (status.paused, status.stopping) == (False, False)


async def test_a_payload_of_one_workflow_is_no_signal_of_another(guarded: Guarded) -> None:
    ours = await guarded.holding()
    other = worker_workflow_id(guarded.fleet.account_id, worker_name(2))
    theirs = guarded.fleet.client.data_converter.with_context(WorkflowSerializationContext("default", other))
    sent = await theirs.encode_wrapper([TODAY])
    sealed = seal(KeyRing([guarded.key]), Message("signal", "liquidate_for_close", other))
    client = await Client.connect(guarded.address)

    for header in (Header(fields={HEADER: sealed}), None):
        await client.workflow_service.signal_workflow_execution(
            SignalWorkflowExecutionRequest(
                namespace="default",
                workflow_execution=WorkflowExecution(workflow_id=ours.id),
                signal_name="liquidate_for_close",
                input=sent,
                header=header,
            )
        )

    status = await ours.query(TradingWorkerWorkflow.status)
    assert status.state == "holding"
    (sold,) = await commands.command_all(guarded.fleet, [worker_name(1)], commands.liquidate())
    assert sold.verdict is Verdict.DONE


async def test_a_schedule_starts_the_close_and_its_start_is_good_for_nothing_else(guarded: Guarded) -> None:
    fleet = guarded.fleet
    await schedule_close(fleet, some_rules(), fleet.market_now())
    await lay_close_times(fleet, some_rules(), fleet.market_now())
    schedule = fleet.client.get_schedule_handle(close_schedule_id(fleet.account_id))
    await schedule.trigger()
    while (close := await latest_close(fleet)) is None:
        await asyncio.sleep(0.02)
    event = await started(close)
    while not guarded.desk.calls["plan_close"]:
        await asyncio.sleep(0.02)

    copied = await starts_again(guarded, event, close_workflow_id(fleet.account_id), "MarketCloseWorkflow")

    with pytest.raises(WorkflowFailureError):
        await copied.result()
    assert guarded.refused() == [("start", "MarketCloseWorkflow")]
    await close.describe()
    await close.terminate()
    await schedule.delete()


async def test_a_result_that_a_stranger_gives_decides_nothing(guarded: Guarded) -> None:
    ours = await guarded.holding()
    pending = (await ours.describe()).raw_description.pending_activities
    (watch,) = [each for each in pending if each.activity_type.name == "begin_watch"]
    client = await Client.connect(guarded.address)

    await client.workflow_service.respond_activity_task_completed_by_id(
        RespondActivityTaskCompletedByIdRequest(
            namespace="default",
            workflow_id=ours.id,
            activity_id=watch.activity_id,
            result=Payloads(payloads=[Payload(metadata={"encoding": b"json/plain"}, data=b'{"reason": "stop_loss"}')]),
        )
    )

    with pytest.raises((WorkflowFailureError, RPCError)):
        await ours.result()
    assert not guarded.desk.trades, "the host brings its worker back from the books"
