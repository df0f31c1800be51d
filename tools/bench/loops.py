"""Floors of a sweep: the same exits, without rounding, costs and entries, as a plain loop, in NumPy and in numba."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

import numpy as np

Rules = Sequence[tuple[float, float, int]]
"""Stop and target as factors of the entry price, and the minutes after which a position is sold."""
Play = Callable[..., float]
"""Takes opens, highs, lows and closes by stock-day and minute, and the sets; returns the sum of the results (won)."""
_BOUGHT: Final = 30
"""The minute at whose open each stock-day is bought."""


def plain(opens: Any, highs: Any, lows: Any, closes: Any, rules: Rules) -> float:
    """Play every set on every stock-day, minute by minute."""
    total = 0.0
    for row in range(len(opens)):
        bought, high, low, close = opens[row][_BOUGHT], highs[row], lows[row], closes[row]
        for stop, target, longest in rules:
            lower, upper = bought * stop, bought * target
            last = int(min(_BOUGHT + longest, len(close))) - 1
            sold = close[last]
            for minute in range(_BOUGHT, last + 1):
                if low[minute] <= lower:
                    sold = lower
                    break
                if high[minute] >= upper:
                    sold = upper
                    break
            total += sold - bought
    return total


def numpy(opens: Any, highs: Any, lows: Any, closes: Any, rules: Rules) -> float:
    """Play all sets at once, stock-day by stock-day."""
    stops, targets, longest = (np.array(column) for column in zip(*rules, strict=True))
    total = 0.0
    for row in range(len(opens)):
        bought, close = opens[row][_BOUGHT], closes[row]
        top, bottom = np.maximum.accumulate(highs[row][_BOUGHT:]), np.minimum.accumulate(lows[row][_BOUGHT:])
        stopped, reached = np.searchsorted(-bottom, -bought * stops), np.searchsorted(top, bought * targets)
        last = np.minimum(longest, len(top)) - 1
        sold = np.where(reached <= last, bought * targets, close[_BOUGHT + last])
        sold = np.where(stopped <= np.minimum(reached, last), bought * stops, sold)
        total += float((sold - bought).sum())
    return total


def numba() -> Play | None:
    """Return the plain loop compiled by numba; None if numba is not installed."""
    try:
        compiled = import_module("numba").njit(plain)
    except ImportError:
        return None

    def play(opens: Any, highs: Any, lows: Any, closes: Any, rules: Rules) -> float:
        return float(compiled(opens, highs, lows, closes, np.array(rules)))

    return play if _compiles(play) else None


def _compiles(play: Play) -> bool:
    """Compile before anything is measured."""
    nothing = np.ones((1, _BOUGHT + 1))
    return play(nothing, nothing, nothing, nothing, [(0.9, 1.1, 1)]) == 0.0
