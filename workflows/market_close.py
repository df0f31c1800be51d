"""Market close: close entries, signal workers, sell what they left into the evening, prove flatness, summarise."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.closing import (
        AwaitFlatRequest,
        ClosePlan,
        ClosingActivities,
        NoSession,
        OpenOrder,
        OpenOrdersRequest,
        PlanCloseRequest,
    )
    from activities.cycles import Held
    from activities.flatness import in_words
    from activities.settling import TradeResult
    from activities.support.requests import SessionRequest
    from domain.clock import in_seoul
    from domain.identity import IntentId, PositionId
    from domain.ladder import KEEPS_ITS_PLACE, Ladder, Tries
    from domain.position import ExitReason
    from domain.session import Session, SessionDate, SessionPlan
    from workflows.close_outcome import CloseOutcome, MarketCloseRequest, outcome_of
    from workflows.close_start import due_at, is_early, is_of_an_earlier_day
    from workflows.half_way import HalfWay, Resting
    from workflows.identity import intent_id, task_queues
    from workflows.market_timer import MarketTimer
    from workflows.options import COMPARE, LOOK, RECORD, SHUT, via
    from workflows.ordering import Ordering
    from workflows.proving import Proving
    from workflows.selling import Sale, Selling, lease_is_lost

Sold = asyncio.Task["TradeResult | None"]

_PATIENCE_WITH_WORKERS: Final = timedelta(seconds=20)
"""Real time in which workers sell their positions before the close sells them."""
_AFTER_THE_AUCTION: Final = timedelta(seconds=2)
_TO_THE_END: Final = "wait for the session's end"
_ENDED_WITHIN: Final = timedelta(minutes=3)
"""Real time after a market's end for proving all of its last orders over."""
_SHORTEST_WAIT: Final = timedelta(milliseconds=100)
_MOST_TRIES: Final = 3
_BETWEEN_TRIES: Final = timedelta(seconds=2)


@workflow.defn
class MarketCloseWorkflow:
    """Idempotent per day: each step reads the remaining work from the ledger, so a second run sells nothing twice."""

    @workflow.init
    def __init__(self, request: MarketCloseRequest) -> None:
        self._request = request
        self._queues = task_queues(request.account_id)
        self._intents = 0
        # A day must end even if no operator decides about a quarantined order; blocked shares are carried and reported.
        self._ordering = Ordering(self._queues, waits_for_operator=False)
        self._selling = Selling(self._queues, request.clock, self._next_intent, waits_for_operator=False)
        self._sales: dict[PositionId, Sold] = {}
        earlier = request.half_way
        self._rested: dict[PositionId, Resting] = {}
        self._signalled, self._sold_before, self._unsold = 0, 0, None if earlier is None else earlier.unsold
        self._timer = MarketTimer(request.clock)
        if earlier is not None:
            self._rested = {each.held.position_id: each for each in earlier.sales}
            self._signalled, self._sold_before = earlier.told, earlier.seized - len(earlier.sales)

    @workflow.run
    async def run(self, request: MarketCloseRequest) -> CloseOutcome:
        """Close the session of the day for which this run was due.

        A scheduled run waits for the fleet's deadline. A run whose day is over only compares the statement and sums up.

        Repeated refusals make the history grow. The run then continues as new at a moment when nothing is active; the
        new run resumes each sale where it paused (F47).
        """
        closing = asyncio.create_task(self._close_the_day())
        try:
            await workflow.wait_condition(lambda: closing.done() or self._may_start_afresh())
        except asyncio.CancelledError:
            closing.cancel()
            raise
        if not closing.done():
            workflow.continue_as_new(replace(request, half_way=self._half_way()))
        return await closing

    def _may_start_afresh(self) -> bool:
        if not (self._timer.only_waits and workflow.info().is_continue_as_new_suggested()):
            return False
        return all(sale.done() or each in self._selling.resting for each, sale in self._sales.items())

    def _half_way(self) -> HalfWay:
        return HalfWay(
            started_at=due_at(self._request.half_way),
            told=self._signalled,
            seized=self._sold_before + len(self._sales),
            sales=tuple(self._selling.resting.values()),
            unsold=self._unsold,
        )

    async def _close_the_day(self) -> CloseOutcome:
        planned = await self._plan_when_due()
        if isinstance(planned, NoSession):
            self._say(f"{planned.date} has no session: nothing to close")
            return CloseOutcome(planned.date, had_session=False)
        plan = planned.plan
        if is_of_an_earlier_day(plan, self._timer.now()):
            return await self._proving(plan.session.date).summed_up()
        if self._request.half_way is None:
            await self._shut_entries(plan.session.date)
            self._signalled = await self._signal_workers(plan.session.date)
            self._begin_to_sell(await self._await_flat(_PATIENCE_WITH_WORKERS), plan)
        else:
            self._begin_to_sell(tuple(self._rested), plan)
        if self._unsold is None:
            await self._timer.sleep_until(plan.session.auction_at, _AFTER_THE_AUCTION, _TO_THE_END)
            # The auction still sells shares that an apparently ended buy has brought since then.
            self._begin_to_sell(await self._await_flat(timedelta(0)), plan)
            await self._timer.sleep_until(plan.session.ends_at, _AFTER_THE_AUCTION, _TO_THE_END)
            self._unsold = await self._report_unsold(plan.session)
        await self._sales_end(plan.session)
        await self._end_open_orders()
        proving = self._proving(plan.session.date)
        differences = await proving.reconciled()
        proof = await proving.proven()
        statement = await proving.statement()
        summary = await proving.summary()
        self._say(in_words(proof))
        return replace(
            outcome_of(plan.session.date, proof),
            workers_told=self._signalled,
            seized=self._sold_before + len(self._sales),
            unsold_at_close=self._unsold,
            differences=differences.differences,
            summary=summary,
            cash=differences.cash,
            statement=statement,
        )

    async def _plan_when_due(self) -> ClosePlan | NoSession:
        planned = await self._plan()
        while isinstance(planned, ClosePlan) and is_early(planned.plan, self._timer.now()):
            left = self._timer.real_until(planned.plan.liquidation_at)
            await workflow.sleep(max(left, _SHORTEST_WAIT), summary="wait for the deadline")
            planned = await self._plan()
        return planned

    async def _plan(self) -> ClosePlan | NoSession:
        return await workflow.execute_activity_method(
            ClosingActivities.plan_close,
            PlanCloseRequest(self._request.account_id, self._request.clock.market_time(due_at(self._request.half_way))),
            **via(self._queues.trading, RECORD, "plan the close"),
        )

    def _proving(self, date: SessionDate) -> Proving:
        return Proving(self._request.account_id, date, self._queues, self._say)

    async def _shut_entries(self, date: SessionDate) -> None:
        self._say(f"closing {date}: entries shut")
        try:
            await workflow.execute_activity_method(
                ClosingActivities.shut_entries,
                SessionRequest(self._request.account_id, date),
                **via(self._queues.trading, SHUT, "no more entries"),
            )
        except ActivityError as error:
            self._shout(error, "the close could not shut the entries")

    async def _signal_workers(self, date: SessionDate) -> int:
        try:
            signalled = await workflow.execute_activity_method(
                ClosingActivities.order_liquidation,
                SessionRequest(self._request.account_id, date),
                **via(self._queues.watch, COMPARE, "send the sale command to every worker"),
            )
        except ActivityError as error:
            self._shout(error, "the sale command did not reach every worker")
            return 0
        self._say(f"sale command sent to {signalled} workers")
        return signalled

    async def _await_flat(self, patience: timedelta) -> tuple[PositionId, ...]:
        return await workflow.execute_activity_method(
            ClosingActivities.await_flat,
            AwaitFlatRequest(self._request.account_id, patience),
            **via(self._queues.watch, LOOK, "wait until the ledger is flat"),
        )

    def _begin_to_sell(self, left: Iterable[PositionId], plan: SessionPlan) -> None:
        for each in left:
            before = self._sales.get(each)  # a late fill reopens a sold position
            if before is None or (before.done() and before.result() and workflow.patched("sells-late-shares")):
                self._sales[each] = asyncio.create_task(self._try_to_sell(each, plan))

    async def _report_unsold(self, session: Session) -> tuple[str, ...]:
        """Report the unsold shares at the session's end, once proven; evening markets continue meanwhile."""
        if not self._sales and not self._sold_before:
            return ()
        past, proving = self._selling.past_the_close, self._proving(session.date)
        await self._until(
            lambda: all(self._sales[each].done() or each in past for each in self._sales), session.ends_at
        )
        unsold = await proving.unsold()
        if unsold:
            self._say("unsold at the close: " + "; ".join(unsold))
        if not self._is_sold_out():
            await proving.summary(is_final=False)
        return unsold

    def _is_sold_out(self) -> bool:
        return all(sale.done() for sale in self._sales.values())

    async def _sales_end(self, session: Session) -> None:
        """Wait for the sales; after the last market, leave a sale with an unproven order to its worker."""
        evening = session.after_market if self._request.rules.execution.after_market else None
        await self._until(self._is_sold_out, (evening or session.post_close).until)
        await asyncio.gather(*(sale for sale in self._sales.values() if sale.done()))

    async def _try_to_sell(self, position_id: PositionId, plan: SessionPlan) -> TradeResult | None:
        """Sell a remaining position; a fault with one blocks neither the other sales nor the day's proof."""
        for _ in range(_MOST_TRIES):
            try:
                return await self._sell_leftover(position_id, plan)
            except ActivityError as error:
                self._shout(error, f"{position_id} is not sold")
            await workflow.sleep(_BETWEEN_TRIES, summary="retry after a fault")
        return None

    async def _sell_leftover(self, position_id: PositionId, plan: SessionPlan) -> TradeResult | None:
        """Sell a position even if another process has started to; wait while another process sells it."""
        while True:
            try:
                return await self._sell_alone(position_id, plan)
            except ActivityError as error:
                if not lease_is_lost(error):
                    raise
            self._say(f"{position_id}: its worker or another close sells it")
            if not await self._is_left_alone(position_id):
                return None

    async def _sell_alone(self, position_id: PositionId, plan: SessionPlan) -> TradeResult | None:
        resting = self._rested.pop(position_id, None)
        if resting is not None:
            if self._timer.now() >= plan.session.ends_at:
                self._selling.past_the_close.add(position_id)
            await self._selling.rest(resting, "continue the pause of the previous run")
            return await self._selling.sell_out(self._sale_of(resting.held, plan), resting.tries)
        held = await self._seized(position_id)
        orders = await self._open_orders(position_id)
        lease = None if held is None else held.lease
        for order in orders:
            stands = self._stands(order, plan.session)
            record = await self._ordering.finish(order.intent_id, stands, "end the worker's order", lease)
            if record.is_active:
                return None
        if orders:
            # A buy may have brought shares before its proven end, and a sale may have outlasted our lease.
            held = await self._seized(position_id) or held
        if held is None:
            return None
        self._say(f"selling {held.symbol} {held.name} ×{held.quantity:,} without its worker")
        return await self._selling.sell_out(self._sale_of(held, plan))

    def _sale_of(self, held: Held, plan: SessionPlan) -> Sale:
        why = held.sold_because or ExitReason.DEADLINE
        return Sale(held, why, self._request.rules, plan, "sold by the market close")

    async def _is_left_alone(self, position_id: PositionId) -> bool:
        return await workflow.execute_activity_method(
            ClosingActivities.await_turn,
            position_id,
            **via(self._queues.watch, LOOK, "wait while another process sells it"),
        )

    async def _seized(self, position_id: PositionId) -> Held | None:
        return await workflow.execute_activity_method(
            ClosingActivities.seize_position,
            position_id,
            **via(self._queues.trading, RECORD, "take over a position from its worker"),
        )

    def _stands(self, order: OpenOrder, session: Session) -> timedelta:
        """Return the real time for which an order sent by its worker keeps its place in the queue."""
        rung = KEEPS_ITS_PLACE.get(order.order_type)
        if rung is None:
            return timedelta(0)
        ladder = Ladder(session, self._request.rules.execution, self._request.clock)
        return ladder.patience(rung, self._timer.now(), Tries())

    async def _end_open_orders(self) -> None:
        """End open orders; the proof reports those that cannot be proven over in time."""
        orders = await self._open_orders(None)
        if orders and not workflow.patched("ends-orders-within-a-bound"):
            for each in orders:
                await self._end(each)
            return
        ends = [asyncio.create_task(self._end(each)) for each in orders]
        _, late = await workflow.wait(ends, timeout=_ENDED_WITHIN.total_seconds()) if ends else ((), ())
        for end in late:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)

    async def _end(self, order: OpenOrder) -> None:
        try:
            await self._ordering.finish(order.intent_id, timedelta(0), "open order")
        except ActivityError as error:
            self._shout(error, f"order {order.intent_id} is not ended")

    async def _open_orders(self, position_id: PositionId | None) -> tuple[OpenOrder, ...]:
        return await workflow.execute_activity_method(
            ClosingActivities.list_open_orders,
            OpenOrdersRequest(self._request.account_id, position_id),
            **via(self._queues.trading, RECORD, "list open orders"),
        )

    async def _until(self, is_so: Callable[[], bool], by: datetime) -> None:
        """Wait for a condition until a market's end, plus the time for proving its last orders over."""
        left = max(self._timer.real_until(by), timedelta(0)) + _ENDED_WITHIN
        with self._timer.only_waiting():
            try:
                if is_so() or not workflow.patched("bounds-the-wait-for-sales"):
                    await workflow.wait_condition(is_so)
                else:
                    await workflow.wait_condition(is_so, timeout=left, timeout_summary="wait for the sales")
            except TimeoutError:
                workflow.logger.error("sales_without_an_end", extra={"waited_until": str(by)})

    def _shout(self, error: ActivityError, what: str) -> None:
        """Report a fault that retries cannot fix; the proof reports its consequences."""
        if is_cancelled_exception(error):
            raise error
        workflow.logger.error("close_step_failed", extra={"what": what, "cause": str(error.cause)})
        self._say(f"{what}: {error.cause}")

    def _next_intent(self) -> IntentId:
        self._intents += 1
        return intent_id(workflow.info().run_id, self._intents)

    def _say(self, word: str) -> None:
        workflow.set_current_details(f"{in_seoul(self._timer.now()):%H:%M:%S} {word}")
