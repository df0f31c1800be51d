"""Who is told by the market close to sell, and when: at the deadline only those that have not begun by themselves."""

from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from domain.identity import WorkerId
from domain.worker_state import WorkerState
from tests.activities.desk import PLAN, Desk
from tests.builders import SAMSUNG, WORKER
from tests.stepping import ACCOUNT

TODAY = PLAN.session.date
RIVAL = WorkerId("worker-2")


@pytest.mark.parametrize(("begins", "told"), [(True, 1), (False, 0)])
async def test_whoever_begins_by_its_own_clock_at_the_deadline_is_not_told_as_well(
    desk: Desk, time_skipping_env: WorkflowEnvironment, begins: bool, told: int
) -> None:
    """Neither worker has a workflow that could hear it, so that only the one that sells already counts."""
    await desk.registers()
    await desk.registers(RIVAL)
    env, enter, now = ActivityEnvironment(client=time_skipping_env.client), desk.database.workers.enter, desk.pace.now
    await enter(ACCOUNT, WORKER, WorkerState.HOLDING, SAMSUNG, "bought", now())
    if begins:
        desk.pace.meanwhile.append(lambda: enter(ACCOUNT, WORKER, WorkerState.EXITING, SAMSUNG, "selling", now()))
    desk.simulation.move_clock(PLAN.liquidation_at)

    assert await env.run(desk.closing.order_liquidation, ACCOUNT, TODAY) == told
    assert desk.pace.now() == PLAN.begun_by


async def test_a_close_at_any_other_time_waits_for_nobodys_clock(
    desk: Desk, time_skipping_env: WorkflowEnvironment
) -> None:
    await desk.registers()
    await desk.database.workers.enter(ACCOUNT, WORKER, WorkerState.HOLDING, SAMSUNG, "bought", desk.pace.now())

    for at in (PLAN.liquidation_at - timedelta(seconds=1), PLAN.liquidation_at + timedelta(minutes=1)):
        desk.simulation.move_clock(at)
        await ActivityEnvironment(client=time_skipping_env.client).run(desk.closing.order_liquidation, ACCOUNT, TODAY)

    assert desk.pace.pauses == 0
