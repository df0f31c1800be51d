"""The matching engine: fills our orders by price and time against market liquidity, second by market second."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from simulator.exchange import Exchange
from simulator.krx.sessions import Session
from simulator.krx.units import Price, Quantity, Side, Symbol
from simulator.liquidity import Liquidity
from simulator.order_types import FILL_OR_KILL_TYPES, IMMEDIATE_TYPES, MID_TYPES, OrderType
from simulator.orders import Fill, Order

_OPPOSITE: Final = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}
_MINUTE: Final = 60
Book = Callable[[Order, Fill], None]


class Matching:
    """Matches live orders of one session and calls ``book`` for every fill."""

    def __init__(self, exchange: Exchange, liquidity: Liquidity, book: Book) -> None:
        self._exchange = exchange
        self._liquidity = liquidity
        self._book = book

    def opening_auction(self, orders: list[Order], session: Session) -> None:
        """Match the orders that wait for the open at the opening price."""
        self._auction(orders, session, closing=False)

    def closing_auction(self, orders: list[Order], session: Session) -> None:
        """Match the remaining orders at the closing price."""
        self._auction(orders, session, closing=True)

    def arrive(self, order: Order, session: Session, second: int) -> None:
        """Match a new order against the other side. Its type decides what happens to the rest."""
        if self._is_frozen(order.symbol, session, second):
            return
        if order.kind in MID_TYPES:
            self._arrive_at_mid(order, session, second)
            return
        self._wake(order, self._exchange.path(order.symbol, session).price_at(second))
        levels = self._liquidity.levels(order.symbol, _OPPOSITE[order.side], session, second)
        offered = sum(level.quantity for level in levels if order.accepts(level.price))
        if order.kind in FILL_OR_KILL_TYPES and offered < order.quantity:
            order.cancelled = order.quantity
            return
        self._sweep(order, session, second, resting=False)
        if order.kind in IMMEDIATE_TYPES:
            order.cancelled += order.remaining

    def pass_time(self, orders: list[Order], session: Session, seconds: range) -> None:
        """Match the resting orders of one stock in each of these seconds of continuous trading."""
        if not orders or self._exchange.conditions[orders[0].symbol].frozen:
            return
        for second in self._eventful(orders, session, seconds):
            self.match_second(orders, session, second)
            if not any(order.remaining for order in orders):
                return

    def match_second(self, orders: list[Order], session: Session, second: int) -> None:
        """Match resting orders of one stock in one second: best price first, then oldest first."""
        if not orders or self._is_frozen(orders[0].symbol, session, second):
            return
        path = self._exchange.path(orders[0].symbol, session)
        price = path.price_at(second)
        auctioned = path.auction_after_pause(second)
        if auctioned:
            self._single_price(orders, price, auctioned, (session, second))
            return
        passing = dict.fromkeys(Side, self._liquidity.passing_trade(orders[0].symbol, session, second))
        for order in _by_priority(orders):
            if order.kind in MID_TYPES:
                passing[order.side] -= self._trade_at_mid(order, session, second, passing[order.side])
                continue
            self._wake(order, price)
            self._sweep(order, session, second, resting=True)
            if not order.is_market and not order.is_dormant and order.price == price and not self._locked(order):
                traded = min(order.remaining, self._liquidity.reaching(order, passing[order.side], session, second))
                passing[order.side] -= traded
                self._fill(order, price, traded, (session, second))

    def _wake(self, order: Order, price: Price) -> None:
        if order.is_dormant and order.within_reach(price, price):
            order.triggered = True

    def _arrive_at_mid(self, order: Order, session: Session, second: int) -> None:
        passing = self._liquidity.passing_trade(order.symbol, session, second)
        if order.kind not in FILL_OR_KILL_TYPES or passing >= order.quantity:
            self._trade_at_mid(order, session, second, passing)
        if order.kind in IMMEDIATE_TYPES:
            order.cancelled += order.remaining

    def _trade_at_mid(self, order: Order, session: Session, second: int, passing: int) -> int:
        """Trade between best bid and best ask against passing trades and return the shares."""
        bids, asks = (self._liquidity.levels(order.symbol, side, session, second) for side in (Side.BUY, Side.SELL))
        if not bids or not asks:
            return 0
        traded = min(order.remaining, passing)
        self._fill(order, Price((bids[0].price + asks[0].price) // 2), traded, (session, second))
        return traded

    def _sweep(self, order: Order, session: Session, second: int, *, resting: bool) -> None:
        for level in self._liquidity.levels(order.symbol, _OPPOSITE[order.side], session, second):
            if not order.remaining or not order.accepts(level.price):
                return
            traded = min(order.remaining, level.quantity)
            self._liquidity.use(order.symbol, _OPPOSITE[order.side], level.price, traded, (session, second))
            at_own_price = resting and not order.is_market
            self._fill(order, order.price if at_own_price else level.price, traded, (session, second))

    def _is_frozen(self, symbol: Symbol, session: Session, second: int) -> bool:
        paused = self._exchange.path(symbol, session).pause_at(second)
        return paused is not None or self._exchange.conditions[symbol].frozen

    def _auction(self, orders: list[Order], session: Session, *, closing: bool) -> None:
        if not orders or self._exchange.conditions[orders[0].symbol].frozen:
            return
        path = self._exchange.path(orders[0].symbol, session)
        if path.ended_by if closing else path.pause_at(0):
            return
        price = path.close_price if closing else path.price_at(0)
        volume = path.closing_volume if closing else path.bar(0).volume
        second = int((session.ends_at - session.opens_at).total_seconds()) if closing else 0
        for order in orders:
            order.turned_market = closing and order.kind is OrderType.CONDITIONAL_LIMIT
        self._single_price(orders, price, volume, (session, second))

    def _single_price(self, orders: list[Order], price: Price, volume: int, instant: tuple[Session, int]) -> None:
        """Match orders at one price against their share of an auction.

        At the upper limit no buy trades, at the lower limit no sale.
        """
        symbol = orders[0].symbol
        limits = self._exchange.path(symbol, instant[0]).limits
        left = dict.fromkeys(Side, self._liquidity.auction_share(symbol, volume))
        at_limit = {Side.BUY: limits.upper, Side.SELL: limits.lower}
        for order in _by_priority(orders):
            if (
                order.kind not in MID_TYPES
                and order.accepts(price)
                and price != at_limit[order.side]
                and not self._locked(order)
            ):
                traded = min(order.remaining, left[order.side])
                left[order.side] -= traded
                self._fill(order, price, traded, instant)

    def _locked(self, order: Order) -> bool:
        conditions = self._exchange.conditions[order.symbol]
        return conditions.no_asks if order.side is Side.BUY else conditions.no_bids

    def _fill(self, order: Order, price: Price, quantity: int, instant: tuple[Session, int]) -> None:
        session, second = instant
        if quantity > 0:
            at = max(session.opens_at + timedelta(seconds=second), order.placed_at)
            self._book(order, Fill(at, price, Quantity(quantity)))

    def _eventful(self, orders: list[Order], session: Session, seconds: range) -> Iterator[int]:
        """Yield the seconds in which an order may trade, skipping quiet minutes."""
        path = self._exchange.path(orders[0].symbol, session)
        start = seconds.start
        while start < seconds.stop:
            end = min(seconds.stop, start - start % _MINUTE + _MINUTE)
            bar = path.bar(start // _MINUTE)
            if any(_may_trade(order, bar.low, bar.high) for order in orders):
                for second in range(start, end):
                    price = path.price_at(second)
                    if any(_may_trade(order, price, price) for order in orders):
                        yield second
            start = end


def _may_trade(order: Order, low: int, high: int) -> bool:
    return bool(order.remaining) and (order.kind in MID_TYPES or order.within_reach(low, high))


def _by_priority(orders: list[Order]) -> list[Order]:
    def rank(order: Order) -> tuple[bool, int]:
        return not order.is_market, -order.price if order.side is Side.BUY else order.price

    return sorted((order for order in orders if order.remaining), key=rank)


def orders_of(orders: list[Order], symbol: Symbol) -> list[Order]:
    """Return the live orders of one stock, oldest first."""
    return [order for order in orders if order.symbol == symbol and order.remaining]
