"""Which workers the market close orders to sell at the deadline: only those that have not started by themselves."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import Client, Interceptor, OutboundInterceptor, SignalWorkflowInput
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities.support.requests import SessionRequest
from domain.identity import WorkerId
from domain.worker_state import WorkerState
from tests.activities.desk import PLAN, Desk
from tests.support.builders import SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT

TODAY = PLAN.session.date
RIVAL = WorkerId("worker-2")


@pytest.mark.parametrize(("begins", "signalled"), [(True, 1), (False, 0)])
async def test_a_worker_that_begins_by_its_own_clock_at_the_deadline_is_not_signalled_as_well(
    desk: Desk, time_skipping_env: WorkflowEnvironment, begins: bool, signalled: int
) -> None:
    """Neither worker has a workflow to signal, so only the worker that already sells counts."""
    await desk.registers()
    await desk.registers(RIVAL)
    env, enter, now = ActivityEnvironment(client=time_skipping_env.client), desk.database.workers.enter, desk.pace.now
    await enter(ACCOUNT, WORKER, WorkerState.HOLDING, SAMSUNG, "bought", now())
    if begins:
        desk.pace.meanwhile.append(lambda: enter(ACCOUNT, WORKER, WorkerState.EXITING, SAMSUNG, "selling", now()))
    desk.simulation.move_clock(PLAN.liquidation_at)

    assert await env.run(desk.closing.order_liquidation, SessionRequest(ACCOUNT, TODAY)) == signalled
    assert desk.pace.now() == PLAN.begun_by


async def test_a_close_at_any_other_time_waits_for_no_clock(desk: Desk, time_skipping_env: WorkflowEnvironment) -> None:
    await desk.registers()
    await desk.database.workers.enter(ACCOUNT, WORKER, WorkerState.HOLDING, SAMSUNG, "bought", desk.pace.now())

    for at in (PLAN.liquidation_at - timedelta(seconds=1), PLAN.liquidation_at + timedelta(minutes=1)):
        desk.simulation.move_clock(at)
        await ActivityEnvironment(client=time_skipping_env.client).run(
            desk.closing.order_liquidation, SessionRequest(ACCOUNT, TODAY)
        )

    assert desk.pace.pauses == 0


async def test_a_worker_without_a_workflow_is_passed_over(desk: Desk, time_skipping_env: WorkflowEnvironment) -> None:
    await desk.registers()
    await desk.registers(RIVAL)
    env = ActivityEnvironment(client=time_skipping_env.client)

    assert await env.run(desk.closing.order_liquidation, SessionRequest(ACCOUNT, TODAY)) == 0


class ServerThatRefuses(Interceptor, OutboundInterceptor):
    """A Temporal server that refuses signals to one workflow, after it has received one for another.

    ``asked`` lists all workflows to be signalled.
    """

    def __init__(self, refused: WorkerId, fault: Exception) -> None:
        self._refused, self._fault = refused, fault
        self._another = asyncio.Event()
        self.asked: list[str] = []

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 the SDK's name
        OutboundInterceptor.__init__(self, next)
        return self

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002 the SDK's name
        self.asked.append(input.id)
        if input.id.endswith(self._refused):
            await asyncio.wait_for(self._another.wait(), 30)
            raise self._fault
        self._another.set()
        await super().signal_workflow(input)


@pytest.mark.parametrize(
    "fault",
    [
        RPCError("signal count exceeds its limit", RPCStatusCode.INVALID_ARGUMENT, b""),
        RuntimeError("a codec that cannot encode"),
    ],
    ids=["refused", "unsent"],
)
async def test_a_worker_that_cannot_be_signalled_keeps_no_other_from_being_signalled(
    desk: Desk, time_skipping_env: WorkflowEnvironment, fault: Exception
) -> None:
    await desk.registers()
    await desk.registers(RIVAL)
    server = ServerThatRefuses(WORKER, fault)
    config = time_skipping_env.client.config()
    config["interceptors"] = [server]
    env = ActivityEnvironment(client=Client(**config))

    assert await env.run(desk.closing.order_liquidation, SessionRequest(ACCOUNT, TODAY)) == 0
    assert [each.split("/")[-1] for each in server.asked] == [WORKER, RIVAL]
