"""Whether a list of stocks knew how the day would go: those on it rose more than those that it left out."""

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from statistics import fmean, stdev
from typing import Final

from domain.bar import DailyBar
from domain.market import Symbol

_LEAST_SESSIONS: Final = 20
_LEAST_STOCKS: Final = 3
"""Stocks on the list and beside it that a session needs to be compared."""
_LEAST_RISE: Final = 0.0020
_LEAST_T: Final = 3.0
"""Standard errors by which the rise differs from 0 before it is no chance."""


def moves_of(daily: Mapping[Symbol, Sequence[DailyBar]]) -> dict[date, dict[Symbol, float]]:
    """Return the change of each stock from open to close, by session."""
    found: dict[date, dict[Symbol, float]] = {}
    for symbol, bars in daily.items():
        for bar in bars:
            if bar.open > 0 and bar.volume:
                found.setdefault(bar.date, {})[symbol] = bar.close / bar.open - 1
    return found


def hindsight(moves: Mapping[date, Mapping[Symbol, float]], listed: Mapping[date, Collection[Symbol]]) -> str:
    """Return by how much the listed stocks rose more than the others; empty if chance or nothing explains it."""
    more = []
    for day, symbols in listed.items():
        of_day = moves.get(day, {})
        on = [of_day[each] for each in symbols if each in of_day]
        off = [move for symbol, move in of_day.items() if symbol not in symbols]
        if min(len(on), len(off)) >= _LEAST_STOCKS:
            more.append(fmean(on) - fmean(off))
    if len(more) < _LEAST_SESSIONS:
        return ""
    mean, error = fmean(more), stdev(more) / math.sqrt(len(more))
    if mean < _LEAST_RISE or mean < _LEAST_T * error:
        return ""
    return (
        f"the listed stocks rose {mean * 10_000:.0f} bp more from open to close than the other stored ones in "
        f"{len(more):,} sessions: the list knew the day"
    )
