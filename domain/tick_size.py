"""The price grids of KRX stocks and ETFs, and the daily price limits (rules of 2015-06-15, 2023-01-25, 2023-12-11)."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from domain.money import Price


@dataclass(frozen=True, slots=True)
class PriceGrid:
    """The prices at which an instrument may be ordered: from each of ``starts`` (won) on, multiples of a tick."""

    starts: tuple[int, ...]
    ticks: tuple[int, ...]

    def tick_at(self, price: Price | int) -> int:
        """Return the tick (won) that applies at a price."""
        return self.ticks[bisect_right(self.starts, price) - 1]

    def is_on_grid(self, price: Price | int) -> bool:
        """Return whether KRX would accept the price as a limit price."""
        return price > 0 and price % self.tick_at(price) == 0

    def may_have_traded(self, price: Price | int) -> bool:
        """Return whether KRX can show the price as traded: on the grid, or halfway between two grid prices.

        Mid-price orders, in use since March 2025, trade at the mean of best bid and best ask, without a fraction of a
        won. Just above a band's start the bid may be in the finer band.
        """
        ticks = {self.tick_at(price), self.tick_at(price * 99 // 100)}
        return price > 0 and any(price % tick in {0, tick // 2} for tick in ticks)

    def round_down(self, price: int) -> Price:
        """Return the highest grid price that is not above ``price``."""
        return Price(price - price % self.tick_at(price))

    def round_up(self, price: int) -> Price:
        """Return the lowest grid price that is not below ``price``."""
        down = self.round_down(price)
        return down if down == price else self.next_above(down)

    def nearest(self, price: float) -> Price:
        """Return the grid price closest to ``price``, at least one won."""
        return Price(max(self.round_down(int(price + self.tick_at(max(int(price), 1)) / 2)), 1))

    def next_above(self, price: Price) -> Price:
        """Return the lowest grid price above a price."""
        return Price(self.round_down(price) + self.tick_at(price))

    def next_below(self, price: Price) -> Price:
        """Return the highest grid price below a price (a band's edge uses the lower band)."""
        return self.round_down(price - 1)


STOCK_GRID: Final = PriceGrid((0, 2_000, 5_000, 20_000, 50_000, 200_000, 500_000), (1, 5, 10, 50, 100, 500, 1_000))
ETF_GRID: Final = PriceGrid((0, 2_000), (1, 5))
"""Also of ETNs. Every price of the stocks' grid is on it."""

_LEAST_PRICES: Final = 100
_LEAST_ON_ETF_GRID: Final = 0.95
_MOST_ON_STOCK_GRID: Final = 0.65


def grid_of(prices: Iterable[int]) -> PriceGrid:
    """Return the grid that traded prices follow: that of ETFs if nearly all are on it, and many off that of stocks.

    A few prices prove nothing: mid-price trades of a stock may look the same.
    """
    seen = list(prices)
    if len(seen) < _LEAST_PRICES or sum(map(STOCK_GRID.is_on_grid, seen)) >= _MOST_ON_STOCK_GRID * len(seen):
        return STOCK_GRID
    return ETF_GRID if sum(map(ETF_GRID.is_on_grid, seen)) >= _LEAST_ON_ETF_GRID * len(seen) else STOCK_GRID


tick_at: Final = STOCK_GRID.tick_at
is_on_grid: Final = STOCK_GRID.is_on_grid
may_have_traded: Final = STOCK_GRID.may_have_traded
round_down: Final = STOCK_GRID.round_down
round_up: Final = STOCK_GRID.round_up
next_above: Final = STOCK_GRID.next_above
next_below: Final = STOCK_GRID.next_below

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
    ends = (*map(Decimal, STOCK_GRID.starts[1:]), max(price, Decimal(STOCK_GRID.starts[-1])))
    bands = zip(STOCK_GRID.starts, ends, STOCK_GRID.ticks, strict=True)
    return sum((max(min(price, end) - start, Decimal(0)) / tick for start, end, tick in bands), Decimal(0))


def price_limits(base: Price, grid: PriceGrid = STOCK_GRID) -> PriceLimits:
    """Return the ±30 % limits around a base price (docs/krx.md §3.2: width cut to the base's tick)."""
    width = base * _LIMIT_PERCENT // 100
    width -= width % grid.tick_at(base)
    return PriceLimits(lower=grid.round_up(base - width), upper=grid.round_down(base + width))
