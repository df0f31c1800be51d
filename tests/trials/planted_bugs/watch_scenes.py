"""Scenes of the market watch: positions of two shards, and a lease that is about to end."""

import asyncio
from typing import Final

import activities.market_watch
from activities.entries import PreparedEntry
from activities.watch.messages import ShardRequest, WatchRequest
from domain.identity import WorkerId
from tests.activities.desk import PLAN, SHARD, Desk
from tests.support.builders import HYNIX, SAMSUNG
from tests.support.stepping import ACCOUNT, RULES
from tests.trials.planted_bugs.swapping import swapped

_OTHER: Final = WorkerId("worker-2")
_ENDS_SOON: Final = """
UPDATE stock_locks
SET heartbeat_at = heartbeat_at - interval '8 seconds', expires_at = clock_timestamp() + interval '5 seconds'
"""
_IS_RENEWED: Final = "SELECT bool_and(expires_at > clock_timestamp() + interval '10 s') FROM stock_locks"


async def two_positions_in_two_shards(desk: Desk) -> list[str]:
    """Each shard finds its own position."""
    with swapped(activities.market_watch, "MOST_IN_A_SHARD", 1):
        for symbol, worker in ((SAMSUNG, WorkerId("worker-1")), (HYNIX, _OTHER)):
            desk.simulation.force_price(symbol, desk.price(symbol), natural=False)
            await _wishes(desk, await desk.buys(symbol, worker))
    desk.price_moves(-0.04)
    desk.price_moves(-0.04, HYNIX)
    await desk.does(desk.market_watch.watch_market, SHARD)
    ended = len(desk.temporal.ends)
    await desk.does(desk.market_watch.watch_market, ShardRequest(ACCOUNT, 1))
    about = ((SAMSUNG, desk.temporal.ends[:ended]), (HYNIX, desk.temporal.ends[ended:]))
    return [f"scene: {len(ends)} signals for {symbol}" for symbol, ends in about if len(ends) != 1]


async def a_lease_that_ends_soon(desk: Desk) -> list[str]:
    """The watch of its position renews it."""
    await _wishes(desk, await desk.buys())
    await desk.database._pool.execute(_ENDS_SOON)
    desk.pace.meanwhile.extend([lambda: asyncio.sleep(0.05)] * 4 + [lambda: desk.price_moves(-0.04)])
    await desk.does(desk.market_watch.watch_market, SHARD)
    is_renewed = await desk.database._pool.fetchval(_IS_RENEWED)
    return [] if is_renewed else ["scene: a watched position has no lease"]


async def _wishes(desk: Desk, entry: PreparedEntry) -> None:
    request = WatchRequest(entry.position_id, entry.symbol, entry.lease, RULES, PLAN.liquidation_at)
    await desk.does(desk.market_watch.begin_watch, request)
