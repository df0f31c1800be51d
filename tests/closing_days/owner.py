"""What the account's owner did by hand, told apart: his own shares, and ours that he sold in our stead."""

from collections import Counter
from dataclasses import dataclass, field

from domain.market import Side, Symbol
from verifier.books import BrokerBook, BrokerRow


@dataclass(frozen=True, slots=True)
class Owner:
    """Shares by symbol. ``own`` are the orders for himself; ``for_us`` those that sold shares of ours."""

    holds: Counter[Symbol] = field(default_factory=Counter)
    took: Counter[Symbol] = field(default_factory=Counter)
    own: tuple[BrokerRow, ...] = ()
    for_us: tuple[BrokerRow, ...] = ()


def owner_of(broker: BrokerBook) -> Owner:
    """Read the owner's orders in their sequence: he sells what is his first, and then what is ours.

    Raises:
        ValueError: one order sold both, so that its won cannot be told apart.
    """
    holds, took = Counter[Symbol](), Counter[Symbol]()
    own, for_us = list[BrokerRow](), list[BrokerRow]()
    for row in sorted((each for each in broker.orders if each.by_hand), key=lambda each: (each.placed_at, each.number)):
        if row.side is Side.BUY or holds[row.symbol] >= row.filled:
            holds[row.symbol] += row.filled if row.side is Side.BUY else -row.filled
            own.append(row)
        elif holds[row.symbol]:
            raise ValueError(f"{row} sold shares of the owner's and of ours")
        else:
            took[row.symbol] += row.filled
            for_us.append(row)
    return Owner(holds, took, tuple(own), tuple(for_us))
