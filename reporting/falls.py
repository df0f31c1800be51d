"""Drawdown periods of daily results, and the monthly heat map."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate, groupby
from typing import Any

from domain.money import Won
from reporting.tables import percent


@dataclass(frozen=True, slots=True)
class Fall:
    """One drawdown: sessions below an earlier peak of the equity. ``depth`` is positive."""

    start: date
    """The first session that ends below the peak."""
    trough: date
    """The first session with the lowest equity."""
    recovery: date | None
    """The first session that ends at the peak or above; None if it has not recovered."""
    depth: Won
    sessions: int
    """Sessions from the start to the recovery, both included, or to the last session."""


def falls(daily: Sequence[tuple[date, Won]]) -> list[Fall]:
    """Return the drawdowns of daily net results, the deepest first. The equity starts at zero, which is a peak."""
    found: list[Fall] = []
    peak, below = 0, list[tuple[date, int]]()
    for day, equity in zip((day for day, _ in daily), accumulate(net for _, net in daily), strict=True):
        if equity < peak:
            below.append((day, equity))
            continue
        if below:
            found.append(_fall(below, peak, day))
        peak, below = equity, []
    if below:
        found.append(_fall(below, peak, None))
    return sorted(found, key=lambda fall: (-fall.depth, fall.start))


def _fall(below: Sequence[tuple[date, int]], peak: int, recovery: date | None) -> Fall:
    trough, lowest = min(below, key=lambda each: (each[1], each[0]))
    return Fall(below[0][0], trough, recovery, Won(peak - lowest), len(below) + (recovery is not None))


def fall_rows(daily: Sequence[tuple[date, Won]], capital: Won, most: int) -> list[dict[str, Any]]:
    """Return the deepest drawdowns as plain values: won, percent of the capital, sessions."""
    return [
        {
            "start": fall.start.isoformat(),
            "trough": fall.trough.isoformat(),
            "recovery": None if fall.recovery is None else fall.recovery.isoformat(),
            "depth": fall.depth,
            "depth_percent": percent(fall.depth, capital),
            "sessions": fall.sessions,
        }
        for fall in falls(daily)[:most]
    ]


def heat(daily: Sequence[tuple[date, Won]], capital: Won) -> list[dict[str, Any]]:
    """Return a row per year: twelve months and the year, each with net won and percent of the capital, or None.

    ``share`` is the part of the largest absolute month, from 0 to 1: the strength of the colour.
    """
    months = {key: Won(sum(net for _, net in found)) for key, found in groupby(daily, lambda each: _month(each[0]))}
    largest = max(map(abs, months.values()), default=0)

    def cell(net: Won) -> dict[str, Any]:
        return {"net": net, "percent": percent(net, capital), "share": round(abs(net) / largest, 2) if largest else 0}

    return [
        {
            "year": year,
            "months": [cell(months[year, month]) if (year, month) in months else None for month in range(1, 13)],
            "net": sum(net for (its, _), net in months.items() if its == year),
        }
        for year in sorted({year for year, _ in months})
    ]


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month
