"""The next sell order of a position, recorded before it may be sent."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from temporalio import activity

from activities.account.shares_left import ListIsShort, SharesLeft
from activities.market.quote_feed import QuoteFeed
from activities.market.sale_prices import PriceWanted, SalePrices
from activities.support.heart import Heart
from activities.support.leases import renew
from domain.day_costs import Brought
from domain.errors import ActiveOrderExistsError
from domain.identity import IntentId, PositionId
from domain.ladder import ORDER_TYPE_OF, Ladder, Rung, Tries, Wait
from domain.lock import Lease
from domain.market import Quote, Side, Symbol
from domain.money import Price, Quantity, Won, total
from domain.order import OrderIntent, OrderPurpose, OrderRecord, OrderType
from domain.position import ExitReason, OpenPosition
from domain.pricing import exit_limit
from domain.rules import TradingRules
from domain.session import Session, session_date_of
from domain.worker_state import WorkerState

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database

Record = Callable[[OrderIntent], Awaitable[object]]
"""Writes a decided sale to the ledger."""

_RENEWED_FOR: Final = 1.0
"""Real seconds after which a sale's lease is renewed again before its order is recorded: each renewal is a commit."""
_WATCH_ENDS_WITHIN: Final = 1.0
"""Real seconds."""
_WITHOUT_A_PRICE: Final = {OrderType.MARKET: "at market", OrderType.POST_CLOSE: "at the closing price"}


@dataclass(frozen=True, slots=True)
class ExitRequest:
    """Next sell order of a position, within a session and its evening, given the tries so far."""

    intent_id: IntentId
    position_id: PositionId
    lease: Lease
    reason: ExitReason
    rules: TradingRules
    session: Session
    tries: Tries = field(default_factory=Tries)
    detail: str = ""
    unhurried_until: datetime | None = None
    """See ``Ladder``."""
    seen: Quote | None = None
    """Last quote of the position's watch; only its first order can use it."""


@dataclass(frozen=True, slots=True)
class PreparedExit:
    """A recorded sale that may now be sent; ``description`` is for display."""

    intent_id: IntentId
    symbol: Symbol
    quantity: Quantity
    rung: Rung
    description: str
    then_book: bool = False
    """Set if the trade is to be booked once this is filled; booking detects remaining shares."""
    works_already: bool = False
    """Set if another decision has recorded it: it must be followed to its end, not sent."""
    kind: Literal["prepared"] = "prepared"


@dataclass(frozen=True, slots=True)
class NothingToSell:
    """The ledger has no share left in this position."""

    kind: Literal["nothing_to_sell"] = "nothing_to_sell"


@dataclass(frozen=True, slots=True)
class MarketShut:
    """The day's last market is over; the shares still held are carried, with a critical report."""

    kind: Literal["market_shut"] = "market_shut"


@dataclass(frozen=True, slots=True)
class SoldByOthers:
    """The broker holds none of these shares and lists a sale that is not ours; its proceeds in won and by day (F32)."""

    brought: Won | None = None
    kind: Literal["sold_by_others"] = "sold_by_others"
    by_day: tuple[Brought, ...] = ()


ExitDecision = PreparedExit | NothingToSell | MarketShut | SoldByOthers | Wait


@dataclass(frozen=True, slots=True)
class _Offer:
    """How to sell now: the rung, its limit in won if it has one, and the last price if known."""

    rung: Rung
    limit_price: Price | None
    quote: Quote | None


@dataclass(frozen=True, slots=True)
class _Writing:
    """How the decided sale is written, and the event-loop time before its lease was renewed; None: with the sale."""

    record: Record
    renewed_at: float | None

    def is_to_be_renewed(self, now: float) -> bool:
        """Return whether the lease has to be renewed again before the sale is written."""
        return self.renewed_at is not None and now - self.renewed_at > _RENEWED_FOR


class SellingActivities:
    """Decides how a position's shares are sold next; ``evening`` holds the order types accepted after the session."""

    def __init__(
        self,
        feed: QuoteFeed,
        shares_left: SharesLeft,
        database: "Database",
        pace: "Pace",
        evening: frozenset[OrderType],
    ) -> None:
        self._sale_prices = SalePrices(feed, pace)
        self._shares_left = shares_left
        self._database = database
        self._pace = pace
        self._evening = evening

    @activity.defn
    async def prepare_exit(self, request: ExitRequest) -> ExitDecision:
        """Record the next sell order for exactly the shares still held, on the next rung of the ladder."""
        async with Heart():
            await self._end_watch(request.lease)
            return await self.decide(request, self._database.orders.record_intent)

    async def _end_watch(self, lease: Lease) -> None:
        """Remove the wish, if that is quick: one active order per side excludes a second sale anyway."""
        about = (lease.account_id, lease.worker_id, lease.fencing_token)
        try:
            async with asyncio.timeout(_WATCH_ENDS_WITHIN):
                await self._database.market_watches.end(*about)
        except Exception as fault:  # noqa: BLE001 - the next order of the sale removes it, or the watch at its end
            extra = {"symbol": lease.symbol, "cause": f"{type(fault).__name__}: {fault}"}
            activity.logger.warning("watch_not_removed", extra=extra)

    async def decide(self, request: ExitRequest, record: Record, *, record_renews: bool = False) -> ExitDecision:
        """Decide on the next sell order, and record it in the given way, which may renew the lease by itself."""
        already = await self._database.orders.get(request.intent_id)
        position = await self._database.positions.get(request.position_id)
        if already is not None:
            return prepared(already.intent, self._rung_of(already.intent, request))
        if position is None or not position.quantity:
            return NothingToSell()
        now = self._pace.now()
        rung = self._next_rung(request, now)
        if rung is None:
            return MarketShut()
        if isinstance(rung, Wait):
            await renew(self._database.locks, request.lease)
            return rung
        writing = _Writing(record, None if record_renews else asyncio.get_running_loop().time())
        if not record_renews:
            await renew(self._database.locks, request.lease, self._pause_if_not_taken(request, rung, now))
        return await self._offer_what_is_left(position, request, rung, writing)

    async def _offer_what_is_left(
        self, position: OpenPosition, request: ExitRequest, rung: Rung, writing: _Writing
    ) -> ExitDecision:
        left = await self._shares_left.of(position, request.reason, request.tries)
        now = self._pace.now()
        if isinstance(left, ListIsShort):
            await renew(self._database.locks, request.lease, left.look_again_in)
            return Wait(now + self._pace.clock.market_duration(left.look_again_in), "waits for the list of its sale")
        if not left.position.quantity:
            return NothingToSell()
        if not left.quantity:
            return SoldByOthers(total([each.won for each in left.by_day]), by_day=left.by_day)
        return await self._offer(replace(left.position, quantity=left.quantity), request, rung, writing)

    def _pause_if_not_taken(self, request: ExitRequest, rung: Rung, now: datetime) -> timedelta:
        """Return how long the stock would look orphaned if its lease were not extended."""
        ladder, tries = self._ladder(request), request.tries
        refused = ladder.pause_after_refusal(now, tries.after(rung, refused=True))
        return max(refused, ladder.pause_after_unsent(now, tries.after_unsent(tries.offered)))

    def _next_rung(self, request: ExitRequest, now: datetime) -> Rung | Wait | None:
        return self._ladder(request).next_rung(now, request.tries, self._evening)

    def _ladder(self, request: ExitRequest) -> Ladder:
        return Ladder(request.session, request.rules.execution, self._pace.clock, request.unhurried_until)

    def _rung_of(self, intent: OrderIntent, request: ExitRequest) -> Rung:
        """Return the rung of an order that an earlier attempt recorded."""
        rung = self._next_rung(request, intent.decided_at)
        if isinstance(rung, Rung) and ORDER_TYPE_OF[rung] is intent.order_type:
            return rung
        return rung_by_type(intent.order_type)

    async def _offer(
        self, position: OpenPosition, request: ExitRequest, rung: Rung, writing: _Writing
    ) -> PreparedExit | Wait:
        now = self._pace.now()
        offer = await self._priced(request, position.symbol, rung)
        if offer is None:
            return Wait(self._ladder(request).look_again_at(now))
        intent = self._exit_intent(position, request, offer, now)
        if writing.is_to_be_renewed(asyncio.get_running_loop().time()):
            # The look took time, and the order may be sent only while the lease outlasts the request.
            await renew(self._database.locks, request.lease, self._pause_if_not_taken(request, rung, now))
        try:
            await writing.record(intent)
        except ActiveOrderExistsError:
            working = await self._working_sale(position)
            if working is None:
                raise
            return replace(prepared(working.intent, self._rung_of(working.intent, request)), works_already=True)
        await self._announce(position, f"selling: {request.reason} {request.detail}".strip())
        return prepared(intent, offer.rung)

    async def _announce(self, position: OpenPosition, event: str) -> None:
        about = (position.account_id, position.worker_id, WorkerState.EXITING, position.symbol, event, self._pace.now())
        show = partial(self._database.workers.enter, *about)
        await self._database.reports.write("worker_state", position.worker_id, show)

    async def _working_sale(self, position: OpenPosition) -> OrderRecord | None:
        """Return a sale of the position that is still active; it must end before another is sent."""
        orders = await self._database.orders.of_position(position.position_id)
        return next((order for order in orders if order.is_active and order.intent.side is Side.SELL), None)

    async def _priced(self, request: ExitRequest, symbol: Symbol, rung: Rung) -> _Offer | None:
        """Return the rung with its price; without one at market, but None in the evening: it has no market orders."""
        at_the_bid, rules = rung in {Rung.BEST_BID, Rung.AFTER_MARKET}, request.rules.execution
        seen = None if request.tries.orders else request.seen
        is_due = request.reason is ExitReason.DEADLINE
        wanted = PriceWanted(symbol, rules, seen, with_the_fleet=is_due, look_into_book=at_the_bid)
        quote = await self._sale_prices.find(wanted)
        if at_the_bid and quote is not None:
            return _Offer(rung, exit_limit(quote, rules), quote)
        if rung is Rung.LOWER_LIMIT and quote is not None and quote.limits is not None:
            return _Offer(rung, quote.limits.lower, quote)
        if rung is Rung.AFTER_MARKET:
            return None
        return _Offer(rung if rung is Rung.POST_CLOSE else Rung.MARKET, None, quote)

    def _exit_intent(self, position: OpenPosition, request: ExitRequest, offer: _Offer, now: datetime) -> OrderIntent:
        return OrderIntent(
            intent_id=request.intent_id,
            account_id=position.account_id,
            worker_id=request.lease.worker_id,
            position_id=position.position_id,
            session_date=session_date_of(now),
            symbol=position.symbol,
            side=Side.SELL,
            quantity=position.quantity,
            order_type=ORDER_TYPE_OF[offer.rung],
            limit_price=offer.limit_price,
            purpose=OrderPurpose.EXIT,
            reason=request.reason,
            fencing_token=request.lease.fencing_token,
            decision_price=offer.quote.price if offer.quote is not None else position.last_price,
            decided_at=now,
        )


def rung_by_type(order_type: OrderType) -> Rung:
    """Return the first rung with orders of this type."""
    return next(each for each in Rung if ORDER_TYPE_OF[each] is order_type)


def prepared(intent: OrderIntent, rung: Rung) -> PreparedExit:
    """Return a recorded sale as its workflow knows it."""
    price = f"≥ {intent.limit_price:,} won" if intent.limit_price else _WITHOUT_A_PRICE[intent.order_type]
    description = f"SELL {intent.symbol} ×{intent.quantity:,} {price}: {intent.reason}"
    then_book = intent.reason != ExitReason.FOREIGN_SALE
    return PreparedExit(intent.intent_id, intent.symbol, intent.quantity, rung, description, then_book)
