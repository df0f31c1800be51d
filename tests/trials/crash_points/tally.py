"""The totals of all plots, printed at the end of a module's tests."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Plots, the crossings in them, the cases that were played and those with faults."""

    of: str
    what: str
    points: dict[str, int] = field(default_factory=dict)
    cases: int = 0
    broken: int = 0

    def add(self, plot: str, *, crossings: int, cases: int, broken: int) -> None:
        """Count one plot."""
        self.points[plot] = crossings
        self.cases += cases
        self.broken += broken

    def __str__(self) -> str:
        return (
            f"\n{len(self.points)} {self.of}, {sum(self.points.values())} crossings in them, "
            f"{self.cases} {self.what} played, {self.broken} days with a violation"
        )


def a_tally(of: str, what: str = "deaths") -> Iterator[Tally]:
    """Yield a tally and print it at the end."""
    tally = Tally(of, what)
    yield tally
    if tally.points:
        sys.stdout.write(f"{tally}\n")
