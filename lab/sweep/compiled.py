"""Every signal alone, its exits as data: thousands of stops, targets and times in one pass of NumPy over a stock-day.

One trade a stock-day. It buys at the ask of the first minute in which the strategy signals, and sells where the first
of these rules fires, in this order: deadline, stop-loss, trailing stop, take-profit, time stop. A minute has four
prices: open, the two extremes in the order of a backtest's path, close. A rule that fires at an open sells at the open;
within a minute a stop sells at the highest price on the grid at or below its level, a target at the lowest at or above.
One tick is taken off for the spread. ``tests/lab/test_sweep_compiled.py`` compares every trade with plain Python.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np

from domain.costs import COMMISSION_STEP, CostRates
from domain.market import Market
from domain.rules import ExitRules
from domain.tick_size import STOCK_GRID
from lab.trials import TrialDay

Numbers = Any
"""A NumPy array of whole numbers."""
_PPM: Final = 1_000_000
_POINTS: Final = 4
_RATE: Final = 10**12
_AGRICULTURE: Final = 15 * 10**8
"""0.15 % of a sale on KOSPI, in the unit of the rates; rounded apart from the rest of the tax."""
_NEVER: Final = 10**9
REASONS: Final = ("deadline", "stop_loss", "trailing_stop", "take_profit", "time_stop")


class Bought(NamedTuple):
    """One purchase and the prices of its session: won, shares, and minutes since the open."""

    price: int
    quantity: int
    minute: int
    market: Market
    path: Numbers
    """Four prices a minute: open, first extreme, second extreme, close."""
    deadline: int
    """The minute at whose open everything is sold."""


@dataclass(frozen=True, slots=True)
class Sold:
    """The ends that a purchase can have, and which of them each set of exits gives it: ``of`` are places in the rest.

    Minute, price (won) and place in ``REASONS``.
    """

    minutes: Numbers
    prices: Numbers
    reasons: Numbers
    of: Numbers


class Exits:
    """Many sets of exit rules, taken apart into the values that differ."""

    def __init__(self, sets: Sequence[ExitRules]) -> None:
        self.count = len(sets)
        self._stops, stop_of = _unique([_ppm(each.stop_loss) for each in sets])
        self._targets, target_of = _unique([_ppm(each.take_profit) for each in sets])
        self._holds, hold_of = _unique([int(each.longest_holding.total_seconds()) for each in sets])
        trails = [(_ppm(each.trailing_start), _ppm(each.trailing_distance)) for each in sets]
        pairs = {pair: place for place, pair in enumerate(sorted(set(trails)))}
        self._starts, self._distances = np.array(list(pairs), dtype=np.int64).reshape(-1, 2).T
        self._falls = [
            (int(each), np.flatnonzero((self._distances == each) & (self._starts > 0)))
            for each in np.unique(self._distances)
            if each > 0
        ]
        counts = (1, len(self._stops), len(pairs), len(self._targets), len(self._holds))
        first = np.cumsum((0, *counts))
        trail_of = np.array([pairs[each] for each in trails], dtype=np.int64)
        self._of = np.stack([first[1] + stop_of, first[2] + trail_of, first[3] + target_of, first[4] + hold_of])
        self._reasons = np.repeat(np.arange(len(REASONS)), counts)

    def sold(self, bought: Bought, sets: Numbers | None = None) -> Sold:
        """Return where each set sells, or each of some ``sets`` (their places)."""
        path = _path_of(bought)
        high, low, last = np.maximum.accumulate(path), np.minimum.accumulate(path), len(path) - 1
        stops, targets = bought.price * (_PPM - self._stops), bought.price * (_PPM + self._targets)
        stopped = np.where(self._stops > 0, np.searchsorted(-low, -(stops // _PPM), side="left"), _NEVER)
        reached = np.where(self._targets > 0, np.searchsorted(high, -(-targets // _PPM), side="left"), _NEVER)
        held = -(-self._holds // 60) * _POINTS - 1  # the open of a later minute; the purchase's own open is no point
        timed = np.where(self._holds > 0, held, _NEVER)
        trailed, trails = self._trailed(bought.price, path, high)
        fired = np.concatenate([[last], stopped, trailed, reached, timed])
        levels = np.concatenate([[0], stops // _PPM, trails, -(-targets // _PPM), np.zeros_like(timed)])
        prices, at = self._prices(path, np.minimum(fired, last), levels)
        return Sold(bought.minute + (at + 1) // _POINTS, prices, self._reasons, self._first(fired, sets))

    def _first(self, fired: Numbers, sets: Numbers | None) -> Numbers:
        """Return for each set the place of the rule that fires first; the earlier rule of equal ones."""
        of = self._of if sets is None else self._of[:, sets]
        chosen = np.zeros(of.shape[1], dtype=np.int64)
        at = np.full(of.shape[1], fired[0])
        for places in of:
            later = fired[places]
            is_first = later < at
            at = np.where(is_first, later, at)
            chosen = np.where(is_first, places, chosen)
        return chosen

    def _prices(self, path: Numbers, at: Numbers, levels: Numbers) -> tuple[Numbers, Numbers]:
        """Return the price at which each rule would sell, one tick for the spread taken off, and where."""
        is_open = at % _POINTS == _POINTS - 1
        is_target = self._reasons == REASONS.index("take_profit")
        within = np.where(is_target, _on_grid_up(levels), _on_grid_down(levels))
        by_price = (levels > 0) & ~is_open
        return _one_tick_below(np.where(by_price, within, path[at])), at

    def _trailed(self, price: int, path: Numbers, high: Numbers) -> tuple[Numbers, Numbers]:
        """Return where each pair of trailing rules fires, and its level there."""
        found = np.full(len(self._starts), _NEVER, dtype=np.int64)
        levels = np.zeros(len(self._starts), dtype=np.int64)
        best = np.maximum(high, price)
        armed = np.searchsorted(high, -(-price * (_PPM + self._starts) // _PPM), side="left")
        scaled = path * _PPM
        for distance, pairs in self._falls:
            falls = np.append(np.flatnonzero(scaled <= best * (_PPM - distance)), _NEVER)
            found[pairs] = falls[np.searchsorted(falls[:-1], armed[pairs])]
            known = pairs[found[pairs] < _NEVER]
            levels[known] = best[found[known]] * (_PPM - distance) // _PPM
        return found, levels


@dataclass(slots=True)
class Sums:
    """What each set has earned in a session."""

    trades: Numbers
    wins: Numbers
    gross: Numbers
    net: Numbers
    stakes: Numbers

    @classmethod
    def of(cls, count: int) -> "Sums":
        """Return empty sums."""
        return cls(*(np.zeros(count, dtype=np.int64) for _ in range(5)))

    def add(self, bought: Bought, sold: Sold, rates: CostRates, sets: Numbers | None = None) -> None:
        """Add the trade of each set, or of each of some ``sets``."""
        paid, brought = bought.price * bought.quantity, sold.prices * bought.quantity
        gross = brought - paid
        net = gross - _commission(np.int64(paid), rates) - sale_costs(brought, bought.market, rates)
        rows: Any = slice(None) if sets is None else sets
        self.trades[rows] += 1
        self.wins[rows] += (net > 0)[sold.of]
        self.gross[rows] += gross[sold.of]
        self.net[rows] += net[sold.of]
        self.stakes[rows] += paid

    def days(self, trials: Sequence[int], day: date, kernels: Sequence[str]) -> list[TrialDay]:
        """Return the sums by trial, and which kernel played it."""
        sums = (each.tolist() for each in (self.trades, self.wins, self.gross, self.net, self.stakes))
        return [TrialDay(trial, day, *row) for trial, *row in zip(trials, *sums, kernels, strict=True)]


def sale_costs(amounts: Numbers, market: Market, rates: CostRates) -> Numbers:
    """Return commission and tax of sales, rounded as ``domain.costs`` does."""
    tax = int(rates.tax * _RATE)
    agriculture = min(_AGRICULTURE, tax) if market is Market.KOSPI else 0
    return (
        _commission(amounts, rates)
        + _portion(amounts, tax - agriculture)
        + (_portion(amounts, agriculture) if agriculture else 0)
    )


def _commission(amounts: Numbers, rates: CostRates) -> Numbers:
    return _portion(amounts, int(rates.commission * _RATE)) // COMMISSION_STEP * COMMISSION_STEP


def _portion(amounts: Numbers, rate: int) -> Numbers:
    """Return amount × rate rounded down; in two parts, so that nothing overflows."""
    whole, rest = amounts // _PPM, amounts % _PPM
    return (whole * rate + rest * rate // _PPM) // _PPM


def _path_of(bought: Bought) -> Numbers:
    """Return the prices after a purchase at a minute's open: the rest of that minute, then whole minutes."""
    return np.asarray(bought.path[bought.minute * _POINTS + 1 : bought.deadline * _POINTS + 1], dtype=np.int64)


def _unique(values: Sequence[int] | Numbers) -> tuple[Numbers, Numbers]:
    found, place = np.unique(np.array(values, dtype=np.int64), return_inverse=True)
    return found, place


def _ppm(rate: Any) -> int:
    return int(rate * _PPM)


_STARTS: Final = np.array(STOCK_GRID.starts, dtype=np.int64)
_TICKS: Final = np.array(STOCK_GRID.ticks, dtype=np.int64)


def tick_of(prices: Numbers) -> Numbers:
    """Return the tick (won) at each price."""
    return _TICKS[np.searchsorted(_STARTS, prices, side="right") - 1]


def _on_grid_down(prices: Numbers) -> Numbers:
    return prices - prices % tick_of(prices)


def _on_grid_up(prices: Numbers) -> Numbers:
    down = _on_grid_down(prices)
    return np.where(down == prices, down, down + tick_of(prices))


def _one_tick_below(prices: Numbers) -> Numbers:
    return np.maximum(_on_grid_down(prices - 1), 1)
