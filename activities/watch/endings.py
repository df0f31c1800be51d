"""Ends of watches: the worker's workflow gets a signal, then its wish is removed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from activities.watch.holdings import Holdings
from activities.watch.messages import WatchEnd
from domain.exits import ExitSignal
from domain.identity import WorkerId
from domain.watch import WatchRow

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.market_watches import MarketWatches

logger = logging.getLogger("haru.watch")

_AGAIN_AFTER: Final = timedelta(seconds=1)
"""Real time until the next try; the rule decides again on the price of that moment."""
_ALL_WITHIN: Final = 5.0
"""Real seconds that an attempt which ends gives its signals."""

Signal = Callable[[str, WatchEnd], Awaitable[None]]
"""Delivers the end of a watch to a worker's workflow id."""


class Endings:
    """Signals under way, beside the loop; a signal that is not delivered is decided again.

    A signal that was delivered is durable: the watch is over even if its row cannot be removed now.
    """

    def __init__(self, watches: "MarketWatches", signal: Signal, pace: "Pace", held: Holdings) -> None:
        self._watches = watches
        self._signal = signal
        self._pace = pace
        self._held = held
        self._under_way: dict[WorkerId, asyncio.Task[None]] = {}
        self._not_before: dict[WorkerId, timedelta] = {}

    def may_begin(self, row: WatchRow) -> bool:
        """Return whether the position is watched: no signal of it is under way or has just failed."""
        if row.worker_id in self._under_way:
            return False
        not_before = self._not_before.get(row.worker_id)
        return not_before is None or self._pace.waited() >= not_before

    def begin(self, row: WatchRow, signal: ExitSignal | None) -> None:
        """End the watch of a row; ``signal`` None: its lease is lost, or its position is over."""
        if not self.may_begin(row):
            return
        task = asyncio.create_task(self._end(row, signal))
        self._under_way[row.worker_id] = task
        task.add_done_callback(lambda _: self._under_way.pop(row.worker_id, None))

    def under_way(self) -> list["asyncio.Task[None]"]:
        """Return the signals under way."""
        return list(self._under_way.values())

    async def finish(self) -> None:
        """Give the signals under way some time."""
        if self._under_way:
            _, left = await asyncio.wait(list(self._under_way.values()), timeout=_ALL_WITHIN)
            for task in left:
                task.cancel()

    async def _end(self, row: WatchRow, signal: ExitSignal | None) -> None:
        about = {"symbol": row.symbol, "worker": row.worker_id, "reason": signal.reason if signal else "lease lost"}
        try:
            await self._signal(row.workflow_id, WatchEnd(row.position_id, signal))
        except Exception as fault:  # noqa: BLE001 - Temporal away, or no such workflow: a duty brings it back
            self._not_before[row.worker_id] = self._pace.waited() + _AGAIN_AFTER
            logger.warning("exit_not_signalled", extra={**about, "cause": f"{type(fault).__name__}: {fault}"})
            return
        self._not_before.pop(row.worker_id, None)
        logger.info("exit_signalled", extra=about)
        self._held.drop(row)
        try:
            await self._watches.end(row.account_id, row.worker_id, row.fencing_token, row.asked_at)
        except Exception as fault:  # noqa: BLE001 - the worker removes it too when it sells
            logger.warning("watch_not_removed", extra={**about, "cause": f"{type(fault).__name__}: {fault}"})
