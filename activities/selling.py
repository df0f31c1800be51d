"""The next sell order of a position, written down before it may be sent."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from temporalio import activity

from activities.foreign_sales import ForeignSales
from activities.heart import Heart
from activities.leases import renew
from activities.quote_feed import QuoteFeed
from domain.errors import TradingError
from domain.identity import IntentId, PositionId
from domain.lane import Lane
from domain.lock import Lease
from domain.market import Quote, Side, Symbol
from domain.money import Quantity, Won
from domain.order import OrderIntent, OrderPurpose, OrderType
from domain.position import ExitReason, OpenPosition
from domain.pricing import exit_limit
from domain.rules import TradingRules
from domain.session import session_date_of
from domain.worker_state import WorkerState

if TYPE_CHECKING:
    from activities.pace import Pace
    from database.database import Database


@dataclass(frozen=True, slots=True)
class ExitRequest:
    """The next sell order of a position: ``attempt`` counts the orders already tried, ``price`` is the decision's."""

    intent_id: IntentId
    position_id: PositionId
    lease: Lease
    reason: ExitReason
    rules: TradingRules
    attempt: int
    session_ends_at: datetime
    detail: str = ""
    after_refusal: bool = False
    """The last sale was refused: perhaps somebody else has sold these shares by hand."""


@dataclass(frozen=True, slots=True)
class PreparedExit:
    """A sale that is written down and may now be sent; ``description`` is for people."""

    intent_id: IntentId
    symbol: Symbol
    quantity: Quantity
    description: str
    kind: Literal["prepared"] = "prepared"


@dataclass(frozen=True, slots=True)
class NothingToSell:
    """The ledger has no share left in this position."""

    kind: Literal["nothing_to_sell"] = "nothing_to_sell"


@dataclass(frozen=True, slots=True)
class MarketShut:
    """The session is over; what is still held is carried, loudly."""

    kind: Literal["market_shut"] = "market_shut"


@dataclass(frozen=True, slots=True)
class SoldByOthers:
    """The broker holds none of these shares and lists somebody else's sale, which brought so many won (F32)."""

    brought: Won | None = None
    kind: Literal["sold_by_others"] = "sold_by_others"


ExitDecision = PreparedExit | NothingToSell | MarketShut | SoldByOthers


class SellingActivities:
    """Decides how the shares of a position are sold next."""

    def __init__(self, feed: QuoteFeed, foreign_sales: ForeignSales, database: "Database", pace: "Pace") -> None:
        self._feed = feed
        self._foreign_sales = foreign_sales
        self._database = database
        self._pace = pace

    @activity.defn
    async def prepare_exit(self, request: ExitRequest) -> ExitDecision:
        """Write down the next sell order for exactly what is still held: limits at the best bid, then market."""
        async with Heart():
            return await self._decide(request)

    async def _decide(self, request: ExitRequest) -> ExitDecision:
        already = await self._database.orders.get(request.intent_id)
        position = await self._database.positions.get(request.position_id)
        if already is not None:
            return _prepared(already.intent)
        if position is None or not position.quantity:
            return NothingToSell()
        if self._pace.now() >= request.session_ends_at:
            return MarketShut()
        await renew(self._database.locks, request.lease)
        if request.after_refusal or request.reason is ExitReason.FOREIGN_SALE:
            left = await self._foreign_sales.left_of(position, Lane.EXIT)
            if not left.quantity:
                return SoldByOthers(left.brought)
            position = replace(position, quantity=left.quantity)
        intent = await self._exit_intent(position, request)
        await self._database.orders.record_intent(intent)
        await self._database.workers.enter(
            position.account_id,
            position.worker_id,
            WorkerState.EXITING,
            position.symbol,
            f"selling: {request.reason} {request.detail}".strip(),
            self._pace.now(),
        )
        return _prepared(intent)

    async def _exit_intent(self, position: OpenPosition, request: ExitRequest) -> OrderIntent:
        execution = request.rules.execution
        patient = request.attempt < execution.exit_limit_attempts
        quote = await self._quote_for_sale(position.symbol, request.rules, look_into_book=patient)
        patient = patient and quote is not None
        return OrderIntent(
            intent_id=request.intent_id,
            account_id=position.account_id,
            worker_id=request.lease.worker_id,
            position_id=position.position_id,
            session_date=session_date_of(self._pace.now()),
            symbol=position.symbol,
            side=Side.SELL,
            quantity=position.quantity,
            order_type=OrderType.LIMIT if patient else OrderType.MARKET,
            limit_price=exit_limit(quote, execution) if patient and quote is not None else None,
            purpose=OrderPurpose.EXIT,
            reason=request.reason,
            fencing_token=request.lease.fencing_token,
            decision_price=quote.price if quote is not None else position.last_price,
            decided_at=self._pace.now(),
        )

    async def _quote_for_sale(self, symbol: Symbol, rules: TradingRules, *, look_into_book: bool) -> Quote | None:
        """Return a price to sell at, or None when none can be had: a sale waits for no quote, it goes at market."""
        age = self._pace.clock.market_duration(rules.execution.price_interval)
        try:
            quote = (await self._feed.quotes([symbol], age, Lane.EXIT)).get(symbol)
        except TradingError as fault:
            activity.logger.warning("selling_without_a_price", extra={"symbol": symbol, "cause": str(fault)})
            return None
        if quote is None or quote.shows_book or not look_into_book:
            return quote
        return await self._seen_in_book(quote)

    async def _seen_in_book(self, quote: Quote) -> Quote:
        """Look for the best bid where the quote cannot show it; a sale does not wait for a book that does not come."""
        try:
            return await self._feed.seen_in_book(quote, Lane.EXIT)
        except TradingError as fault:
            activity.logger.warning("selling_without_a_book", extra={"symbol": quote.symbol, "cause": str(fault)})
            return quote


def _prepared(intent: OrderIntent) -> PreparedExit:
    price = f"≥ {intent.limit_price:,} won" if intent.limit_price else "at market"
    description = f"SELL {intent.symbol} ×{intent.quantity:,} {price}: {intent.reason}"
    return PreparedExit(intent.intent_id, intent.symbol, intent.quantity, description)
