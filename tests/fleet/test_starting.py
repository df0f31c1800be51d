"""Starting workers on a real Temporal server."""

from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

from domain.capacity import PriceSupply
from domain.errors import BadRulesError
from domain.identity import WorkerId
from domain.money import Won
from domain.rules import RiskRules
from domain.session import SessionDate
from fleet import commands
from fleet.errors import OperationError
from fleet.fleet import Fleet
from fleet.starting import start_workers
from tests.support.builders import some_rules
from tests.support.running_fleet import Hosted
from workflows.attributes import TRADE_STATE, WORKER_NAME
from workflows.identity import worker_workflow_id
from workflows.options import TASK_TIMEOUT

RULES = some_rules()


async def run_of(fleet: Fleet, worker: str) -> tuple[str, WorkflowExecutionStatus | None]:
    described = await fleet.client.get_workflow_handle(
        worker_workflow_id(fleet.account_id, WorkerId(worker))
    ).describe()
    return described.run_id, described.status


async def test_workers_are_started_under_their_own_names(fleet: Fleet) -> None:
    names = await start_workers(fleet, 3, RULES)

    assert names == ("worker-1", "worker-2", "worker-3")
    first = fleet.plan_at(fleet.market_now()).session.date
    assert await fleet.database.workers.in_session(fleet.account_id, first) == names
    assert await fleet.database.workers.in_session(fleet.account_id, SessionDate(first - timedelta(days=1))) == ()
    handle = fleet.client.get_workflow_handle(worker_workflow_id(fleet.account_id, names[1]))
    described = await handle.describe()
    assert described.typed_search_attributes.get(WORKER_NAME) == "worker-2"
    assert described.typed_search_attributes.get(TRADE_STATE) == "idle"
    assert await described.static_summary() == f"worker-2 trades {fleet.account_id}"


async def test_a_frozen_process_keeps_a_workers_next_step_for_seconds_only(fleet: Fleet) -> None:
    await start_workers(fleet, 1, RULES)

    handle = fleet.client.get_workflow_handle(worker_workflow_id(fleet.account_id, WorkerId("worker-1")))
    described = (await handle.describe()).raw_description

    assert described.execution_config.default_workflow_task_timeout.ToTimedelta() == TASK_TIMEOUT


async def test_a_second_start_finds_the_workers_that_run(fleet: Fleet) -> None:
    await start_workers(fleet, 1, RULES)
    first = await run_of(fleet, "worker-1")

    await start_workers(fleet, 2, RULES)

    assert await run_of(fleet, "worker-1") == first


async def test_a_stopped_worker_can_be_started_again(hosted: Hosted) -> None:
    fleet = hosted.fleet
    await start_workers(fleet, 1, RULES)
    await commands.command_all(fleet, (WorkerId("worker-1"),), commands.STOP)
    await fleet.client.get_workflow_handle(worker_workflow_id(fleet.account_id, WorkerId("worker-1"))).result()

    await start_workers(fleet, 1, RULES)

    assert (await run_of(fleet, "worker-1"))[1] is WorkflowExecutionStatus.RUNNING


async def test_rules_that_cannot_be_traded_by_start_no_worker(fleet: Fleet) -> None:
    with pytest.raises(BadRulesError, match="worker_daily_loss"):
        await start_workers(fleet, 1, some_rules(risk=RiskRules(worker_daily_loss=Won(-1))))

    assert await fleet.known_workers() == ()


@pytest.mark.parametrize("count", [-1, 0])
async def test_a_senseless_number_of_workers_is_refused(fleet: Fleet, count: int) -> None:
    with pytest.raises(OperationError, match="choose 1 or more"):
        await start_workers(fleet, count, RULES)


async def test_more_workers_than_prices_can_be_kept_fresh_for_are_refused_with_the_number(fleet: Fleet) -> None:
    few = replace(fleet, supply=PriceSupply(streamed=2, slots=1, stocks_per_call=1))

    with pytest.raises(OperationError, match=r"^4 workers .* at most 3 held stocks .* 5s.* HARU_BROKER__CALLS"):
        await start_workers(few, 4, RULES)

    assert await fleet.known_workers() == ()
    assert len(await start_workers(few, 3, RULES)) == 3
