"""Activities that a host of an earlier build has scheduled, with several arguments, run in this build."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError
from temporalio.worker import Worker

from domain.events.entries import MARKET_CLOSE
from domain.identity import IntentId
from domain.lock import Lease
from domain.session import session_date_of
from tests.support.builders import a_lease
from tests.support.stepping import ACCOUNT
from tests.trials.journeys.running_market import RunningMarket, running_market
from workflows.identity import task_queues


@workflow.defn(sandboxed=False)
class EarlierBuild:
    """Schedules one activity with a list of arguments."""

    @workflow.run
    async def run(self, name: str, queue: str, arguments: list[Any]) -> Any:
        return await workflow.execute_activity(
            name,
            args=arguments,
            task_queue=queue,
            schedule_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=timedelta(minutes=1),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


async def scheduled(market: RunningMarket, name: str, queue: str, *arguments: Any) -> Any:
    """Return the result of an activity that an earlier build has scheduled."""
    tasks = uuid.uuid4().hex
    async with Worker(market.client, task_queue=tasks, workflows=[EarlierBuild]):
        return await market.client.execute_workflow(
            EarlierBuild.run, args=[name, queue, list(arguments)], id=f"earlier-{tasks}", task_queue=tasks
        )


async def test_every_old_argument_list_is_executed(temporal_dev_server: str, database_url: str) -> None:
    queues = task_queues(ACCOUNT)
    async with running_market(temporal_dev_server, database_url) as market, market.hosted():
        at = market.clock.market_anchor
        date = session_date_of(at)

        planned = await scheduled(market, "plan_close", queues.trading, ACCOUNT, at)
        await scheduled(market, "shut_entries", queues.trading, ACCOUNT, date)
        signalled = await scheduled(market, "order_liquidation", queues.watch, ACCOUNT, date)
        orders = await scheduled(market, "list_open_orders", queues.trading, ACCOUNT, None)
        proof = await scheduled(market, "prove_flat", queues.watch, ACCOUNT, date)
        unsold = await scheduled(market, "tell_unsold", queues.watch, ACCOUNT, date)

        assert planned["plan"]["session"]["date"] == date.isoformat()
        assert await market.database.risk.closed_because(ACCOUNT, date) == (MARKET_CLOSE,)
        assert (signalled, orders, proof["flat"], unsold) == (0, [], True, [])


@pytest.mark.parametrize("lease", [None, a_lease()])
async def test_an_old_order_to_resolve_is_looked_up(
    temporal_dev_server: str, database_url: str, lease: Lease | None
) -> None:
    queue = task_queues(ACCOUNT).watch
    async with running_market(temporal_dev_server, database_url) as market, market.hosted():
        with pytest.raises(WorkflowFailureError) as failed:
            await scheduled(market, "resolve_order", queue, IntentId("run-1/of-an-earlier-build"), False, lease)

    assert isinstance(failed.value.cause, ActivityError)
    assert "run-1/of-an-earlier-build" in str(failed.value.cause.cause)
    assert "TypeError" not in repr(failed.value.cause.cause)
