"""Sale of a position until nothing is left, rung by rung of the ladder; used by workers and the close."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.cycles import Held
    from activities.joined import Finished
    from activities.orders import SubmitRequest
    from activities.selling import (
        ExitDecision,
        ExitRequest,
        MarketShut,
        NothingToSell,
        PreparedExit,
        SellingActivities,
        SoldByOthers,
    )
    from activities.settling import CloseRequest, SettlingActivities, StillHeld, TradeResult
    from domain.clock import MarketClock
    from domain.errors import StaleFencingTokenError
    from domain.exits import SentExit
    from domain.identity import IntentId, PositionId
    from domain.ladder import Ladder, Tries, Wait
    from domain.market import Quote
    from domain.order import OrderPurpose, OrderRecord, OrderStatus
    from domain.position import ExitReason
    from domain.rules import TradingRules
    from domain.session import SessionPlan
    from workflows.half_way import Resting
    from workflows.identity import TaskQueues
    from workflows.options import RECORD, SELL_DECISION, via
    from workflows.ordering import Ordering
    from workflows.steps import DURABLE, Steps


@dataclass(frozen=True, slots=True)
class Sale:
    """What to sell, why, under which rules, and in which session."""

    held: Held
    reason: ExitReason
    rules: TradingRules
    plan: SessionPlan
    detail: str = ""
    seen: Quote | None = None
    """Last quote of the watch."""
    sent: SentExit | None = None
    """The first order, if the watch has sent it."""

    @property
    def unhurried_until(self) -> datetime | None:
        """Return the market time until which the sale may wait for bids: a thin position sold before its fleet."""
        is_early = self.reason is ExitReason.DEADLINE and not self.held.overdue
        return self.plan.liquidation_at if is_early else None


class Selling:
    """Sells exactly the shares held, one proven order after the other."""

    def __init__(
        self,
        queues: TaskQueues,
        clock: MarketClock,
        next_intent: Callable[[], IntentId],
        *,
        waits_for_operator: bool = True,
        steps: Steps = DURABLE,
    ) -> None:
        self._steps = steps
        self._queues = queues
        self._clock = clock
        self._next_intent = next_intent
        self._ordering = Ordering(queues, waits_for_operator=waits_for_operator, steps=steps)
        self.joins_steps = False
        """Whether the activities know the step that follows an order and books its trade."""
        self.past_the_close: set[PositionId] = set()
        """Positions that continue into the evening; each of their session orders is proven over."""
        self.resting: dict[PositionId, Resting] = {}
        """Sales that wait between two orders; another run may continue them."""

    async def sell_out(self, sale: Sale, tries: Tries = Tries()) -> TradeResult | None:  # noqa: B008 - it is frozen
        """Sell until the ledger holds nothing, then book the trade; None when it must be carried (R16)."""
        sent = sale.sent
        while True:
            decision = await self._prepare(sale, tries) if sent is None else _handed_over(sale, sent)
            sent = None
            match decision:
                case MarketShut():
                    return None
                case NothingToSell() | SoldByOthers():
                    closed = await self._close(sale, decision)
                    if isinstance(closed, TradeResult):
                        return closed
                case Wait():
                    await self._wait(sale, decision, tries)
                case PreparedExit():
                    placed = await self._sell_once(sale, decision, tries)
                    if not isinstance(placed, Tries):
                        return placed
                    tries = placed

    async def _sell_once(self, sale: Sale, prepared: PreparedExit, tries: Tries) -> Tries | TradeResult | None:
        """Return the trade that this order completes, None if it is left to the operator, else the updated tries."""
        finished = await self._place(sale, prepared, tries)
        record, closed = finished.order, finished.closed
        if record is not None and closed is None and prepared.then_book and record.status is OrderStatus.FILLED:
            closed = await self._close(sale, NothingToSell())
        if isinstance(closed, TradeResult):
            return closed
        if record is None or record.is_active:
            return None
        tries = after(tries, prepared, record)
        await self._pause_if_not_taken(sale, tries, record)
        return tries

    async def _prepare(self, sale: Sale, tries: Tries) -> ExitDecision:
        session_is_over = self._now() >= sale.plan.session.ends_at
        request = ExitRequest(
            intent_id=self._next_intent(),
            position_id=sale.held.position_id,
            lease=sale.held.lease,
            reason=sale.reason,
            rules=sale.rules,
            session=sale.plan.session,
            tries=tries,
            detail=sale.detail,
            unhurried_until=sale.unhurried_until,
            seen=sale.seen,
        )
        decision = await self._steps.act(
            SellingActivities.prepare_exit,
            request,
            via(self._queues.broker, SELL_DECISION, f"sell {sale.held.symbol} {sale.held.name}: {sale.reason}"),
        )
        if session_is_over and isinstance(decision, PreparedExit | Wait):
            self.past_the_close.add(sale.held.position_id)
        return decision

    async def _place(self, sale: Sale, prepared: PreparedExit, tries: Tries) -> Finished:
        """Bring the order to its proven end; only an order left to the operator is returned active."""
        stands = self._ladder(sale).patience(prepared.rung, self._now(), tries)
        about = (prepared.intent_id, stands, prepared.description)
        if not prepared.works_already:
            request = SubmitRequest(prepared.intent_id, OrderPurpose.EXIT, sale.rules.risk, sale.plan)
            record = await self._ordering.submit(request, prepared.description)
            if record is not None and not record.is_active:
                return Finished(record)
        if self.joins_steps and prepared.then_book:
            return await self._ordering.finish_sale(*about, self._closing(sale))
        return Finished(await self._ordering.finish(*about))

    async def _pause_if_not_taken(self, sale: Sale, tries: Tries, record: OrderRecord) -> None:
        if record.status is not OrderStatus.REJECTED:
            return
        extra = {**record.intent.log_fields, "code": record.reject_code}
        if record.never_left:
            self._steps.logger.warning("sale_unsent", extra=extra)
            pause = self._ladder(sale).pause_after_unsent(self._now(), tries)
            await self.rest(Resting(sale.held, tries, self._steps.now() + pause), "not sent; retry")
            return
        self._steps.logger.error("sale_rejected", extra=extra)
        pause = self._ladder(sale).pause_after_refusal(self._now(), tries)
        await self.rest(Resting(sale.held, tries, self._steps.now() + pause), "refused; retry")

    async def _wait(self, sale: Sale, wait: Wait, tries: Tries) -> None:
        resting = Resting(sale.held, tries, self._clock.real_time(wait.until))
        await self.rest(resting, f"{sale.held.symbol} {wait.why}")

    async def rest(self, resting: Resting, summary: str) -> None:
        """Sleep until the pause ends; list the sale as resting meanwhile."""
        self.resting[resting.held.position_id] = resting
        await self._steps.sleep(max(resting.until - self._steps.now(), timedelta(0)), summary)
        del self.resting[resting.held.position_id]

    async def _close(self, sale: Sale, end: NothingToSell | SoldByOthers) -> TradeResult | StillHeld:
        request = self._closing(sale)
        if isinstance(end, SoldByOthers):
            reason = ExitReason.FOREIGN_SALE
            request = replace(request, reason=reason, brought_by_others=end.brought, by_day=end.by_day)
        return await self._steps.act(
            SettlingActivities.close_position,
            request,
            via(self._queues.trading, RECORD, f"book the trade in {sale.held.symbol}"),
        )

    def _closing(self, sale: Sale) -> CloseRequest:
        cooldown = sale.rules.risk.symbol_cooldown
        return CloseRequest(sale.held.position_id, sale.reason, sale.held.lease, cooldown)

    def _ladder(self, sale: Sale) -> Ladder:
        return Ladder(sale.plan.session, sale.rules.execution, self._clock, sale.unhurried_until)

    def _now(self) -> datetime:
        return self._clock.market_time(self._steps.now())


def _handed_over(sale: Sale, sent: SentExit) -> PreparedExit:
    about = (sent.intent_id, sale.held.symbol, sent.quantity, sent.rung, sent.description, sent.then_book)
    return PreparedExit(*about, works_already=True)


def after(tries: Tries, prepared: PreparedExit, record: OrderRecord) -> Tries:
    """Return the attempts of a sale after one more order has ended."""
    if record.never_left:
        return tries.after_unsent(prepared.quantity)
    return tries.after(prepared.rung, refused=record.status is OrderStatus.REJECTED, offered=prepared.quantity)


def lease_is_lost(error: ActivityError) -> bool:
    """Return whether an activity stopped because another holder has the symbol's lease."""
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type == StaleFencingTokenError.__name__
