"""Restart the workflows of lost workers, so that every position has a worker again (I5)."""

import logging
from functools import partial

from activities.closing import CLOSER
from domain.event import EventLevel
from domain.events.positions import worker_brought_back
from domain.market import Symbol
from domain.position import OpenPosition
from domain.rules import TradingRules
from domain.worker_state import WorkerLife
from fleet.duties.close import is_closing
from fleet.duties.duty import Terms
from fleet.fleet import Fleet
from fleet.starting import bring_back

logger = logging.getLogger("haru.hosting")


class LostWorkersDuty:
    """Restart the workflow of every worker with an unguarded position. It starts paused, so it only holds and sells.

    Skip workers that still run, positions that a scanning worker has adopted meanwhile (F6), and positions that a
    running close has seized: between two attempts of the evening its lease may end.
    """

    terms = Terms("lost_workers", within=120.0, level=EventLevel.CRITICAL)

    def __init__(self, fleet: Fleet, rules: TradingRules) -> None:
        self._fleet = fleet
        self._rules = rules

    async def look(self) -> None:
        """Restart each lost worker, with an event for a held position."""
        fleet, rules = self._fleet, self._rules
        for position in await _unguarded(fleet):
            life = WorkerLife(fleet.account_id, position.worker_id, rules, fleet.clock, paused=True)
            if await bring_back(fleet, life):
                logger.warning("worker_brought_back", extra={"worker": position.worker_id})
                event = worker_brought_back(position, fleet.market_now())
                await fleet.database.reports.append(event.key, partial(fleet.database.events.append, event))
        for worker_id in await fleet.database.locks.lost_openings(fleet.account_id):
            await bring_back(fleet, WorkerLife(fleet.account_id, worker_id, rules, fleet.clock, paused=True))


async def unwatched(fleet: Fleet) -> list[Symbol]:
    """Return the stocks whose shares no worker guards."""
    return [position.symbol for position in await _unguarded(fleet) if position.quantity]


async def _unguarded(fleet: Fleet) -> list[OpenPosition]:
    symbols = set(await fleet.database.locks.orphans(fleet.account_id))
    if symbols and await is_closing(fleet):
        symbols -= await fleet.database.locks.last_held_by(fleet.account_id, CLOSER)
    if not symbols:
        return []
    live = await fleet.database.positions.live_in(fleet.account_id)
    return [position for position in live if position.symbol in symbols]
