"""Price grids and daily price limits: KRX rules of 2015-06-15, 2023-01-25 and 2023-12-11 (docs/krx.md §3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from simulator.krx.units import Price


@dataclass(frozen=True, slots=True)
class PriceGrid:
    """The prices at which an instrument may be ordered. ``bands``: (below this price, tick), in won, rising."""

    bands: tuple[tuple[int, int], ...]
    last_tick: int

    def tick_at(self, price: int) -> int:
        """Return the tick (won) that applies at a price."""
        for below, tick in self.bands:
            if price < below:
                return tick
        return self.last_tick

    def is_on_grid(self, price: int) -> bool:
        """Return whether an order may have this price."""
        return price > 0 and price % self.tick_at(price) == 0

    def round_down(self, price: int) -> Price:
        """Return the highest grid price that is not above ``price``."""
        return price // self.tick_at(price) * self.tick_at(price)

    def round_up(self, price: int) -> Price:
        """Return the lowest grid price that is not below ``price``."""
        down = self.round_down(price)
        return down if down == price else down + self.tick_at(down)

    def nearest(self, price: float) -> Price:
        """Return the grid price closest to ``price``, at least one won; the higher one of two at the same distance."""
        half = self.tick_at(max(int(price), 1)) / 2
        return max(1, self.round_down(int(price + half)))

    def next_above(self, price: Price) -> Price:
        """Return the lowest grid price above a price."""
        down = self.round_down(price)
        return down + self.tick_at(down)

    def next_below(self, price: Price) -> Price:
        """Return the highest grid price below a price."""
        return self.round_down(price - 1)


STOCK_GRID: Final = PriceGrid(
    ((2_000, 1), (5_000, 5), (20_000, 10), (50_000, 50), (200_000, 100), (500_000, 500)), last_tick=1_000
)
"""Stocks of KOSPI and KOSDAQ since 2023-01-25."""
ETF_GRID: Final = PriceGrid(((2_000, 1),), last_tick=5)
"""ETFs and ETNs since 2023-12-11. Every price of the stocks' grid is on it."""

DAILY_LIMIT_PERCENT: Final = 30
"""Distance of the daily limits from the base price since 2015-06-15."""

_LEAST_SEEN: Final = 100
_LEAST_ON_ETF_GRID: Final = 95
_LEAST_ON_STOCK_GRID: Final = 65


def looks_like_an_etf(prices: Iterable[int]) -> bool:
    """Return whether traded prices follow the ETFs' grid rather than the stocks'.

    Fewer than 100 prices prove nothing: mid-price trades of a stock lie off its grid too.
    """
    seen = list(prices)
    if len(seen) < _LEAST_SEEN:
        return False
    of_stock, of_etf = (sum(map(grid.is_on_grid, seen)) * 100 for grid in (STOCK_GRID, ETF_GRID))
    return of_stock < _LEAST_ON_STOCK_GRID * len(seen) and of_etf >= _LEAST_ON_ETF_GRID * len(seen)


@dataclass(frozen=True, slots=True)
class DailyLimits:
    """The lowest and highest price (won) of a day, and the grid between them."""

    lower: Price
    upper: Price
    grid: PriceGrid = STOCK_GRID

    def contains(self, price: Price) -> bool:
        """Return whether a price lies within the limits."""
        return self.lower <= price <= self.upper

    def clamp(self, price: Price) -> Price:
        """Return the nearest price within the limits."""
        return min(max(price, self.lower), self.upper)

    def nearest(self, price: float) -> Price:
        """Return the grid price closest to ``price`` within the limits."""
        return self.clamp(self.grid.nearest(price))


def limits_around(base: Price, grid: PriceGrid) -> DailyLimits:
    """Return the day's limits: 30 percent around the base price, the width cut to the base price's tick."""
    tick = grid.tick_at(base)
    width = base * DAILY_LIMIT_PERCENT // 100 // tick * tick
    return DailyLimits(grid.round_up(base - width), grid.round_down(base + width), grid)
