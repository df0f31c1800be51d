"""A shard's watch beside a worker that has gone, an attempt that has sent a sale, and a stock without trades."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import asyncpg

import activities.watch.judging
import activities.watch.leases
from activities.entries import PreparedEntry
from activities.support.leases import LeaseOfAnOrder
from activities.watch.first_exit import HANDED_OVER_WITHIN, FirstExit, exit_request
from activities.watch.messages import FirstOrder, WatchRequest
from domain.exits import ExitSignal
from domain.identity import IntentId, WorkerId
from domain.lock import LEASE_DURATION
from domain.order import OrderStatus
from domain.position import ExitReason
from tests.activities.desk import PLAN, SHARD, Desk
from tests.support.builders import SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT, RULES
from tests.trials.planted_bugs.swapping import swapped

OTHER: Final = WorkerId("worker-2")
SALE: Final = IntentId("sale")
MOMENTS: Final = [lambda: asyncio.sleep(0.05)] * 20
"""Real time for what runs beside the loop."""


async def asked(desk: Desk, entry: PreparedEntry, **changes: Any) -> WatchRequest:
    """Wish to have a position watched whose price stands still."""
    desk.simulation.force_price(SAMSUNG, desk.price(), natural=False)
    request = WatchRequest(entry.position_id, entry.symbol, entry.lease, RULES, PLAN.liquidation_at)
    request = replace(request, **changes)
    await desk.does(desk.market_watch.begin_watch, request)
    return request


async def execute(desk: Desk, statement: str) -> Any:
    return await desk.database._pool.fetchval(statement)


async def test_the_wish_of_a_worker_that_is_gone_ends_no_watch_of_the_next_holder(desk: Desk) -> None:
    entry = await desk.buys()
    await asked(desk, entry)
    await execute(desk, "UPDATE stock_locks SET expires_at = clock_timestamp()")
    await desk.registers(OTHER)
    adopted = await desk.database.locks.adopt_orphan(ACCOUNT, SAMSUNG, OTHER)
    assert adopted is not None
    await asked(desk, entry, lease=adopted)
    await execute(desk, "UPDATE position_watches SET workflow_id = worker_id")
    desk.temporal.gone = {WORKER}
    desk.pace.meanwhile.extend([*MOMENTS, lambda: desk.price_moves(-0.04)])

    await desk.does(desk.market_watch.watch_market, SHARD)

    reasons = [end.signal.reason if end.signal else "lost" for end in desk.temporal.ends]
    assert reasons == [ExitReason.STOP_LOSS]
    assert await desk.database.market_watches.of_shard(ACCOUNT, 0) == ()


async def test_a_sale_that_another_attempt_has_sent_is_handed_over_although_the_price_is_back(desk: Desk) -> None:
    entry = await desk.buys()
    request = await asked(desk, entry, first=FirstOrder(SALE, PLAN.session))
    rule = ExitSignal(ExitReason.STOP_LOSS, desk.price(), desk.pace.now(), desk.price())

    async def another_attempt_sends() -> None:
        assert request.first is not None
        sender = FirstExit(desk.selling, desk.orders, desk.database)
        assert await sender.send(exit_request(request, request.first, rule)) is not None
        await execute(desk, f"SELECT pg_notify('haru_watch', '{ACCOUNT}/0')")

    desk.pace.meanwhile.extend([*MOMENTS, another_attempt_sends, *MOMENTS])

    await desk.does(desk.market_watch.watch_market, SHARD)

    (end,) = desk.temporal.ends
    assert end.signal is not None
    assert end.signal.sent is not None
    assert end.signal.sent.intent_id == SALE
    assert len(desk.sent) == 2, "one buy, one sale"


async def test_the_lease_of_a_stock_without_trades_is_renewed_while_the_stream_covers_it(desk: Desk) -> None:
    entry = await desk.buys()
    execution = replace(RULES.execution, greatest_quote_age=timedelta(minutes=5))
    await asked(desk, entry, rules=replace(RULES, execution=execution))
    beats: list[bool] = []

    async def is_silent() -> None:
        desk.feed.cover((SAMSUNG,))
        await asyncio.sleep(0.05)

    async def ages() -> None:
        await execute(desk, "UPDATE stock_locks SET heartbeat_at = heartbeat_at - interval '1 minute'")

    async def is_renewed() -> None:
        young = "SELECT heartbeat_at > clock_timestamp() - interval '30 seconds' FROM stock_locks"
        beats.append(await execute(desk, young))

    silence = [is_silent] * 30
    desk.pace.meanwhile.extend([*silence, ages, *silence, is_renewed, lambda: desk.price_moves(-0.04)])

    with (
        swapped(activities.watch.judging, "_JUDGED_WITHIN", 0.5),
        swapped(activities.watch.judging, "JUDGED_EVERY", 0.1),
        swapped(activities.watch.leases, "_EVERY", 0.05),
    ):
        desk.feed.cover((SAMSUNG,))
        await desk.does(desk.market_watch.watch_market, SHARD)

    assert beats == [True]


async def test_a_locked_wish_delays_no_sale(desk: Desk, database_url: str) -> None:
    entry = await desk.buys()
    await asked(desk, entry)
    stopped = await asyncpg.connect(database_url)
    try:
        async with stopped.transaction():
            await stopped.execute("SELECT FROM position_watches FOR UPDATE")
            async with asyncio.timeout(20):  # a statement's own limit is 30 seconds
                record = await desk.sells(entry)
    finally:
        await stopped.close()

    assert record.status is OrderStatus.FILLED


async def test_a_follower_renews_a_lease_that_is_handed_over_again(desk: Desk) -> None:
    """The next attempt of a watch shortens the lease of a sale that its worker follows already."""
    entry = await desk.buys()
    following = LeaseOfAnOrder(desk.database.locks, desk.pace, entry.intent_id)
    await following.keep()
    await FirstExit(desk.selling, desk.orders, desk.database).hand_over(entry.lease)

    await desk.pace.pause(HANDED_OVER_WITHIN / 2)
    await following.keep()

    left = await execute(desk, "SELECT expires_at - clock_timestamp() FROM stock_locks")
    assert left > LEASE_DURATION / 2
