"""A held position: watched without an event in any history, sold by written intents, closed with its PnL."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from temporalio import activity

from activities.heart import Heart
from activities.quote_feed import QuoteFeed
from domain.errors import StaleFencingTokenError, TradingError, TryAgainError
from domain.exits import ExitContext, ExitSignal, decide_exit, high_water_mark
from domain.identity import IntentId, PositionId
from domain.lane import Lane
from domain.lock import LEASE_DURATION, Lease
from domain.market import MarketView, Quote, Side, Symbol, problem_with
from domain.money import Price, Quantity, Rate, Won
from domain.order import OrderIntent, OrderPurpose, OrderType
from domain.pnl import closed_trade
from domain.position import ExitReason, OpenPosition
from domain.pricing import exit_limit
from domain.rules import TradingRules
from domain.session import SessionDate, session_date_of
from domain.worker_state import WorkerState
from strategies import strategies_named

if TYPE_CHECKING:
    from activities.pace import Pace
    from broker.protocol import Broker
    from database.database import Database

_RENEWAL: Final = LEASE_DURATION / 3


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """Which position to watch, under which lease, and the market instant at which it must be sold anyway."""

    position_id: PositionId
    symbol: Symbol
    lease: Lease
    rules: TradingRules
    deadline: datetime


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
    """The broker holds none of these shares, and lists somebody else's sale of them (F32)."""

    kind: Literal["sold_by_others"] = "sold_by_others"


ExitDecision = PreparedExit | NothingToSell | MarketShut | SoldByOthers


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """Which position is over, why, and under which lease."""

    position_id: PositionId
    reason: ExitReason
    lease: Lease | None
    symbol_cooldown: timedelta


@dataclass(frozen=True, slots=True)
class TradeResult:
    """A closed trade in a few numbers (won)."""

    position_id: PositionId
    symbol: Symbol
    quantity: Quantity
    net_pnl: Won
    exit_reason: ExitReason
    session_date: SessionDate


class PositionActivities:
    """Watches, sells and settles positions."""

    def __init__(self, feed: QuoteFeed, broker: "Broker", database: "Database", pace: "Pace", commission: Rate) -> None:
        self._feed = feed
        self._broker = broker
        self._database = database
        self._pace = pace
        self._commission = commission

    @activity.defn
    async def watch_position(self, request: WatchRequest) -> ExitSignal:
        """Look at each price until an exit rule fires; free of side effects but for the lease and the last price.

        Level-triggered: a new attempt decides on the price it finds, whatever an earlier attempt has seen.
        """
        position = await self._held(request.position_id)
        best = Price(max(position.high_water_mark, _best_of_earlier_attempt()))
        position = replace(position, high_water_mark=best)
        await self._announce(position)
        renewed_after = timedelta(0)
        async with Heart(int(best)) as heart:
            with self._feed.watching(request.symbol):
                while True:
                    if self._pace.waited() >= renewed_after:
                        await self._renew(request.lease)
                        renewed_after = self._pace.waited() + _RENEWAL
                    position, signal = await self._look(position, request)
                    if signal is not None:
                        return signal
                    heart.progress(int(position.high_water_mark))
                    await self._pace.pause(request.rules.execution.price_interval)

    async def _look(self, position: OpenPosition, request: WatchRequest) -> tuple[OpenPosition, ExitSignal | None]:
        """Decide on what is seen now; without a price to trust only the clock's rules can fire (R13, F26)."""
        view = await self._view(position, request)
        age = self._pace.clock.market_duration(request.rules.execution.greatest_quote_age)
        problem = problem_with(view.quote, self._pace.now(), age)
        if problem is None:
            best = high_water_mark(position, view.quote.price)
            await self._database.positions.mark(position.position_id, view.quote.price, best)
            position = replace(position, high_water_mark=best, last_price=view.quote.price)
        else:
            extra = {"symbol": request.symbol, "problem": problem}
            activity.logger.warning("price_distrusted", extra=extra)
        (strategy,) = strategies_named([position.strategy.name])
        wants_out = problem is None and strategy.wants_out(view, position, request.rules.strategy)
        context = ExitContext(position, view, self._pace.now(), request.deadline, wants_out, age)
        return position, decide_exit(context)

    async def _view(self, position: OpenPosition, request: WatchRequest) -> MarketView:
        """Return what the feed shows, or the last known price as what it is: too old to decide anything."""
        fresh = self._pace.clock.market_duration(request.rules.execution.price_interval)
        try:
            view = await self._feed.view(request.symbol, fresh, Lane.WATCH)
        except TryAgainError as fault:
            activity.logger.warning("price_missing", extra={"symbol": request.symbol, "cause": str(fault)})
            view = None
        return view or MarketView(Quote(position.symbol, position.last_price, position.opened_at), None)

    @activity.defn
    async def prepare_exit(self, request: ExitRequest) -> ExitDecision:
        """Write down the next sell order for exactly what is still held: limits at the best bid, then market."""
        already = await self._database.orders.get(request.intent_id)
        position = await self._database.positions.get(request.position_id)
        if already is not None:
            return _prepared(already.intent)
        if position is None or not position.quantity:
            return NothingToSell()
        if self._pace.now() >= request.session_ends_at:
            return MarketShut()
        await self._renew(request.lease)
        if request.after_refusal:
            left = await self._left_by_others(position)
            if not left:
                return SoldByOthers()
            position = replace(position, quantity=left)
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

    @activity.defn
    async def close_position(self, request: CloseRequest) -> TradeResult:
        """Book the trade of a position that is sold out and release its symbol; repeating it changes nothing."""
        position = await self._ledger_position(request.position_id)
        orders = await self._database.orders.of_position(request.position_id)
        trade = closed_trade(
            position,
            [order for order in orders if order.intent.side is Side.BUY],
            [order for order in orders if order.intent.side is Side.SELL],
            request.reason,
            self._pace.now(),
            self._commission,
        )
        now = self._pace.now()
        await self._database.trades.close(trade, request.lease, release_lock=True)
        await self._database.risk.cool_down(trade.account_id, trade.symbol, now + request.symbol_cooldown)
        event = f"sold {trade.symbol}: {trade.exit_reason}, net {trade.net_pnl:+,} won"
        await self._database.workers.enter(trade.account_id, trade.worker_id, WorkerState.IDLE, None, event, now)
        return TradeResult(
            trade.position_id, trade.symbol, trade.quantity, trade.net_pnl, trade.exit_reason, session_date_of(now)
        )

    @activity.defn
    async def abandon_entry(self, request: CloseRequest) -> None:
        """Let go of a position whose entry bought nothing: lock released, symbol on cool-down (R11)."""
        await self._database.positions.abandon(request.position_id)
        if request.lease is None:
            return
        await self._database.locks.release(request.lease)
        until = self._pace.now() + request.symbol_cooldown
        await self._database.risk.cool_down(request.lease.account_id, request.lease.symbol, until)

    async def _announce(self, position: OpenPosition) -> None:
        event = f"bought {position.quantity:,} at {position.entry_price:,.0f}: {position.strategy.reason}"
        await self._database.workers.enter(
            position.account_id, position.worker_id, WorkerState.HOLDING, position.symbol, event, self._pace.now()
        )

    async def _renew(self, lease: Lease) -> None:
        if await self._database.locks.renew(lease) is None:
            raise StaleFencingTokenError(f"{lease.symbol} is held by another worker now")

    async def _left_by_others(self, position: OpenPosition) -> Quantity:
        """Return how many of our shares are left, by two witnesses; one alone may be late or empty (F22, F23)."""
        day = session_date_of(self._pace.now())
        listed = await self._broker.orders_on(day, Lane.EXIT, position.symbol, Side.SELL)
        bound = await self._database.orders.bound_refs(position.account_id, day)
        foreign = sum(row.filled_quantity for row in listed if row.ref not in bound)
        balance = await self._broker.balance(Lane.EXIT)
        held = sum(holding.quantity for holding in balance.holdings if holding.symbol == position.symbol)
        missing = min(max(position.quantity - held, 0), foreign)
        return Quantity(position.quantity - missing)

    async def _exit_intent(self, position: OpenPosition, request: ExitRequest) -> OrderIntent:
        execution = request.rules.execution
        quote = await self._quote_for_sale(position.symbol, request.rules)
        patient = quote is not None and request.attempt < execution.exit_limit_attempts
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

    async def _quote_for_sale(self, symbol: Symbol, rules: TradingRules) -> Quote | None:
        """Return a price to sell at, or None when none can be had: a sale waits for no quote, it goes at market."""
        age = self._pace.clock.market_duration(rules.execution.price_interval)
        try:
            return (await self._feed.quotes([symbol], age, Lane.EXIT)).get(symbol)
        except TryAgainError as fault:
            activity.logger.warning("selling_without_a_price", extra={"symbol": symbol, "cause": str(fault)})
            return None

    async def _held(self, position_id: PositionId) -> OpenPosition:
        position = await self._ledger_position(position_id)
        if not position.quantity:
            raise TradingError(f"position {position_id} holds no share to watch")
        return position

    async def _ledger_position(self, position_id: PositionId) -> OpenPosition:
        position = await self._database.positions.get(position_id)
        if position is None:
            raise TradingError(f"position {position_id} is not in the ledger")
        return position


def _prepared(intent: OrderIntent) -> PreparedExit:
    price = f"≥ {intent.limit_price:,} won" if intent.limit_price else "at market"
    description = f"SELL {intent.symbol} ×{intent.quantity:,} {price}: {intent.reason}"
    return PreparedExit(intent.intent_id, intent.symbol, intent.quantity, description)


def _best_of_earlier_attempt() -> int:
    details = activity.info().heartbeat_details
    return int(details[0]) if details else 0
