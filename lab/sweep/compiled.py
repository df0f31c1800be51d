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

from domain.costs import COMMISSION_STEP, CostRates, cost_rates
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
    """One purchase and the prices after it: won, shares, and the minute of the session."""

    price: int
    quantity: int
    minute: int
    market: Market
    opens: Sequence[int]
    firsts: Sequence[int]
    """The first extreme of each minute."""
    seconds: Sequence[int]
    """The second extreme."""
    closes: Sequence[int]
    deadline: int
    """The minute at whose open everything is sold; the sequences reach at least to it."""


@dataclass(frozen=True, slots=True)
class Sold:
    """Where each set of exits sells a purchase: minute, price (won) and place in ``REASONS``."""

    minutes: Numbers
    prices: Numbers
    reasons: Numbers


class Exits:
    """Many sets of exit rules, taken apart into the values that differ."""

    def __init__(self, sets: Sequence[ExitRules]) -> None:
        self.count = len(sets)
        self._stops, self._stop_of = _unique([_ppm(each.stop_loss) for each in sets])
        self._targets, self._target_of = _unique([_ppm(each.take_profit) for each in sets])
        self._holds, self._hold_of = _unique([int(each.longest_holding.total_seconds()) for each in sets])
        trails = [(_ppm(each.trailing_start), _ppm(each.trailing_distance)) for each in sets]
        pairs = sorted(set(trails))
        self._trails = pairs
        self._trail_of = np.array([pairs.index(each) for each in trails])

    def sold(self, bought: Bought) -> Sold:
        """Return where each set sells."""
        path = _path_of(bought)
        high, low = np.maximum.accumulate(path), np.minimum.accumulate(path)
        last = len(path) - 1
        stops = _levels(bought.price, -self._stops)
        targets = _levels(bought.price, self._targets)
        stopped = np.where(self._stops > 0, np.searchsorted(-low * _PPM, -stops, side="left"), _NEVER)
        reached = np.where(self._targets > 0, np.searchsorted(high * _PPM, targets, side="left"), _NEVER)
        held = -(-self._holds // 60) * _POINTS - 1  # the open of a later minute; the purchase's own open is no point
        timed = np.where(self._holds > 0, held, _NEVER)
        at_stop, at_target = stopped[self._stop_of], reached[self._target_of]
        trailed, peaks = self._trailed(bought.price, path, high)
        at_trail, peak = trailed[self._trail_of], peaks[self._trail_of]
        fired = np.stack([np.full(self.count, last), at_stop, at_trail, at_target, timed[self._hold_of]])
        reasons = np.argmin(fired, axis=0)
        at = np.minimum(np.min(fired, axis=0), last)
        levels = np.stack(
            [
                np.zeros(self.count, dtype=np.int64),
                stops[self._stop_of] // _PPM,
                peak * (_PPM - self._distances[self._trail_of]) // _PPM,
                -(-targets[self._target_of] // _PPM),
                np.zeros(self.count, dtype=np.int64),
            ]
        )
        level = levels[reasons, np.arange(self.count)]
        is_open = at % _POINTS == _POINTS - 1
        within = np.where(reasons == REASONS.index("take_profit"), _on_grid_up(level), _on_grid_down(level))
        by_price = np.isin(reasons, (1, 2, 3)) & ~is_open
        price = np.where(by_price, within, path[at])
        return Sold(bought.minute + (at + 1) // _POINTS, _one_tick_below(price), reasons)

    @property
    def _distances(self) -> Numbers:
        return np.array([distance for _, distance in self._trails], dtype=np.int64)

    def _trailed(self, price: int, path: Numbers, high: Numbers) -> tuple[Numbers, Numbers]:
        """Return where each pair of trailing rules fires, and the best price before it."""
        found = np.full(len(self._trails), _NEVER, dtype=np.int64)
        peaks = np.zeros(len(self._trails), dtype=np.int64)
        falls: dict[int, Numbers] = {}
        best = np.maximum(high, price)
        for place, (start, distance) in enumerate(self._trails):
            if not start or not distance:
                continue
            if distance not in falls:
                falls[distance] = np.flatnonzero(path * _PPM <= best * (_PPM - distance))
            armed = int(np.searchsorted(high * _PPM, price * (_PPM + start), side="left"))
            after = int(np.searchsorted(falls[distance], armed))
            if after < len(falls[distance]):
                found[place] = falls[distance][after]
                peaks[place] = best[found[place]]
        return found, peaks


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

    def add(self, bought: Bought, sold: Sold, rates: CostRates) -> None:
        """Add the trade of each set."""
        paid, brought = bought.price * bought.quantity, sold.prices * bought.quantity
        gross = brought - paid
        net = gross - _commission(np.int64(paid), rates) - sale_costs(brought, bought.market, rates)
        self.trades += 1
        self.wins += net > 0
        self.gross += gross
        self.net += net
        self.stakes += paid

    def days(self, trials: Sequence[int], day: date) -> list[TrialDay]:
        """Return the sums by trial."""
        columns = zip(self.trades, self.wins, self.gross, self.net, self.stakes, strict=True)
        return [TrialDay(trial, day, *map(int, row)) for trial, row in zip(trials, columns, strict=True)]


def played_alone(bought: Sequence[Bought], exits: Exits, day: date) -> Sums:
    """Return what each set of exits earns on the purchases of a session."""
    sums, rates = Sums.of(exits.count), cost_rates(day)
    for each in bought:
        sums.add(each, exits.sold(each), rates)
    return sums


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
    first, end = bought.minute, bought.deadline
    columns = [
        np.asarray(each[first : end + 1], dtype=np.int64)
        for each in (bought.opens, bought.firsts, bought.seconds, bought.closes)
    ]
    return np.stack(columns, axis=1).ravel()[1 : (end - first) * _POINTS + 1]


def _levels(price: int, ppm: Numbers) -> Numbers:
    """Return the levels that are so many parts per million away, times a million."""
    return price * (_PPM + ppm)


def _unique(values: Sequence[int]) -> tuple[Numbers, Numbers]:
    found, place = np.unique(np.array(values, dtype=np.int64), return_inverse=True)
    return found, place


def _ppm(rate: Any) -> int:
    return int(rate * _PPM)


_STARTS: Final = np.array(STOCK_GRID.starts, dtype=np.int64)
_TICKS: Final = np.array(STOCK_GRID.ticks, dtype=np.int64)


def _tick(prices: Numbers) -> Numbers:
    return _TICKS[np.searchsorted(_STARTS, prices, side="right") - 1]


def _on_grid_down(prices: Numbers) -> Numbers:
    return prices - prices % _tick(prices)


def _on_grid_up(prices: Numbers) -> Numbers:
    down = _on_grid_down(prices)
    return np.where(down == prices, down, down + _tick(prices))


def _one_tick_below(prices: Numbers) -> Numbers:
    return np.maximum(_on_grid_down(prices - 1), 1)
