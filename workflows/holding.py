"""Holding of a position: the market watch signals when to sell; the worker's own timer sells at the deadline anyway."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.cycles import Held
    from activities.joined import Watched
    from activities.market_watch import MarketWatchActivities
    from activities.watch.messages import FirstOrder, WatchEnd, WatchRequest
    from activities.watching import WatchingActivities
    from domain.clock import in_seoul
    from domain.exits import ExitSignal
    from domain.identity import IntentId
    from domain.money import Price
    from domain.position import ExitReason
    from domain.rules import TradingRules
    from domain.session import SessionPlan
    from domain.worker_state import WorkerState
    from workflows.commands import Commands
    from workflows.identity import TaskQueues
    from workflows.market_timer import MarketTimer, collected
    from workflows.options import RECORD, WATCH, via
    from workflows.selling import lease_is_lost

NO_PRICE: Final = Price(0)
"""A sale ordered by a person or the clock is not based on a price."""


class Holding:
    """Waits with a held position for a reason to sell. No activity runs and no event is added meanwhile."""

    def __init__(
        self, worker: Commands, timer: MarketTimer, queues: TaskQueues, next_intent: Callable[[], IntentId]
    ) -> None:
        self._next_intent = next_intent
        self._worker = worker
        self._timer = timer
        self._queues = queues
        self.is_shared = True
        """Whether the market watch watches, or an activity of this run."""
        self.joins_steps = False
        """Whether the run takes the joined steps, which need no marker."""
        self._begun: tuple[FirstOrder, TradingRules, Watched | None] | None = None
        """The watch of what was bought in one step: its first order, its rules, and whether it has begun."""
        self._ended: WatchEnd | None = None
        self._watchers: list[workflow.ActivityHandle[Any]] = []

    def end_watch(self, end: WatchEnd) -> None:
        """Note what the market watch has decided; a lease that is lost later changes no decision to sell."""
        before = self._ended
        if before is None or before.signal is None or before.position_id != end.position_id:
            self._ended = end

    def begun(self, first: FirstOrder | None, rules: TradingRules, watched: Watched | None) -> None:
        """Note the watch that the step which bought the shares was to begin, and whether it did."""
        self._begun = None if first is None else (first, rules, watched)

    async def collect(self) -> None:
        """Await cancelled activities, so that none outlives its run."""
        for watcher in self._watchers:
            await collected(watcher)
        self._watchers = []

    async def hold(self, held: Held, plan: SessionPlan) -> ExitSignal | None:
        """Return why to sell, or None when another worker has the position."""
        until = f"{in_seoul(plan.liquidation_at):%H:%M}"
        word = f"{held.name} ×{held.quantity:,} at {held.entry_price}, until {until}"
        self._worker.enter_state(WorkerState.HOLDING, word, held.symbol)
        if held.sold_because is not None:
            return self._signal(held.sold_because, "sold by an earlier run")
        if held.overdue:
            await self._timer.until(lambda: False, plan.session.opens_at)
            return self._signal(ExitReason.DEADLINE, "carried over from an earlier session")
        # The watch decides at the deadline too, with a price; otherwise the sale begins without one.
        begins_by = plan.begun_by or plan.liquidation_at
        if self.is_shared and (self.joins_steps or workflow.patched("market-watch")):
            return await self._wait(held, plan, begins_by)
        return await self._watch(held, plan, begins_by)

    async def _wait(self, held: Held, plan: SessionPlan, begins_by: datetime) -> ExitSignal | None:
        """Wait for the market watch's signal; changed rules reach the watch as another wish."""
        begun, self._begun, end = self._begun, None, None
        first = FirstOrder(self._next_intent(), plan.session) if begun is None else begun[0]
        if begun is not None and begun[2] is not None:
            end = await self._wait_on(begun[1], begun[2], held, begins_by)
        while end is None:
            request = WatchRequest(
                held.position_id, held.symbol, held.lease, self._worker.life.rules, plan.liquidation_at, first
            )
            end = await self._wait_for(request, held, begins_by)
        return self._signalled(end)

    async def _wait_for(self, request: WatchRequest, held: Held, begins_by: datetime) -> WatchEnd | None:
        """Wait under the request's rules; return None when they have changed."""
        self._worker.watched_rules = request.rules
        wish = workflow.start_activity_method(
            MarketWatchActivities.begin_watch,
            request,
            **via(self._queues.trading, RECORD, f"hold {held.symbol} {held.name} ×{held.quantity:,}"),
        )
        in_time = await self._timer.until(lambda: wish.done() or self._is_over(held), begins_by)
        if wish.done():
            due = await self._due_already(wish, held)
            return await self._wait_on(request.rules, Watched(held, due), held, begins_by)
        wish.cancel()
        self._watchers.append(wish)
        return self._end_at(held, in_time=in_time)

    async def _wait_on(self, rules: TradingRules, watched: Watched, held: Held, begins_by: datetime) -> WatchEnd | None:
        """Wait for the signal of a watch that has begun under these rules; return None when they have changed."""
        self._worker.watched_rules = rules
        if watched.due is not None:
            return WatchEnd(held.position_id, watched.due)
        in_time = await self._timer.until(
            lambda: self._is_over(held) or self._worker.life.rules is not rules, begins_by
        )
        return self._end_at(held, in_time=in_time)

    def _end_at(self, held: Held, *, in_time: bool) -> WatchEnd | None:
        if (end := self._end_of(held)) is not None:
            return end
        if in_time and not self._worker.is_winding_down():
            return None
        return WatchEnd(held.position_id, self._signal(self._why_sell() if in_time else ExitReason.DEADLINE))

    def _is_over(self, held: Held) -> bool:
        return self._worker.is_winding_down() or self._end_of(held) is not None

    def _end_of(self, held: Held) -> WatchEnd | None:
        """Return the watch's decision about this position; one about another position or lease counts for nothing."""
        end = self._ended
        if end is None or end.position_id != held.position_id:
            return None
        is_another = end.signal is None and end.fencing_token not in (None, held.lease.fencing_token)
        return None if is_another else end

    def _signalled(self, end: WatchEnd) -> ExitSignal | None:
        if end.signal is None:
            self._worker.leave_unsold("the lease was lost: another worker watches this position")
        return end.signal

    async def _due_already(self, wish: "workflow.ActivityHandle[ExitSignal | None]", held: Held) -> ExitSignal | None:
        try:
            return await wish
        except ActivityError as error:
            if not lease_is_lost(error):
                raise
            self._ended = WatchEnd(held.position_id)
            return None

    async def _watch(self, held: Held, plan: SessionPlan, begins_by: datetime) -> ExitSignal | None:
        """Hold by an activity of this run: the host's settings want it, or the run is of an earlier version."""
        is_sent = workflow.patched("watch-sends-first-exit")
        first = FirstOrder(self._next_intent(), plan.session) if is_sent else None
        while True:
            rules = self._worker.watched_rules = self._worker.life.rules
            watcher = workflow.start_activity_method(
                WatchingActivities.watch_position,
                WatchRequest(held.position_id, held.symbol, held.lease, rules, plan.liquidation_at, first),
                **via(self._queues.watch, WATCH, f"hold {held.symbol} {held.name} ×{held.quantity:,}"),
            )
            in_time = await self._timer.until(partial(self._ends, watcher, rules if is_sent else None), begins_by)
            if watcher.done():
                return self._signalled(WatchEnd(held.position_id, await self._due_already(watcher, held)))
            watcher.cancel()
            self._watchers.append(watcher)
            if not in_time or self._worker.is_winding_down():
                return self._signal(self._why_sell() if in_time else ExitReason.DEADLINE)

    def _ends(self, watcher: "workflow.ActivityHandle[ExitSignal]", rules: TradingRules | None) -> bool:
        """Return whether a watch is over, or its ``rules`` are: it would price its order by them."""
        has_changed = rules is not None and self._worker.life.rules is not rules
        return watcher.done() or self._worker.is_winding_down() or has_changed

    def _why_sell(self) -> ExitReason:
        return self._worker.sell_because or ExitReason.OPERATOR

    def _signal(self, reason: ExitReason, detail: str = "") -> ExitSignal:
        return ExitSignal(reason, NO_PRICE, self._timer.now(), NO_PRICE, detail)
