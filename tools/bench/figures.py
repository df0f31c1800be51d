"""A measured figure: all its values, their summary, its floor and its aim."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One result row. ``floor`` is the median of the floor measured in the same run."""

    bench: str
    name: str
    unit: str
    values: tuple[float, ...]
    floor: float | None = None
    aim: float | None = None
    """Upper limit for the median, if the design defines one."""

    @property
    def median(self) -> float | None:
        """Return the median, or None without values."""
        return median(self.values) if self.values else None

    def quantile(self, share: float) -> float | None:
        """Return the value that a share of all values does not exceed (nearest rank)."""
        if not self.values:
            return None
        return sorted(self.values)[max(math.ceil(share * len(self.values)) - 1, 0)]

    @property
    def ratio(self) -> float | None:
        """Return median ÷ floor."""
        return self.median / self.floor if self.floor and self.median is not None else None

    def to_json(self) -> dict[str, Any]:
        """Return the figure as JSON values."""
        return {
            "bench": self.bench,
            "name": self.name,
            "unit": self.unit,
            "n": len(self.values),
            "median": self.median,
            "p95": self.quantile(0.95),
            "p99": self.quantile(0.99),
            "max": max(self.values, default=None),
            "ratio": self.ratio,
            "aim": self.aim,
            "values": list(self.values),
        }


@contextmanager
def timed(into: list[float]) -> Iterator[None]:
    """Append the block's duration in milliseconds."""
    began = time.perf_counter()
    yield
    into.append((time.perf_counter() - began) * 1000)


def shown(value: float | None) -> str:
    """Format a number with three significant digits."""
    if value is None:
        return "–"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(2 - math.floor(math.log10(abs(value))), 0)}f}"


HEAD: tuple[str, ...] = ("bench", "what", "unit", "n", "median", "p95", "p99", "max", "× floor", "aim")


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    lines = [_row(HEAD), _row(["---"] * 3 + ["--:"] * (len(HEAD) - 3))]
    return "\n".join(lines + [_row(_cells(figure)) for figure in figures])


def _cells(figure: Figure) -> list[str]:
    numbers = [figure.median, figure.quantile(0.95), figure.quantile(0.99), max(figure.values, default=None)]
    ratio = "–" if figure.ratio is None else f"{figure.ratio:.2f}"
    aim = "–" if figure.aim is None else f"≤ {shown(figure.aim)}"
    return [figure.bench, figure.name, figure.unit, str(len(figure.values)), *map(shown, numbers), ratio, aim]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
