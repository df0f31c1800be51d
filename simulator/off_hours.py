"""Matching outside the regular session: at the closing price before and after it, and in the evening."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from zlib import crc32

from simulator.exchange import Exchange, second_of
from simulator.krx.sessions import MarketHours, Session
from simulator.krx.units import Price, Quantity, Side, Symbol
from simulator.liquidity import Liquidity
from simulator.order_types import FILL_OR_KILL_TYPES, IMMEDIATE_TYPES, Board, board_of
from simulator.orders import Fill, Order
from simulator.trading_hours import window_of

_OPPOSITE: Final = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}
_MINUTE: Final = timedelta(minutes=1)
_SINGLE_PRICE_EVERY: Final = 10
_MINUTE_SHARE: Final = 0.0005
_THIN_SHARE: Final = 0.03


class OffHours:
    """Trades orders of the off-hours markets and calls ``book`` for every fill.

    Resting orders are matched on each whole minute, so the call frequency does not matter.
    """

    def __init__(self, exchange: Exchange, liquidity: Liquidity, book: Callable[[Order, Fill], None]) -> None:
        self._exchange = exchange
        self._liquidity = liquidity
        self._book = book
        self._used: dict[tuple[Symbol, Side, datetime], int] = {}

    def arrive(self, order: Order, session: Session, at: datetime) -> None:
        """Trade a new order immediately if its market is open."""
        window = window_of(board_of(order.kind), session)
        if window is None or at < window.trades_from:
            return
        if board_of(order.kind) is not Board.SINGLE_PRICE:
            self._match([order], session, at)
        if order.kind in IMMEDIATE_TYPES:
            order.cancelled += order.remaining

    def pass_time(self, orders: list[Order], session: Session, start: datetime, at: datetime) -> None:
        """Trade one stock's resting orders on every minute after ``start`` up to ``at``."""
        for board in dict.fromkeys(board_of(order.kind) for order in orders):
            window = window_of(board, session)
            resting = [order for order in orders if board_of(order.kind) is board]
            if window:
                self._pass(board, resting, (session, window), start, at)

    def _pass(
        self, board: Board, orders: list[Order], hours: tuple[Session, MarketHours], start: datetime, at: datetime
    ) -> None:
        session, window = hours
        passed = max(0, int((start - window.trades_from) // _MINUTE) + 1)
        moment = window.trades_from + passed * _MINUTE
        while moment <= min(at, window.until) and any(order.remaining for order in orders):
            every = _SINGLE_PRICE_EVERY if board is Board.SINGLE_PRICE else 1
            due = passed % every == 0 and passed > 0 if board is Board.SINGLE_PRICE else moment < window.until
            if due:
                self._match(orders, session, moment)
            passed, moment = passed + 1, moment + _MINUTE

    def _match(self, orders: list[Order], session: Session, at: datetime) -> None:
        if self._exchange.conditions[orders[0].symbol].frozen:
            return
        board = board_of(orders[0].kind)
        for order in sorted((one for one in orders if one.remaining), key=_rank):
            if board is Board.AFTER_MARKET:
                self._sweep(order, session, at)
            else:
                self._trade_at_one_price(order, session, at)

    def _trade_at_one_price(self, order: Order, session: Session, at: datetime) -> None:
        price = order.price
        if board_of(order.kind) is Board.SINGLE_PRICE:
            price = self._exchange.path(order.symbol, session).close_price
            if price > order.price if order.side is Side.BUY else price < order.price:
                return
        if self._is_locked(order, price, session):
            return
        key = (order.symbol, order.side, at.replace(second=0))
        traded = min(order.remaining, self.left(*key))
        self._used[key] = self._used.get(key, 0) + traded
        self._fill(order, price, traded, at)

    def left(self, symbol: Symbol, side: Side, at: datetime) -> int:
        """Return the shares that the market still trades at one price in this minute against orders of a side."""
        key = (symbol, side, at.replace(second=0))
        return max(0, self._offered(key) - self._used.get(key, 0))

    def _sweep(self, order: Order, session: Session, at: datetime) -> None:
        levels = self._liquidity.levels(order.symbol, _OPPOSITE[order.side], session, second_of(session, at))
        within = [level for level in levels if order.accepts(level.price)]
        if order.kind in FILL_OR_KILL_TYPES and sum(level.quantity for level in within) < order.quantity:
            return
        for level in within:
            traded = min(order.remaining, level.quantity)
            instant = (session, second_of(session, at))
            self._liquidity.use(order.symbol, _OPPOSITE[order.side], level.price, traded, instant)
            self._fill(order, order.price if at > order.placed_at else level.price, traded, at)

    def _is_locked(self, order: Order, price: Price, session: Session) -> bool:
        """Return whether the other side is empty: at a price limit, or because the control API emptied it."""
        limits, conditions = self._exchange.path(order.symbol, session).limits, self._exchange.conditions[order.symbol]
        if order.side is Side.BUY:
            return conditions.no_asks or price == limits.upper
        return conditions.no_bids or price == limits.lower

    def _offered(self, key: tuple[Symbol, Side, datetime]) -> int:
        symbol, side, minute = key
        chance = crc32(f"{symbol}{side}{minute.timestamp():.0f}".encode()) / 0xFFFFFFFF
        thin = _THIN_SHARE if self._exchange.conditions[symbol].thin else 1.0
        return int(self._exchange.tapes[symbol].listing.daily_volume * _MINUTE_SHARE * 2 * chance * thin)

    def _fill(self, order: Order, price: Price, quantity: int, at: datetime) -> None:
        if quantity > 0:
            self._book(order, Fill(max(at, order.placed_at), price, Quantity(quantity)))


def _rank(order: Order) -> int:
    return -order.price if order.side is Side.BUY else order.price
