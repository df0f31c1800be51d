"""Fills that the broker's list showed too late for the ledger to book in time."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from domain.event_kind import EventKind
from domain.identity import PositionId
from domain.market import Side
from verifier.books import Books


@dataclass(frozen=True, slots=True)
class LateFill:
    """Shares of an order that were filled at the broker but booked only at an instant (UTC market time)."""

    side: Side
    shares: int
    booked_at: datetime


@dataclass(frozen=True, slots=True)
class LateFills:
    """The late fills of a session, by position."""

    by_position: dict[PositionId, list[LateFill]]

    def unknown_at(self, instant: datetime, position_id: PositionId, side: Side) -> int:
        """Return how many filled shares of the position's orders on a side the ledger did not know at an instant."""
        late = self.by_position.get(position_id, [])
        return sum(each.shares for each in late if each.side is side and each.booked_at > instant)


def late_fills(books: Books) -> LateFills:
    """Collect fills that the broker's list omitted and that the session's events report as booked late.

    A fill that the list showed and the ledger did not book in time is not late: the ledger could have known it.
    """
    records = {str(each.record.intent.intent_id): each.record for each in books.ledger.orders}
    found: defaultdict[PositionId, list[LateFill]] = defaultdict(list)
    for event in (each.event for each in books.ledger.events):
        record = records.get(str(event.detail.get("intent_id")))
        if event.kind == EventKind.MISSING_FILL_BOOKED and record is not None and record.ref is not None:
            row = books.row_of.get(record.ref.number)
            booked = int(event.detail["broker"]) - int(event.detail["ledger"])
            shares = min(booked, row.hidden if row else 0)
            found[record.intent.position_id].append(LateFill(record.intent.side, shares, event.at))
    return LateFills(dict(found))
