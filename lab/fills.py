"""How a backtest fills orders against recorded minutes: the rule that its report names.

Bars become a path of prices (open, the two extremes, close). A marketable order takes a synthetic book around the last
price; an order that rests at the last price waits in a queue.
"""

from typing import Final

from simulator.day_path import DayPath
from simulator.exchange import Exchange, second_of
from simulator.krx.sessions import Session
from simulator.krx.units import Price, Side, Symbol
from simulator.liquidity import LEVELS, Level, Liquidity, touch_of
from simulator.orders import Order

FILL_RULE: Final = (
    "Each minute becomes a path: open, the two extremes in an assumed order, close. A scan decides on the first price "
    "of a minute. Marketable orders take a synthetic book at the last price; a resting order fills after the shares "
    "ahead of it have traded. No fill in a minute without volume or locked at a limit, and never more shares than the "
    "minute traded."
)
_MINUTE: Final = 60


class BarLiquidity(Liquidity):
    """The synthetic book within the bounds of the recorded minutes."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._taken: dict[tuple[Symbol, int], int] = {}
        self._ahead: dict[int, int] = {}

    def levels(self, symbol: Symbol, resting: Side, session: Session, second: int, most: int = LEVELS) -> list[Level]:
        """Return the book of a side, empty in a minute that cannot fill an order, capped by the minute's volume."""
        found = super().levels(symbol, resting, session, second, most)
        if second >= second_of(session, session.auction_at):
            return found
        left = self._left_in(symbol, session, second)
        capped = []
        for level in found:
            if left <= 0:
                break
            capped.append(Level(level.price, min(level.quantity, left)))
            left -= capped[-1].quantity
        return capped

    def touches(
        self, symbol: Symbol, path: DayPath, session: Session, minute: int
    ) -> tuple[Level | None, Level | None]:
        """Return best bid and best ask at the start of a minute, as ``levels`` does, without the rest of the book."""
        bar, second = path.natural.bars[minute], minute * _MINUTE
        left = self._left_of(symbol, path, minute)
        if left <= 0:
            return None, None
        found: list[Level | None] = []
        for side in (Side.BUY, Side.SELL):
            at = touch_of(symbol, Price(bar.open), side, second, path.limits)
            if at is None or not path.limits.contains(at):
                found.append(None)
                continue
            found.append(Level(at, min(self.depth_at((symbol, side, at), path, session, second), left)))
        return found[0], found[1]

    def use(self, symbol: Symbol, resting: Side, price: Price, quantity: int, instant: tuple[Session, int]) -> None:
        """Take shares from the book and from the minute's volume."""
        super().use(symbol, resting, price, quantity, instant)
        self._take(symbol, instant[1], quantity)

    def passing_trade(self, symbol: Symbol, session: Session, second: int) -> int:
        """Return the shares of a second's trades that are left for orders resting at the last price."""
        if second >= second_of(session, session.auction_at):
            return super().passing_trade(symbol, session, second)
        traded = self._exchange.path(symbol, session).volume_in(second)
        return min(traded, self._left_in(symbol, session, second))

    def reaching(self, order: Order, passing: int, session: Session, second: int) -> int:
        """Return the shares that reach a resting order after those that were in the queue before it."""
        ahead = self._ahead.get(id(order))
        if ahead is None:
            book = super().levels(order.symbol, order.side, session, second)
            ahead = next((level.quantity for level in book if level.price == order.price), 0)
        self._ahead[id(order)] = max(0, ahead - passing)
        reached = min(order.remaining, max(0, passing - ahead))
        self._take(order.symbol, second, reached)
        return reached

    def _take(self, symbol: Symbol, second: int, quantity: int) -> None:
        key = (symbol, second // _MINUTE)
        self._taken[key] = self._taken.get(key, 0) + quantity

    def _left_in(self, symbol: Symbol, session: Session, second: int) -> int:
        """Return the shares of a second's minute that our orders may still trade."""
        return self._left_of(symbol, self._exchange.path(symbol, session), second // _MINUTE)

    def _left_of(self, symbol: Symbol, path: DayPath, minute: int) -> int:
        bar = path.natural.bars[minute]
        if bar.low == bar.high and bar.low in (path.limits.lower, path.limits.upper):
            return 0
        return bar.volume - self._taken.get((symbol, minute), 0)
