"""The account owner's manual trades, split into their own shares and shares of ours that they sold."""

from collections import Counter
from dataclasses import dataclass, field

from domain.costs import BANKIS_COMMISSION, cost_rates, day_costs
from domain.market import Market, Side, Symbol
from domain.money import Won
from domain.session import SessionDate
from verifier.books import BrokerBook, BrokerRow


@dataclass(frozen=True, slots=True)
class Flow:
    """Cash flow (won) of an owner's order, or of the part of it that concerns the owner's or our shares."""

    symbol: Symbol
    won: int


@dataclass(frozen=True, slots=True)
class Owner:
    """Shares by symbol. ``own`` are the owner's own cash flows; ``for_us`` those of sold shares of ours."""

    holds: Counter[Symbol] = field(default_factory=Counter)
    took: Counter[Symbol] = field(default_factory=Counter)
    own: tuple[Flow, ...] = ()
    for_us: tuple[Flow, ...] = ()


def owner_of(broker: BrokerBook) -> Owner:
    """Process the owner's orders in sequence: a sale takes the owner's shares first, then ours."""
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
    """Return the cash flow (won) of some shares of a sale, with costs rounded as for an order of their own."""
    if shares in (0, row.filled):
        return row.flow if shares else 0
    brought = Won(row.amount * shares // row.filled)
    rates = cost_rates(SessionDate(row.day), BANKIS_COMMISSION)
    return brought - day_costs(Side.SELL, brought, Market.KOSPI, rates).total
