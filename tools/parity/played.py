"""A played day as evidence: its books, the steps of its workflows, and when its workers scanned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from database.day_seen import PriceBar
from domain.identity import PositionId, WorkerId
from domain.money import Price
from domain.position import ClosedTrade
from lab.steps import Step
from verifier.books import Books


@dataclass(slots=True)
class Scans:
    """The instants (market time) by which each worker had finished a scan."""

    by_worker: dict[str, list[datetime]] = field(default_factory=dict)
    slowest: timedelta = timedelta(0)
    """The longest real time that one look at the counts took: how slow the machine was."""
    _counts: dict[str, int] = field(default_factory=dict)

    def note(self, at: datetime, counts: Mapping[str, int]) -> None:
        """Note how often each worker has scanned by an instant."""
        for name, count in counts.items():
            if count > self._counts.get(name, 0):
                self.by_worker.setdefault(name, []).append(at)
        self._counts |= counts


@dataclass(frozen=True, slots=True)
class Played:
    """One day, played in one of the two ways. ``scans`` is None where a scan takes place at every minute's start."""

    how: str
    books: Books
    steps: Sequence[Step]
    workers: tuple[WorkerId, ...]
    scans: Scans | None = None
    seen: tuple[PriceBar, ...] = ()
    """The prices that the watches on processes saw, by minute; a backtest does not write them."""

    def best_seen(self, position: PositionId, at: datetime) -> Price | None:
        """Return the best price that a position's watch had seen by an instant; None in a backtest, which sees all."""
        if self.scans is None:
            return None
        return max(
            (bar.high for bar in self.seen if bar.position_id == position and bar.minute <= at), default=Price(0)
        )

    @property
    def trades(self) -> tuple[ClosedTrade, ...]:
        return self.books.ledger.trades
