"""A day's price limits together with the price grid between them: that of stocks, or that of ETFs."""

from dataclasses import dataclass

from domain.money import Price
from domain.tick_size import STOCK_GRID, PriceGrid, PriceLimits, price_limits


@dataclass(frozen=True, slots=True)
class GridLimits(PriceLimits):
    """The lowest and highest price (won) of a day, and the grid of the prices between."""

    grid: PriceGrid = STOCK_GRID

    def nearest(self, price: float) -> Price:
        """Return the grid price closest to ``price`` within the limits."""
        return self.clamp(self.grid.nearest(price))


def limits_around(base: Price, grid: PriceGrid) -> GridLimits:
    """Return the ±30 % limits around a base price."""
    limits = price_limits(base, grid)
    return GridLimits(limits.lower, limits.upper, grid)
