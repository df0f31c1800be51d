"""The synthetic order book: seeded depth around the last price, consumed by our orders and slowly refilled."""

from collections.abc import Callable
from typing import Final, NamedTuple
from zlib import crc32

from simulator.day_path import DayPath
from simulator.exchange import Exchange, second_of
from simulator.krx.prices import DailyLimits
from simulator.krx.sessions import Session
from simulator.krx.units import Price, Side, Symbol
from simulator.orders import Order

LEVELS: Final = 10
_RENEWED_EVERY: Final = 20
_RECOVERY_SECONDS: Final = 30
_SLOW_RECOVERY_SECONDS: Final = 300
_MINUTES_A_DAY: Final = 380
_DEPTH_SHARE: Final = 0.35
_THIN_SHARE: Final = 0.03
_TRADE_SHARE: Final = 4
_EVENING_SHARE: Final = 0.1


class Level(NamedTuple):
    """Shares offered at one price (won)."""

    price: Price
    quantity: int


class Liquidity:
    """Liquidity of the other market participants. Seconds count market time since the session's open."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.slow: set[Symbol] = set()
        """Stocks whose depth returns slowly."""
        self._used: dict[tuple[Symbol, Side, Price], tuple[int, float]] = {}

    def levels(self, symbol: Symbol, resting: Side, session: Session, second: int, most: int = LEVELS) -> list[Level]:
        """Return the market's bids (``BUY``) or asks (``SELL``), best first, less the shares our orders have taken."""
        conditions = self._exchange.conditions[symbol]
        if (resting is Side.BUY and conditions.no_bids) or (resting is Side.SELL and conditions.no_asks):
            return []
        path = self._exchange.path(symbol, session)
        price = self._exchange.price_at(symbol, session, second)
        grid = path.limits.grid
        step = grid.next_above if resting is Side.SELL else grid.next_below
        fullness = path.natural.liquidity_at(min(second // 60, path.minutes - 1))
        fullness *= _EVENING_SHARE if second >= second_of(session, session.ends_at) else 1
        at = touch_of(symbol, price, resting, second, path.limits)
        levels = []
        for place in range(most):
            if at is None or not path.limits.contains(at):
                break
            depth = self._depth((symbol, resting, at), second, fullness * (1 + place / 8))
            levels.append(Level(at, self._left((symbol, resting, at), depth, session, second)))
            at = step(at)
        return levels

    def use(self, symbol: Symbol, resting: Side, price: Price, quantity: int, instant: tuple[Session, int]) -> None:
        """Take shares at a price. They are refilled within 30 seconds of market time."""
        session, second = instant
        key = (symbol, resting, price)
        moment = int(session.opens_at.timestamp()) + second
        left_over = self._still_used(key, moment)
        self._used[key] = (moment, left_over + quantity)

    def auction_share(self, symbol: Symbol, volume: int) -> int:
        """Return how many shares our orders may trade in an auction of ``volume`` shares."""
        thin = self._exchange.conditions[symbol].thin
        return max(volume > 0, int(volume * (_THIN_SHARE if thin else 0.5)))

    def passing_trade(self, symbol: Symbol, session: Session, second: int) -> int:
        """Return the share of one second's trades that can fill an order resting at the last price."""
        return self._exchange.path(symbol, session).volume_in(second) // _TRADE_SHARE

    def reaching(self, order: Order, passing: int, session: Session, second: int) -> int:
        """Return how many of the passing shares reach an order that rests at the last price.

        A queued order waits until the shares that rested at its price before it have traded.
        """
        if not order.is_queued:
            return passing
        ahead = self._ahead_of(order, session, second) if order.ahead is None else order.ahead
        order.ahead = max(0, ahead - passing)
        return max(0, passing - ahead)

    def _ahead_of(self, order: Order, session: Session, second: int) -> int:
        book = self.levels(order.symbol, order.side, session, second)
        return next((level.quantity for level in book if level.price == order.price), 0)

    def depth_at(self, key: tuple[Symbol, Side, Price], path: DayPath, session: Session, second: int) -> int:
        """Return the shares left at a best price in continuous trading."""
        depth = self._depth(key, second, path.natural.liquidity_at(min(second // 60, path.minutes - 1)))
        return self._left(key, depth, session, second) if key in self._used else depth

    def _depth(self, key: tuple[Symbol, Side, Price], second: int, factor: float) -> int:
        symbol, resting, price = key
        listing = self._exchange.tapes[symbol].listing
        chance = crc32(f"{symbol}{resting}{price}{second // _RENEWED_EVERY}".encode()) / 0xFFFFFFFF
        usual = listing.daily_volume / _MINUTES_A_DAY * _DEPTH_SHARE
        thin = _THIN_SHARE if self._exchange.conditions[symbol].thin else 1.0
        return max(1, int(usual * factor * thin * (0.3 + 1.4 * chance)))

    def _left(self, key: tuple[Symbol, Side, Price], depth: int, session: Session, second: int) -> int:
        used = self._still_used(key, int(session.opens_at.timestamp()) + second)
        return max(0, depth - int(used + 0.999))

    def _still_used(self, key: tuple[Symbol, Side, Price], moment: int) -> float:
        if key not in self._used:
            return 0.0
        since, quantity = self._used[key]
        recovery = _SLOW_RECOVERY_SECONDS if key[0] in self.slow else _RECOVERY_SECONDS
        return quantity * max(0.0, 1 - (moment - since) / recovery)


def touch_of(symbol: Symbol, price: Price, resting: Side, second: int, limits: DailyLimits) -> Price | None:
    """Return the best price of a side: one of the two sides is at the last price, none beyond a limit."""
    if price == (limits.upper if resting is Side.SELL else limits.lower):
        return None
    if not limits.grid.is_on_grid(price):  # a mid-price trade is between both sides
        return limits.grid.next_above(price) if resting is Side.SELL else limits.grid.next_below(price)
    last_was_a_buy = bool(crc32(f"{symbol}{second // _RENEWED_EVERY}".encode()) & 1)
    if price in (limits.upper, limits.lower):
        last_was_a_buy = price == limits.lower
    if resting is Side.SELL:
        return price if last_was_a_buy else limits.grid.next_above(price)
    return limits.grid.next_below(price) if last_was_a_buy else price


MakeLiquidity = Callable[[Exchange], Liquidity]
