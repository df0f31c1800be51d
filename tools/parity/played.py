"""A played day as evidence: its books, the steps of its workflows, and when its workers scanned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from domain.identity import WorkerId
from domain.position import ClosedTrade
from lab.steps import Step
from verifier.books import Books


@dataclass(slots=True)
class Scans:
    """The instants (market time) by which each worker had finished a scan."""

    by_worker: dict[str, list[datetime]] = field(default_factory=dict)
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

    @property
    def trades(self) -> tuple[ClosedTrade, ...]:
        return self.books.ledger.trades
