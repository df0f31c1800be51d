"""Ends of watches: the first order of the sale leaves, the worker's workflow gets a signal, its wish is removed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from temporalio.service import RPCError, RPCStatusCode

from activities.watch.first_exit import FirstExit, exit_request
from activities.watch.holdings import Holdings
from activities.watch.judging import Watched
from activities.watch.messages import WatchEnd, WatchRequest
from domain.errors import StaleFencingTokenError
from domain.exits import ExitSignal
from domain.identity import WorkerId
from domain.watch import PriceMark, WatchRow

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.market_watches import MarketWatches

logger = logging.getLogger("haru.watch")

SPAN: Final = "end the watch"
_TRIES: Final = 3
"""Attempts to send the first order before the workflow is left to send it."""
_BETWEEN_TRIES: Final = 1.0
_AGAIN_AFTER: Final = timedelta(seconds=1)
"""Real time until the next signal; without a sent order the rule decides again on the price of that moment."""
_ALL_WITHIN: Final = 20.0
"""Real seconds that an attempt which ends gives its orders and signals."""

Signal = Callable[[str, WatchEnd], Awaitable[None]]
"""Delivers the end of a watch to a worker's workflow id."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends a watch: a signal to sell, or an order that was sent already; with neither, the lease is lost."""

    row: WatchRow
    request: WatchRequest | None = None
    signal: ExitSignal | None = None
    is_sent: bool = False
    mark: PriceMark | None = None
    """The last price, written after the order has left and before the worker may book its sale."""

    @property
    def sells_nothing(self) -> bool:
        """Return whether no sale depends on its delivery."""
        return self.signal is None and not self.is_sent


@dataclass(frozen=True, slots=True)
class Sending:
    """How an end is carried out: the first order, the signal, and the last mark."""

    first_exit: FirstExit
    signal: Signal
    write_mark: Callable[[PriceMark], Awaitable[None]]


class Endings:
    """Ends under way, beside the loop. What is not delivered is tried again; a delivered signal is durable.

    A position whose order was sent is handed over: this watch renews its lease no more, so that another host carries
    the sale on if the workflow does not.
    """

    def __init__(self, watches: "MarketWatches", sending: Sending, pace: "Pace", held: Holdings) -> None:
        self._watches = watches
        self._first_exit = sending.first_exit
        self._signal = sending.signal
        self._write_mark = sending.write_mark
        self._pace = pace
        self._held = held
        self._under_way: dict[WorkerId, asyncio.Task[None]] = {}
        self._not_before: dict[WorkerId, timedelta] = {}
        self._sent: dict[WorkerId, ExitSignal] = {}
        """Signals with a sent order that are still to be delivered."""

    def may_begin(self, row: WatchRow) -> bool:
        """Return whether no end of the watch is under way or has just failed."""
        if row.worker_id in self._under_way:
            return False
        not_before = self._not_before.get(row.worker_id)
        return not_before is None or self._pace.waited() >= not_before

    def begin(self, ending: Ending) -> None:
        """End a watch, unless an end of it is under way."""
        row = ending.row
        if not self.may_begin(row):
            return
        task = asyncio.create_task(self._traced(ending))
        self._under_way[row.worker_id] = task
        task.add_done_callback(lambda _: self._under_way.pop(row.worker_id, None))

    def under_way(self) -> list["asyncio.Task[None]"]:
        """Return the ends under way."""
        return list(self._under_way.values())

    async def finish(self) -> None:
        """Give the ends under way some time: no order is abandoned between its permit and its reply."""
        if self._under_way:
            _, left = await asyncio.wait(self.under_way(), timeout=_ALL_WITHIN)
            for task in left:
                task.cancel()

    async def _traced(self, ending: Ending) -> None:
        with self._first_exit.spans.of_trade(ending.row.position_id, SPAN):
            await self._end(ending)

    async def _end(self, ending: Ending) -> None:
        row, about = ending.row, {"symbol": ending.row.symbol, "worker": ending.row.worker_id}
        try:
            signal = await self._with_first_order(ending)
            if ending.mark is not None:
                await self._write_mark(ending.mark)
            await self._signal(row.workflow_id, WatchEnd(row.position_id, signal, row.fencing_token))
        except Exception as fault:  # noqa: BLE001 - Temporal away, or no such workflow: a duty brings it back
            is_known = row.worker_id in self._not_before
            level = logging.DEBUG if is_known else logging.WARNING
            logger.log(level, "exit_not_signalled", extra={**about, "cause": f"{type(fault).__name__}: {fault}"})
            if not (_is_gone(fault) and (ending.sells_nothing or self._held.is_over(row))):
                self._not_before[row.worker_id] = self._pace.waited() + _AGAIN_AFTER
                return
        else:
            logger.info("exit_signalled", extra={**about, "reason": signal and signal.reason})
        self._not_before.pop(row.worker_id, None)
        self._sent.pop(row.worker_id, None)
        self._held.drop(row)
        try:
            await self._watches.end(row.account_id, row.worker_id, row.fencing_token, row.asked_at)
        except Exception as fault:  # noqa: BLE001 - the worker removes it too when it sells
            logger.warning("watch_not_removed", extra={**about, "cause": f"{type(fault).__name__}: {fault}"})

    async def _with_first_order(self, ending: Ending) -> ExitSignal | None:
        """Return the signal with the order that was sent for it; None if another holder has the lease."""
        row, request, signal = ending.row, ending.request, ending.signal
        if row.worker_id in self._sent:
            return self._sent[row.worker_id]
        if request is None or request.first is None:
            return signal
        try:
            sent = await self._sent_now(request, signal) if not ending.is_sent else None
        except StaleFencingTokenError:
            return None
        found = sent or (await self._first_exit.sent_before(request.first.intent_id) if ending.is_sent else None)
        if found is None or found.sent is None:
            return signal
        self._sent[row.worker_id] = found
        self._held.hand_over(row)
        await self._first_exit.hand_over(request.lease)
        return found

    async def _sent_now(self, request: WatchRequest, signal: ExitSignal | None) -> ExitSignal | None:
        """Send the first order; None lets the workflow decide and send it."""
        if signal is None or request.first is None:
            return None
        wanted = exit_request(request, request.first, signal)
        for number in range(_TRIES):
            try:
                return replace(signal, sent=await self._first_exit.send(wanted))
            except StaleFencingTokenError:
                raise
            except Exception as fault:  # noqa: BLE001 - the sale does not depend on it
                extra = {"symbol": request.symbol, "cause": f"{type(fault).__name__}: {fault}"}
                logger.warning("first_exit_not_sent", extra=extra)
            if number + 1 < _TRIES:
                await asyncio.sleep(_BETWEEN_TRIES)
        return None


def _is_gone(fault: Exception) -> bool:
    return isinstance(fault, RPCError) and fault.status is RPCStatusCode.NOT_FOUND


def ending_of(watched: Watched, signal: ExitSignal | None, mark: PriceMark | None = None) -> Ending:
    """Return the end of the watch on a position."""
    return Ending(watched.row, watched.request, signal, mark=mark)
