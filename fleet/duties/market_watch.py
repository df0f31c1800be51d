"""Keep every held position watched: start the watch of a shard, and bring back a worker that its watch outlived."""

import logging
from collections.abc import Coroutine
from datetime import timedelta
from functools import partial
from typing import Any, Final

from temporalio.service import RPCError, RPCStatusCode

from activities.watch.messages import HELD_MESSAGE, MARKET_WATCH, ShardRequest, market_watch_id
from domain.event import EventLevel
from domain.events.positions import worker_brought_back
from domain.identity import WorkerId
from domain.rules import TradingRules
from domain.watch import SCANS
from domain.worker_state import WorkerLife
from fleet.duties.duty import Terms
from fleet.fleet import Fleet
from fleet.on_demand import OurId, start
from fleet.starting import bring_back
from workflows.market_watch import MarketWatchWorkflow

logger = logging.getLogger("haru.hosting")

_MOST_AT_ONCE: Final = 200
"""Workers looked up in one round; more take turns."""
_SIGNALLED_WITHIN: Final = timedelta(seconds=5)


class MarketWatchDuty:
    """The watch of a shard renews its positions' leases, even of a worker whose workflow has been terminated.

    So no lease shows that such a worker is gone (I5): this duty asks Temporal.
    """

    terms = Terms("market_watch", within=120.0, level=EventLevel.CRITICAL)

    def __init__(self, fleet: Fleet, rules: TradingRules) -> None:
        self._fleet = fleet
        self._rules = rules
        self._next = 0

    async def look(self) -> None:
        """Start unattended shards; restart, paused, each worker that has a watched position and no workflow.

        Raises:
            Exception: the first error, after all the others have had their turn. Positions come before scans.
        """
        fleet, faults = self._fleet, list[Exception]()
        shards = await fleet.database.market_watches.unattended(fleet.account_id)
        for shard in sorted(shards, key=lambda shard: (shard == SCANS, shard)):
            await _tried(self._start(ShardRequest(fleet.account_id, shard)), faults)
        for worker_id in await self._gone():
            await _tried(self._bring_back(worker_id), faults)
        if faults:
            raise faults[0]

    async def _start(self, shard: ShardRequest) -> None:
        """Start the shard's workflow unless it runs: its activity may be between two attempts."""
        ours = OurId(market_watch_id(shard), MARKET_WATCH)
        summary = f"watches {shard.title} of {shard.account_id}"
        handle = await start(self._fleet, ours, MarketWatchWorkflow.run, shard, static_summary=summary)
        try:
            await handle.signal(HELD_MESSAGE, shard.shard, rpc_timeout=_SIGNALLED_WITHIN)
        except RPCError as fault:
            if fault.status is not RPCStatusCode.NOT_FOUND:
                raise
            # It has just ended; the next round starts it again.

    async def _gone(self) -> list[WorkerId]:
        """Return workers of watched positions that visibility does not list as running; it may be late."""
        watched = await self._fleet.database.market_watches.workers(self._fleet.account_id)
        if len(watched) > _MOST_AT_ONCE:
            begin = self._next % len(watched)
            self._next = begin + _MOST_AT_ONCE
            watched = (*watched, *watched)[begin : begin + _MOST_AT_ONCE]
        running = await self._fleet.running_among(watched)
        return [each for each in watched if each not in running]

    async def _bring_back(self, worker_id: WorkerId) -> None:
        fleet = self._fleet
        position = await fleet.database.positions.held_by(fleet.account_id, worker_id)
        if position is None:
            return
        life = WorkerLife(fleet.account_id, worker_id, self._rules, fleet.clock, paused=True)
        if await bring_back(fleet, life):
            logger.warning("worker_brought_back", extra={"worker": worker_id})
            event = worker_brought_back(position, fleet.market_now())
            await fleet.database.reports.append(event.key, partial(fleet.database.events.append, event))


async def _tried(work: Coroutine[Any, Any, None], faults: list[Exception]) -> None:
    """Do one part of a round; a fault must not stop the other parts."""
    try:
        await work
    except Exception as fault:  # noqa: BLE001 - raised at the end of the round
        logger.warning("watch_not_attended", extra={"cause": f"{type(fault).__name__}: {fault}"})
        faults.append(fault)
