"""The parts of a day's profit and loss statement: the broker's figures, ours, and the lines that compare them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from domain.identity import PositionId
from domain.market import Market, Symbol
from domain.money import NO_WON, Quantity, Rate, Won
from domain.order import BrokerOrder, OrderRecord
from domain.position import ClosedTrade
from domain.session import SessionDate

WHOLE_ACCOUNT: Final = Symbol("")
"""The symbol of the lines for all stocks together."""


class Figure(StrEnum):
    """A statement's figures for a stock on a day, in won."""

    BOUGHT = "bought"
    SOLD = "sold"
    COMMISSION = "commission"
    TAX = "tax"
    REALISED = "realised"
    REALISED_TODAY = "realised_today"  # the same figure from the broker's other statement


class Name(StrEnum):
    """Why the broker's figure differs from ours."""

    FOREIGN_TRADES = "foreign_trades"  # orders that are not ours
    ROUNDING = "rounding"  # ten won per stock and side for the commission, whole won for the taxes
    COMMISSION_RATE = "commission_rate"  # a rate that differs in its last digits from the configured rate
    CARRIED = "carried"  # bought or sold on another day than the trade's booking date
    OWNERS_COST = "owners_cost"  # our shares and the owner's have one average cost, which only the broker knows
    INTEREST = "interest"
    COSTS_LEFT_OUT = "costs_left_out"  # the broker's profit is before commission and tax
    STOCKS = "unexplained_stocks"  # already unexplained in the lines of single stocks


@dataclass(frozen=True, slots=True)
class StatedStock:
    """The broker's figures for one stock, or for all, on a day: won and shares."""

    bought: Won = NO_WON
    sold: Won = NO_WON
    commission: Won = NO_WON
    tax: Won = NO_WON
    realised: Won = NO_WON
    interest: Won = NO_WON
    bought_quantity: Quantity = Quantity(0)
    sold_quantity: Quantity = Quantity(0)


@dataclass(frozen=True, slots=True)
class Stated:
    """A broker's statement of a day. ``today`` is the realised profit by its statement of today, if requested."""

    stocks: Mapping[Symbol, StatedStock]
    day: StatedStock
    today: Won | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of one stock in both books, in won; the part of the difference not ``named`` is ``unexplained``."""

    symbol: Symbol
    figure: Figure
    ledger: Won
    broker: Won
    named: dict[str, Won] = field(default_factory=dict)

    @property
    def difference(self) -> Won:
        """Return the broker's figure minus the ledger's."""
        return Won(self.broker - self.ledger)

    @property
    def unexplained(self) -> Won:
        """Return the part of the difference without a name."""
        return Won(self.difference - sum(self.named.values()))


@dataclass(frozen=True, slots=True)
class Held:
    """One of our positions with its total purchases: shares and won."""

    position_id: PositionId
    symbol: Symbol
    market: Market
    opened_on: SessionDate
    bought: Quantity
    cost: Won


@dataclass(frozen=True, slots=True)
class BookedDay:
    """A session in our books: its own orders, the trades it closed, their positions, and what is not ours.

    ``owned_before`` are the shares that the account's owner held before the session; ``commission`` is our rate.
    """

    date: SessionDate
    orders: Sequence[OrderRecord]
    trades: Sequence[ClosedTrade]
    positions: Sequence[Held]
    foreign: Sequence[BrokerOrder]
    owned_before: Mapping[Symbol, Quantity]
    commission: Rate


def line_in_words(line: Line) -> str:
    """Return one line with both books' figures, in won, and the explanation of the difference."""
    names = [f"{won:+,} {name.replace('_', ' ')}" for name, won in line.named.items()]
    names += [f"{line.unexplained:+,} UNEXPLAINED"] if line.unexplained else []
    about = f"{line.symbol or 'account'} {line.figure.replace('_', ' ')}"
    return f"{about}: ledger {line.ledger:,}, broker {line.broker:,}" + (f" ({', '.join(names)})" if names else "")
