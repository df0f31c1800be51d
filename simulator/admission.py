"""Which orders the broker and the exchange admit: hours, order types, prices, halts."""

from datetime import datetime
from typing import Final

from simulator.exchange import Exchange, second_of
from simulator.krx.prices import DailyLimits
from simulator.krx.sessions import Session, SessionPhase, in_seoul
from simulator.krx.units import Price, Side, Symbol, TradingFlag
from simulator.liquidity import Liquidity
from simulator.order_types import (
    AUCTION_TYPES,
    BEST_TYPES,
    LIMIT_TYPES,
    MARKET_TYPES,
    MID_TYPES,
    Board,
    OrderType,
    board_of,
)
from simulator.orders import Order, OrderRequest
from simulator.pauses import Pause
from simulator.refusals import OrderRefusedError, Refusal
from simulator.trading_hours import single_price_limits, window_of

_AUCTIONS: Final = (SessionPhase.OPENING_AUCTION, SessionPhase.CLOSING_AUCTION)
_UNBOUNDED_TYPES: Final = MARKET_TYPES | MID_TYPES | {OrderType.CONDITIONAL_LIMIT}
"""Types whose price is unknown in advance. A buy reserves cash at the upper limit."""


class Admission:
    """Checks a request against the exchange's rules at a market instant."""

    def __init__(self, exchange: Exchange, liquidity: Liquidity) -> None:
        self._exchange = exchange
        self._liquidity = liquidity

    def open_market(self, kind: OrderType, at: datetime) -> tuple[Session, SessionPhase]:
        """Return the session and phase if the order type's market accepts orders, else raise ``OrderRefusedError``."""
        if board_of(kind) is Board.REGULAR:
            return self._open_session(at)
        session = self._exchange.calendar.session_on(in_seoul(at).date())
        if session is None:
            raise OrderRefusedError(Refusal.MARKET_NOT_OPEN_TODAY)
        window = window_of(board_of(kind), session)
        if window is None:
            raise OrderRefusedError(Refusal.ORDER_TYPE)
        if not window.orders_from <= at < window.until:
            raise OrderRefusedError(Refusal.BEFORE_OPEN if at < window.orders_from else Refusal.AFTER_CLOSE)
        return session, session.phase_at(at)

    def _open_session(self, at: datetime) -> tuple[Session, SessionPhase]:
        session = self._exchange.shown_session(at)
        phase = session.phase_at(at)
        if phase is not SessionPhase.CLOSED:
            return session, phase
        today = self._exchange.calendar.session_on(in_seoul(at).date())
        if today is None:
            raise OrderRefusedError(Refusal.MARKET_NOT_OPEN_TODAY)
        raise OrderRefusedError(Refusal.BEFORE_OPEN if at < today.opens_at else Refusal.AFTER_CLOSE)

    def _pause(self, symbol: Symbol, phase: SessionPhase, at: datetime) -> Pause | None:
        session = self._exchange.shown_session(at)
        path = self._exchange.path(symbol, session)
        return path.ended_by if phase in _AUCTIONS else path.pause_at(second_of(session, at))

    def check_stock(self, request: OrderRequest, phase: SessionPhase, at: datetime) -> None:
        """Raise ``OrderRefusedError`` for a stock or a type that is not traded now."""
        conditions = self._exchange.conditions[request.symbol]
        if conditions.halted:
            raise OrderRefusedError(Refusal.HALTED)
        pause = self._pause(request.symbol, phase, at)
        if pause and second_of(self._exchange.shown_session(at), at) < pause.orders_from:
            raise OrderRefusedError(Refusal.MARKET_HALTED)
        only_auction = phase in _AUCTIONS or conditions.interrupted or pause
        if board_of(request.kind) is Board.REGULAR and only_auction and request.kind not in AUCTION_TYPES:
            raise OrderRefusedError(Refusal.ORDER_TYPE)
        flags = self._exchange.tapes[request.symbol].listing.flags | conditions.flags
        if TradingFlag.OVERHEATED in flags and request.kind in MARKET_TYPES:
            raise OrderRefusedError(Refusal.ORDER_TYPE)
        if request.quantity <= 0:
            raise OrderRefusedError(Refusal.QUANTITY)

    def order(self, request: OrderRequest, session: Session, at: datetime) -> Order:
        """Return the order without a number, or raise ``OrderRefusedError`` for its price."""
        snapshot = self._exchange.snapshot(request.symbol, at)
        price = self._order_price(request, session, at)
        stop = request.trigger if request.kind is OrderType.STOP_LIMIT else None
        for asked in (price, stop):
            if asked is None or request.kind in MARKET_TYPES | MID_TYPES:
                continue
            if not self._limits(request, session, snapshot.limits).contains(asked):
                raise OrderRefusedError(Refusal.OUTSIDE_LIMITS)
            if not snapshot.limits.grid.is_on_grid(asked):
                raise OrderRefusedError(Refusal.OFF_GRID)
        return Order(
            number="",
            day=session.date,
            account=request.account,
            symbol=request.symbol,
            market=snapshot.listing.market,
            product=snapshot.listing.product,
            side=Side(request.side),
            kind=request.kind,
            quantity=request.quantity,
            price=price,
            reserve_price=snapshot.limits.upper if request.kind in _UNBOUNDED_TYPES else price,
            placed_at=at,
            trigger=stop or Price(0),
        )

    def _limits(self, request: OrderRequest, session: Session, limits: DailyLimits) -> DailyLimits:
        """Return a price's bounds. The single-price session also limits it to ten percent around the close."""
        if board_of(request.kind) is not Board.SINGLE_PRICE:
            return limits
        close = self._exchange.path(request.symbol, session).close_price
        lower, upper = single_price_limits(close, limits.grid)
        return DailyLimits(limits.clamp(lower), limits.clamp(upper), limits.grid)

    def _order_price(self, request: OrderRequest, session: Session, at: datetime) -> Price:
        if request.kind in LIMIT_TYPES:
            return request.price
        if request.kind in MARKET_TYPES | MID_TYPES:
            return Price(0)
        if request.kind is OrderType.PRE_OPEN_CLOSE:
            return self._exchange.snapshot(request.symbol, at).base
        if request.kind is OrderType.POST_CLOSE:
            return self._exchange.path(request.symbol, session).close_price
        own = Side(request.side)
        opposite = Side.SELL if own is Side.BUY else Side.BUY
        side = opposite if request.kind in BEST_TYPES else own
        levels = self._liquidity.levels(request.symbol, side, session, second_of(session, at))
        if not levels:
            raise OrderRefusedError(Refusal.NO_OPPOSITE_SIDE)
        return levels[0].price
