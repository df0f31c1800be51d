"""Between broker and exchange: what the broker has accepted and the exchange has not seen yet."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from simulator.orders import Order


class Way(NamedTuple):
    """How a request reaches the exchange: after ``late`` (market seconds), and what happens to it there.

    ``rejected``: the exchange rejects a new order. ``beaten``: shares of the original that fill just before its cancel.
    ``on_margin``: live buys reserve nothing, and a buy may cost more than the cash. ``queued``: a limit order waits
    behind the shares that rest at its price. ``moves_price``: the price goes on from the order's last fill.
    """

    late: float = 0.0
    rejected: bool = False
    beaten: int = 0
    on_margin: bool = False
    queued: bool = False
    moves_price: bool = False

    @property
    def is_direct(self) -> bool:
        """Return whether acceptance by the broker and by the exchange are one event."""
        return not self.late and not self.beaten

    def due(self, at: datetime) -> datetime:
        """Return when a request of a market instant reaches the exchange."""
        return (at + timedelta(seconds=self.late)).replace(microsecond=0)

    def to_json(self) -> dict[str, Any]:
        """Return the values that differ from the straight way, for the journal."""
        return {name: value for name, value in self._asdict().items() if value}


STRAIGHT: Final = Way()


@dataclass(frozen=True, slots=True)
class Passage:
    """A new order, or a cancel's row with the order that it cancels, due at the exchange at a market instant."""

    due: datetime
    row: Order
    way: Way
    original: Order | None = None


class Underway:
    """The passages of all accounts."""

    def __init__(self) -> None:
        self._passages: list[Passage] = []

    def add(self, passage: Passage) -> None:
        """Put a passage on its way."""
        self._passages.append(passage)

    def take_due(self, at: datetime) -> list[Passage]:
        """Remove and return what has reached the exchange by a market instant, in the order of arrival."""
        due = sorted((each for each in self._passages if each.due <= at), key=lambda each: each.due)
        if due:
            self._passages = [each for each in self._passages if each.due > at]
        return due

    def concerns(self, order: Order) -> bool:
        """Return whether the order itself or its cancel has not reached the exchange yet."""
        return any(order is each.row or order is each.original for each in self._passages)
