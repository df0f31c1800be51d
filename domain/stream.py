"""The broker's real-time messages, and the stocks to subscribe to."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.market import Quote, Side, Symbol
from domain.money import Price, Quantity

BESIDE_STOCKS: Final = 2
"""Registrations of a stream session that are no stocks: the order notices and the market's phases."""


class NoticeKind(StrEnum):
    """The event that a notice reports for one of our orders."""

    ACCEPTED = "accepted"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class OrderNotice:
    """A notice about an order of the account: it triggers a read of the order list, and is never booked itself.

    ``quantity`` in shares and ``price`` in won belong to this notice alone: to one fill, or to the whole order.
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
    """A message that could not be read; ``why`` does not contain its content."""

    why: str


@dataclass(frozen=True, slots=True)
class Covered:
    """The stocks that the stream covers now: for these, no message means no change."""

    symbols: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Prices and notices may have been lost: the consumers must poll."""


News = Quote | OrderNotice | Garbled | Covered | Gap
"""The stream's news that one process sends to the others."""


@dataclass(frozen=True, slots=True)
class Interest:
    """The stocks that a process wants news of, each group in order of urgency."""

    held: tuple[Symbol, ...] = ()
    """Stocks with an open position of the account, whichever process watches it."""
    candidates: tuple[Symbol, ...] = ()


def registrations(interest: Interest, registered: Iterable[Symbol], most: int) -> tuple[Symbol, ...]:
    """Return at most ``most`` stocks to subscribe to: held stocks first, then candidates.

    A candidate that is already subscribed keeps its place, so that two of equal rank do not alternate.
    """
    kept = set(registered)
    faithful = sorted(interest.candidates, key=lambda symbol: symbol not in kept)
    return tuple(dict.fromkeys((*interest.held, *faithful)))[: max(most, 0)]
