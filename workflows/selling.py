"""Selling a position until nothing is left: limits at the best bid, then market; workers and the close do it alike."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.cycles import Held
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
    from activities.settling import CloseRequest, SettlingActivities, TradeResult
    from domain.clock import MarketClock
    from domain.errors import StaleFencingTokenError
    from domain.identity import IntentId
    from domain.money import Won
    from domain.order import OrderPurpose, OrderStatus
    from domain.position import ExitReason
    from domain.rules import TradingRules
    from domain.session import SessionPlan
    from workflows.identity import TaskQueues
    from workflows.options import RECORD, SELL_DECISION, via
    from workflows.ordering import Ordering

_AUCTION_GRACE: Final = timedelta(seconds=3)
"""Real time after the closing auction in which its fills appear in the broker's list."""
_LONGEST_REFUSAL_PAUSE: Final = timedelta(seconds=10)
_MOST_DOUBLINGS: Final = 4


@dataclass(frozen=True, slots=True)
class Sale:
    """What to sell, why, and by which rules, within which session."""

    held: Held
    reason: ExitReason
    rules: TradingRules
    plan: SessionPlan
    detail: str = ""


class Selling:
    """Sells exactly what is held, one proven order after the other."""

    def __init__(
        self,
        queues: TaskQueues,
        clock: MarketClock,
        next_intent: Callable[[], IntentId],
        *,
        waits_for_operator: bool = True,
    ) -> None:
        self._queues = queues
        self._clock = clock
        self._next_intent = next_intent
        self._ordering = Ordering(queues, waits_for_operator=waits_for_operator)

    async def sell_out(self, sale: Sale) -> TradeResult | None:
        """Sell until the ledger holds nothing, then book the trade; None when the session ended first (R16)."""
        attempt, refused = 0, False
        while True:
            decision = await self._prepare(sale, attempt, after_refusal=refused)
            if isinstance(decision, MarketShut):
                return None
            if isinstance(decision, NothingToSell):
                return await self._close(sale, sale.reason)
            if isinstance(decision, SoldByOthers):
                return await self._close(sale, ExitReason.FOREIGN_SALE, decision.brought)
            refused = await self._is_refused(sale, decision, attempt)
            attempt += 1

    async def _prepare(self, sale: Sale, attempt: int, *, after_refusal: bool) -> ExitDecision:
        request = ExitRequest(
            intent_id=self._next_intent(),
            position_id=sale.held.position_id,
            lease=sale.held.lease,
            reason=sale.reason,
            rules=sale.rules,
            attempt=attempt,
            session_ends_at=sale.plan.session.ends_at,
            detail=sale.detail,
            after_refusal=after_refusal,
        )
        return await workflow.execute_activity_method(
            SellingActivities.prepare_exit,
            request,
            **via(self._queues.broker, SELL_DECISION, f"sell {sale.held.symbol} {sale.held.name}: {sale.reason}"),
        )

    async def _is_refused(self, sale: Sale, prepared: PreparedExit, attempt: int) -> bool:
        request = SubmitRequest(prepared.intent_id, OrderPurpose.EXIT, sale.rules.risk, sale.plan)
        record = await self._ordering.place(request, self._patience(sale, attempt), prepared.description)
        if record.status is not OrderStatus.REJECTED:
            return False
        workflow.logger.error("sale_rejected", extra={"intent_id": prepared.intent_id, "code": record.reject_code})
        pause = min(timedelta(seconds=2 ** min(attempt, _MOST_DOUBLINGS)), _LONGEST_REFUSAL_PAUSE)
        await workflow.sleep(pause, summary="refused; again")
        return True

    def _patience(self, sale: Sale, attempt: int) -> timedelta:
        """In the closing auction nothing trades before its end, so the order keeps its place in the queue.

        So does a market order that finds nobody (lower limit, halt): sent anew, it would only stand further behind.
        """
        execution = sale.rules.execution
        doublings = min(max(attempt - execution.exit_limit_attempts, 0), _MOST_DOUBLINGS)
        reprice = execution.exit_reprice * (1 << doublings)
        session = sale.plan.session
        if self._now() + self._clock.market_duration(reprice) < session.auction_at:
            return reprice
        return max(self._clock.real_time(session.ends_at) - workflow.now() + _AUCTION_GRACE, reprice)

    async def _close(self, sale: Sale, reason: ExitReason, brought_by_others: Won | None = None) -> TradeResult:
        cooldown = sale.rules.risk.symbol_cooldown
        request = CloseRequest(sale.held.position_id, reason, sale.held.lease, cooldown, brought_by_others)
        return await workflow.execute_activity_method(
            SettlingActivities.close_position,
            request,
            **via(self._queues.trading, RECORD, f"book the trade in {sale.held.symbol}"),
        )

    def _now(self) -> datetime:
        return self._clock.market_time(workflow.now())


def lease_is_lost(error: ActivityError) -> bool:
    """Tell whether an activity stopped because the symbol's lease is another's now."""
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type == StaleFencingTokenError.__name__
