"""The price grid of KRX common stock and the daily price limits (rule of 2023-01-25 and 2015-06-15)."""

from bisect import bisect_right
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from domain.money import Price

_BAND_STARTS: Final = (0, 2_000, 5_000, 20_000, 50_000, 200_000, 500_000)
_TICKS: Final = (1, 5, 10, 50, 100, 500, 1_000)
_LIMIT_PERCENT: Final = 30


@dataclass(frozen=True, slots=True)
class PriceLimits:
    """The lowest and highest price (won) at which the stock may trade today."""

    lower: Price
    upper: Price

    def contains(self, price: Price) -> bool:
        """Return whether the price is inside the limits."""
        return self.lower <= price <= self.upper

    @property
    def middle(self) -> Price:
        """Return the approximate base price of the limits; ticks round it."""
        return Price((self.lower + self.upper) // 2)

    def clamp(self, price: Price) -> Price:
        """Return the nearest price inside the limits."""
        return Price(min(max(price, self.lower), self.upper))


def tick_at(price: Price | int) -> int:
    """Return the tick (won) that applies at a price."""
    return _TICKS[bisect_right(_BAND_STARTS, price) - 1]


def is_on_grid(price: Price | int) -> bool:
    """Return whether KRX would accept the price as a limit price."""
    return price > 0 and price % tick_at(price) == 0


def may_have_traded(price: Price | int) -> bool:
    """Return whether KRX can show the price as traded: on the grid, or in the middle between two grid prices.

    Mid-price orders, in use since March 2025, trade at the mean of best bid and best ask, without a fraction of a won.
    Just above a band's start the bid may be in the finer band.
    """
    ticks = {tick_at(price), tick_at(price * 99 // 100)}
    return price > 0 and any(price % tick in {0, tick // 2} for tick in ticks)


def round_down(price: int) -> Price:
    """Return the highest grid price that is not above ``price``."""
    return Price(price - price % tick_at(price))


def round_up(price: int) -> Price:
    """Return the lowest grid price that is not below ``price``."""
    down = round_down(price)
    return down if down == price else next_above(down)


def next_above(price: Price) -> Price:
    """Return the lowest grid price above a price."""
    return Price(round_down(price) + tick_at(price))


def next_below(price: Price) -> Price:
    """Return the highest grid price below a price (a band's edge uses the lower band)."""
    return round_down(price - 1)


def steps(price: Price, ticks: int) -> Price:
    """Move a grid price up (positive) or down (negative) by whole ticks, never below one won."""
    for _ in range(abs(ticks)):
        price = next_above(price) if ticks > 0 else Price(max(next_below(price), 1))
    return price


def ticks_between(first: Decimal | int, second: Decimal | int) -> Decimal:
    """Return how many ticks the second price (won) is above the first, each tick in its band's size.

    Average prices fall between two grid prices, so parts of a tick count as well.
    """
    return _height(Decimal(second)) - _height(Decimal(first))


def _height(price: Decimal) -> Decimal:
    """Return the number of ticks between zero and a price."""
    ends = (*map(Decimal, _BAND_STARTS[1:]), max(price, Decimal(_BAND_STARTS[-1])))
    bands = zip(_BAND_STARTS, ends, _TICKS, strict=True)
    return sum((max(min(price, end) - start, Decimal(0)) / tick for start, end, tick in bands), Decimal(0))


def price_limits(base: Price) -> PriceLimits:
    """Return the ±30 % limits around a base price (docs/krx.md §3.2: width cut to the base's tick)."""
    width = base * _LIMIT_PERCENT // 100
    width -= width % tick_at(base)
    return PriceLimits(lower=round_up(base - width), upper=round_down(base + width))
