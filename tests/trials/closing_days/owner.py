"""What the account's owner did by hand, told apart: his own shares, and ours that he sold in our stead."""

from collections import Counter
from dataclasses import dataclass, field

from domain.costs import BANKIS_COMMISSION, cost_rates, day_costs
from domain.market import Market, Side, Symbol
from domain.money import Won
from domain.session import SessionDate
from verifier.books import BrokerBook, BrokerRow


@dataclass(frozen=True, slots=True)
class Flow:
    """What an order of the owner's, or the part of it that is about one's shares, did to the cash (won)."""

    symbol: Symbol
    won: int


@dataclass(frozen=True, slots=True)
class Owner:
    """Shares by symbol. ``own`` is what moved for himself; ``for_us`` what sold shares of ours."""

    holds: Counter[Symbol] = field(default_factory=Counter)
    took: Counter[Symbol] = field(default_factory=Counter)
    own: tuple[Flow, ...] = ()
    for_us: tuple[Flow, ...] = ()


def owner_of(broker: BrokerBook) -> Owner:
    """Read the owner's orders in their sequence: he sells what is his first, and then what is ours."""
    holds, took = Counter[Symbol](), Counter[Symbol]()
    own, for_us = list[Flow](), list[Flow]()
    for row in sorted((each for each in broker.orders if each.by_hand), key=lambda each: (each.placed_at, each.number)):
        ours = 0 if row.side is Side.BUY else max(row.filled - holds[row.symbol], 0)
        holds[row.symbol] += row.filled if row.side is Side.BUY else ours - row.filled
        took[row.symbol] += ours
        part = _flow_of(row, ours)
        for_us.append(Flow(row.symbol, part))
        own.append(Flow(row.symbol, row.flow - part))
    return Owner(holds, took, tuple(own), tuple(for_us))


def _flow_of(row: BrokerRow, shares: int) -> int:
    """Return the part of a sale's won that some of its shares brought, costs rounded as for an order of its own."""
    if shares in (0, row.filled):
        return row.flow if shares else 0
    brought = Won(row.amount * shares // row.filled)
    rates = cost_rates(SessionDate(row.day), BANKIS_COMMISSION)
    return brought - day_costs(Side.SELL, brought, Market.KOSPI, rates).total
