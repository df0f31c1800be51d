"""Carry on sales whose workflow does not: it is stuck, gone, or Temporal is away (I5, I6)."""

import asyncio
import itertools
import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from temporalio.exceptions import ActivityError

from activities.closing import CLOSER
from activities.cycles import held_under, sold_because
from activities.selling import prepared, rung_by_type
from activities.settling import TradeResult
from activities.support.spans import NO_SPANS, TradeSpans
from database.errors import DATABASE_FAULTS
from database.unattended import UnattendedSale
from domain.event import EventLevel
from domain.events.positions import position_adopted
from domain.identity import IntentId, PositionId, WorkerId
from domain.ladder import Ladder, Tries
from domain.lock import Lease
from domain.order import OrderPurpose, OrderRecord
from domain.position import ExitReason
from domain.rules import TradingRules
from domain.session import SessionPlan, session_date_of
from fleet.duties.direct_steps import Acts, DirectSteps
from fleet.duties.duty import Terms
from fleet.fleet import Fleet
from workflows.identity import intent_id, task_queues
from workflows.ordering import Ordering
from workflows.selling import Sale, Selling, after, lease_is_lost

logger = logging.getLogger("haru.hosting")

SELLER: Final = WorkerId("position-exit")
"""Holder of the lock of a sale that a host carries on; position and orders keep their worker."""
SPAN: Final = "carry the sale on"
_EVERY: Final = 1.0
_FIRST_AFTER: Final = 10.0
"""Real seconds after this host's start. Workflows that a host has left go on within them."""
_LONGEST: Final = 12 * 3600.0
"""Real seconds. A sale at a locked limit rests until its market ends."""


class UnattendedSalesDuty:
    """Follow, continue and book each sale whose lease has ended, by the books and the broker alone.

    A lapsed lease is taken with a higher fencing token, so one host has it, and the workflow's next order is refused.
    A workflow that comes back finds its trade booked, or its stock at another holder, as with a market close.
    """

    terms = Terms("unattended_sales", every=_EVERY, within=_LONGEST, level=EventLevel.CRITICAL)

    def __init__(
        self,
        fleet: Fleet,
        rules: TradingRules,
        acts: Acts,
        first_after: float = _FIRST_AFTER,
        spans: TradeSpans = NO_SPANS,
    ) -> None:
        self._fleet = fleet
        self._rules = rules
        self._steps = DirectSteps(acts)
        self._first_after = first_after
        self._spans = spans
        self._begun: float | None = None
        self._carried: set[PositionId] = set()
        """Positions that no market of the day takes any more."""

    async def look(self) -> None:
        """Carry on every unattended sale; return when all of them have ended.

        Raises:
            Exception: the last error of a sale, after the others have ended. Its lease lapses, so it is taken up again.
        """
        now = asyncio.get_running_loop().time()
        self._begun = now if self._begun is None else self._begun
        if now - self._begun < self._first_after:
            return
        running: dict[PositionId, asyncio.Task[None]] = {}
        fault: BaseException | None = None
        try:
            while await self._take_up(running):
                await asyncio.wait(running.values(), timeout=_EVERY, return_when=asyncio.FIRST_COMPLETED)
                for position_id in [each for each, task in running.items() if task.done()]:
                    fault = running.pop(position_id).exception() or fault
        finally:
            for task in running.values():
                task.cancel()
            await asyncio.gather(*running.values(), return_exceptions=True)
        if fault is not None:
            raise fault

    async def _take_up(self, running: "dict[PositionId, asyncio.Task[None]]") -> bool:
        """Start the unattended sales that do not run yet; return whether any runs.

        A database that is away does not end those that run.
        """
        fleet = self._fleet
        about = (fleet.account_id, session_date_of(fleet.market_now()), SELLER, CLOSER)
        try:
            found = await fleet.database.unattended_sales.of(*about)
        except DATABASE_FAULTS:
            if not running:
                raise
            found = ()
        for sale in found:
            if sale.position_id not in running and sale.position_id not in self._carried:
                running[sale.position_id] = asyncio.create_task(self._traced(sale))
        return bool(running)

    async def _traced(self, sale: UnattendedSale) -> None:
        with self._spans.of_trade(sale.position_id, SPAN):
            await self._carry_on(sale)

    async def _carry_on(self, sale: UnattendedSale) -> None:
        fleet = self._fleet
        lease = await fleet.database.locks.take_lapsed(fleet.account_id, sale.symbol, SELLER, sale.fencing_token)
        if lease is None:
            return
        logger.warning("sale_taken_over", extra={"symbol": sale.symbol, "position_id": sale.position_id})
        now = fleet.market_now()
        taken = position_adopted(fleet.account_id, session_date_of(now), SELLER, sale.symbol, now)
        await fleet.database.reports.append(sale.position_id, partial(fleet.database.events.append, taken))
        try:
            result = await self._sell(sale, lease)
        except ActivityError as error:
            if not lease_is_lost(error):
                raise
            logger.warning("sale_left_to_another", extra={"symbol": sale.symbol, "position_id": sale.position_id})
            return
        if result is None and await fleet.database.positions.live(fleet.account_id, sale.position_id) is not None:
            self._carried.add(sale.position_id)
        extra = {"symbol": sale.symbol, "position_id": sale.position_id, "is_sold": result is not None}
        logger.warning("sale_carried_on", extra=extra)

    async def _sell(self, sale: UnattendedSale, lease: Lease) -> TradeResult | None:
        """Bring the active order to its proven end, sell the rest, book the trade; meanwhile end an unfinished buy."""
        fleet, queues = self._fleet, task_queues(self._fleet.account_id)
        orders = await fleet.database.orders.of_position(sale.position_id)
        ordering = Ordering(queues, steps=self._steps)
        buys = [order.intent for order in orders if order.is_active and order.intent.purpose is OrderPurpose.ENTRY]
        ends = [
            asyncio.create_task(ordering.finish(buy.intent_id, timedelta(0), f"unfinished buy: {buy.symbol}", lease))
            for buy in buys
        ]
        try:
            plan = fleet.plan_of_the_day(fleet.market_now(), await fleet.registered_workers())
            tries = await self._tries_of(orders, plan, ordering, lease)
            return await self._sell_rest(sale, plan, tries, lease)
        finally:
            await asyncio.gather(*ends, return_exceptions=True)

    async def _tries_of(
        self, orders: Sequence[OrderRecord], plan: SessionPlan, ordering: Ordering, lease: Lease
    ) -> Tries:
        """Return the attempts of the session so far, once the last one is proven over."""
        tries, ladder = Tries(), Ladder(plan.session, self._rules.execution, self._fleet.clock)
        for record in orders:
            intent = record.intent
            if intent.purpose is OrderPurpose.ENTRY or intent.session_date != plan.session.date:
                continue
            order, ended = prepared(intent, rung_by_type(intent.order_type)), record
            if record.is_active:
                stands = ladder.patience(order.rung, self._fleet.market_now(), tries)
                ended = await ordering.finish(order.intent_id, stands, order.description, lease)
            tries = after(tries, order, ended)
        return tries

    async def _sell_rest(
        self, sale: UnattendedSale, plan: SessionPlan, tries: Tries, lease: Lease
    ) -> TradeResult | None:
        fleet = self._fleet
        position = await fleet.database.positions.live(fleet.account_id, sale.position_id)
        if position is None:  # its workflow has booked the trade meanwhile
            await fleet.database.locks.release(lease)
            return None
        orders = await fleet.database.orders.of_position(sale.position_id)
        last = [order.intent.reason for order in orders if order.intent.purpose is OrderPurpose.EXIT][-1]
        reason = await sold_because(fleet.database, position) or ExitReason(last)
        held = held_under(lease, position, overdue=position.session_date != plan.session.date)
        numbers = itertools.count(1)

        def next_intent() -> IntentId:
            return intent_id(f"{SELLER}/{sale.position_id}/{lease.fencing_token}", next(numbers))

        selling = Selling(task_queues(fleet.account_id), fleet.clock, next_intent, steps=self._steps)
        return await selling.sell_out(Sale(held, reason, self._rules, plan, "carried on by a host"), tries)
