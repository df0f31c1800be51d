"""Heartbeats of the market watch that reach Temporal's server."""

import asyncio
from datetime import UTC, datetime
from typing import Final

from temporalio.service import RPCError

from activities.watch.messages import ShardRequest, market_watch_id
from fleet.fleet import Fleet

_LOOKS_A_SECOND: Final = 5
"""More than a shard's heartbeats, of which Temporal shows the last one."""


async def heartbeats_a_second(fleet: Fleet, seconds: float) -> float:
    """Count the heartbeats of all shards for some real seconds."""
    shards = range(len(await fleet.database.market_watches.owners(fleet.account_id)))
    loop, seen = asyncio.get_running_loop(), set[tuple[int, datetime]]()
    began = loop.time()
    while (spent := loop.time() - began) < seconds:
        for shard, at in zip(shards, await asyncio.gather(*(_last_beat(fleet, each) for each in shards)), strict=True):
            if at is not None:
                seen.add((shard, at))
        await asyncio.sleep(1 / _LOOKS_A_SECOND)
    return max(len(seen) - len(shards), 0) / spent


async def _last_beat(fleet: Fleet, shard: int) -> datetime | None:
    try:
        request = ShardRequest(fleet.account_id, shard)
        about = await fleet.client.get_workflow_handle(market_watch_id(request)).describe()
    except RPCError:
        return None
    beats = [each.last_heartbeat_time for each in about.raw_description.pending_activities]
    return max((each.ToDatetime(tzinfo=UTC) for each in beats), default=None)
