"""Returns of single trades in basis points, and their distribution."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median, pstdev
from typing import Any, Final

from domain.position import ClosedTrade

_WIDTHS: Final = (1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""Widths of a bin in basis points."""
_MOST_BINS: Final = 30


def returns_of(trades: Sequence[ClosedTrade]) -> list[float]:
    """Return the net results in basis points of the entry amounts, unrounded; trades without an amount have none."""
    return [trade.net_pnl * 10_000 / trade.entry_amount for trade in trades if trade.entry_amount]


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile of at least one value, with linear interpolation between the two nearest."""
    ordered, place = sorted(values), share * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def distribution(values: Sequence[float]) -> dict[str, Any] | None:
    """Return bins of equal width with an edge at zero, and the figures of the distribution; None without values.

    A value on an edge belongs to the bin above it. The bins cover all but the most extreme hundredth on each side;
    those values belong to the outermost bins, which are open: their outer edge is None.
    """
    if not values:
        return None
    low, high = quantile(values, 0.01), quantile(values, 0.99)
    width = next((each for each in _WIDTHS if high // each - low // each < _MOST_BINS), _WIDTHS[-1])
    first, last = int(low // width), int(high // width)
    counts = [0] * (last - first + 1)
    for value in values:
        counts[min(max(int(value // width), first), last) - first] += 1
    edges = [place * width for place in range(first, last + 2)]
    bins: list[dict[str, int | None]] = [
        {"from": begin, "to": end, "count": count} for (begin, end), count in zip(pairwise(edges), counts, strict=True)
    ]
    if min(values) < edges[0]:
        bins[0]["from"] = None
    if max(values) >= edges[-1]:
        bins[-1]["to"] = None
    return {"width": width, "bins": bins, **_figures(values)}


def _figures(values: Sequence[float]) -> dict[str, float]:
    found = {
        "mean": fmean(values),
        "median": median(values),
        "deviation": pstdev(values),
        "p05": quantile(values, 0.05),
        "p95": quantile(values, 0.95),
        "worst": min(values),
        "best": max(values),
    }
    return {name: round(value, 1) for name, value in found.items()}
