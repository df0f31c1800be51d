"""A shard with positions has a running watch, and a worker whose workflow is gone is brought back (I5)."""

import asyncio
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

import fleet.duties.market_watch as fleet_watch
from activities.watch.messages import ShardRequest, market_watch_id
from domain.identity import AccountId, WorkerId
from domain.rules import TradingRules
from domain.watch import SCANS, ScanWish, WatchWish
from domain.worker_state import WorkerLife
from fleet.duties.lost_workers import LostWorkersDuty
from fleet.duties.market_watch import MarketWatchDuty
from fleet.fleet import Fleet
from fleet.foreign import foreign_objects
from fleet.on_demand import OurId, start
from fleet.starting import start_worker
from tests.database.books import Books
from tests.trials.planted_bugs.swapping import swapped
from workflows.identity import is_watch_of, worker_workflow_id


async def watched(fleet: Fleet) -> WatchWish:
    """Hold shares whose worker wants them watched, and renew their lease as a watch does."""
    books = Books(fleet.database, fleet.account_id)
    intent = (await books.held()).intent
    lease = await books.locked()
    workflow_id = worker_workflow_id(fleet.account_id, intent.worker_id)
    await fleet.database.workers.register(fleet.account_id, intent.worker_id, workflow_id)
    wish = WatchWish(lease, intent.position_id, workflow_id, {})
    await fleet.database.market_watches.ask(wish, 100)
    return wish


async def kinds(fleet: Fleet) -> list[str]:
    return [event.kind for event in await fleet.database.events.latest(fleet.account_id, 10)]


async def test_a_terminated_worker_is_brought_back_although_its_lease_is_renewed(fleet: Fleet) -> None:
    wish = await watched(fleet)
    await LostWorkersDuty(fleet, TradingRules()).look()
    assert await kinds(fleet) == []

    for _ in range(2):
        await MarketWatchDuty(fleet, TradingRules()).look()

    assert await kinds(fleet) == ["worker_brought_back"]
    described = await fleet.client.get_workflow_handle(wish.workflow_id).describe()
    assert described.close_time is None


async def test_a_worker_that_runs_is_left_alone(fleet: Fleet) -> None:
    wish = await watched(fleet)
    await start_worker(fleet, WorkerLife(fleet.account_id, wish.lease.worker_id, TradingRules(), fleet.clock))

    await MarketWatchDuty(fleet, TradingRules()).look()

    assert await kinds(fleet) == []


async def test_an_unattended_shard_gets_its_watch_and_an_attended_one_none(fleet: Fleet) -> None:
    await watched(fleet)
    watch = fleet.client.get_workflow_handle(market_watch_id(ShardRequest(fleet.account_id, 0)))
    await fleet.database.market_watches.take(fleet.account_id, 0, "4711@here")
    duty = MarketWatchDuty(fleet, TradingRules())
    assert await fleet.database.market_watches.unattended(fleet.account_id) == ()

    await fleet.database._pool.execute("UPDATE market_watches SET renewed_at = renewed_at - interval '1 minute'")
    for _ in range(2):
        await duty.look()

    described = await watch.describe()
    assert (described.workflow_type, described.close_time) == ("MarketWatchWorkflow", None)


async def test_a_foreign_workflow_under_the_id_of_a_watch_is_replaced(fleet: Fleet) -> None:
    await watched(fleet)
    watch_id = market_watch_id(ShardRequest(fleet.account_id, 0))
    await fleet.client.start_workflow("Strange", id=watch_id, task_queue="elsewhere")
    async with asyncio.timeout(60):
        while not [each for each in await foreign_objects(fleet) if each.name == watch_id]:
            await asyncio.sleep(0.05)

    await MarketWatchDuty(fleet, TradingRules()).look()

    described = await fleet.client.get_workflow_handle(watch_id).describe()
    assert described.workflow_type == "MarketWatchWorkflow"


async def test_a_watch_that_cannot_be_started_leaves_the_others_to_the_duty(fleet: Fleet) -> None:
    wish = await watched(fleet)
    await fleet.database.scan_wishes.ask(
        ScanWish(fleet.account_id, WorkerId("worker-1"), "run/1", "trading-worker/1", "run", {})
    )

    async def starts(fleet: Fleet, ours: OurId, run: Any, shard: ShardRequest, **options: Any) -> Any:
        if shard.shard == SCANS:
            raise RPCError("too many signals", RPCStatusCode.RESOURCE_EXHAUSTED, b"")
        return await start(fleet, ours, run, shard, **options)

    with swapped(fleet_watch, "start", starts), pytest.raises(RPCError, match="too many signals"):
        await MarketWatchDuty(fleet, TradingRules()).look()

    watch_id = market_watch_id(ShardRequest(fleet.account_id, 0))
    assert (await fleet.client.get_workflow_handle(watch_id).describe()).close_time is None
    assert (await fleet.client.get_workflow_handle(wish.workflow_id).describe()).close_time is None


async def test_scans_without_a_watch_get_one(fleet: Fleet) -> None:
    wish = ScanWish(fleet.account_id, WorkerId("worker-1"), "run/1", "trading-worker/1", "run", {})
    assert not await fleet.database.scan_wishes.ask(wish)
    assert await fleet.database.market_watches.unattended(fleet.account_id) == (SCANS,)

    await MarketWatchDuty(fleet, TradingRules()).look()

    watch_id = market_watch_id(ShardRequest(fleet.account_id, SCANS))
    described = await fleet.client.get_workflow_handle(watch_id).describe()
    assert (described.workflow_type, described.close_time) == ("MarketWatchWorkflow", None)
    assert is_watch_of(watch_id, fleet.account_id)
    assert not is_watch_of(watch_id, AccountId("another"))
