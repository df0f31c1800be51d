"""What the broker tells by itself, and for which stocks it is asked to."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from domain.market import Quote, Side, Symbol
from domain.money import Price, Quantity


class NoticeKind(StrEnum):
    """What a notice says has become of one of our orders."""

    ACCEPTED = "accepted"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class OrderNotice:
    """Word of an order of the account: a reason to look at the order list, never booked by itself.

    ``quantity`` in shares and ``price`` in won are those of this notice alone: of one fill, or of the whole order.
    ``original`` is the order that a cancel withdraws.
    """

    kind: NoticeKind
    symbol: Symbol
    side: Side
    number: str
    original: str | None
    quantity: Quantity
    price: Price


@dataclass(frozen=True, slots=True)
class Garbled:
    """Something came that could not be read; ``why`` does not tell its content."""

    why: str


@dataclass(frozen=True, slots=True)
class Covered:
    """The stocks that the stream speaks for now: of these, silence means that nothing has changed."""

    symbols: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Prices and notices may have been missed: whoever relies on them must ask."""


News = Quote | OrderNotice | Garbled | Covered | Gap
"""What one process tells the others of the stream."""


@dataclass(frozen=True, slots=True)
class Interest:
    """The stocks that somebody wants to hear of, each group in the sequence of its urgency."""

    held: tuple[Symbol, ...] = ()
    """With an open position of the account, whichever process watches it."""
    candidates: tuple[Symbol, ...] = ()


def registrations(interest: Interest, registered: Iterable[Symbol], most: int) -> tuple[Symbol, ...]:
    """Return at most ``most`` stocks to be registered: what is held first, then candidates.

    A candidate that is registered already keeps its place, so that two of equal rank do not take turns.
    """
    kept = set(registered)
    faithful = sorted(interest.candidates, key=lambda symbol: symbol not in kept)
    return tuple(dict.fromkeys((*interest.held, *faithful)))[: max(most, 0)]
