"""What a day's statement of profit and loss is made of: the broker's figures, ours, and the lines between them."""

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
"""The symbol of the lines about all stocks together."""


class Figure(StrEnum):
    """What a statement tells of a stock on a day, in won."""

    BOUGHT = "bought"
    SOLD = "sold"
    COMMISSION = "commission"
    TAX = "tax"
    REALISED = "realised"
    REALISED_TODAY = "realised_today"  # the broker's other statement of the same


class Name(StrEnum):
    """Why the broker's figure is another than ours."""

    FOREIGN_TRADES = "foreign_trades"  # orders that are none of ours
    ROUNDING = "rounding"  # ten won a stock and side for the commission, whole won for the taxes
    COMMISSION_RATE = "commission_rate"  # a rate that differs in its last digits from the one that is set
    CARRIED = "carried"  # bought or sold on another day than the trade is booked on
    OWNERS_COST = "owners_cost"  # shares of ours and of the owner's have one average cost, which the broker alone knows
    INTEREST = "interest"
    COSTS_LEFT_OUT = "costs_left_out"  # the broker's profit is before commission and tax
    STOCKS = "unexplained_stocks"  # what the lines of single stocks leave unexplained already


@dataclass(frozen=True, slots=True)
class StatedStock:
    """What the broker says of one stock, or of all, on a day: won and shares."""

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
    """A broker's statement of a day. ``today`` is the realised profit by its statement of today, where it was asked."""

    stocks: Mapping[Symbol, StatedStock]
    day: StatedStock
    today: Won | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of one stock by both books, in won; what is not ``named`` of the difference is ``unexplained``."""

    symbol: Symbol
    figure: Figure
    ledger: Won
    broker: Won
    named: dict[str, Won] = field(default_factory=dict)

    @property
    def difference(self) -> Won:
        """Return how much more the broker says."""
        return Won(self.broker - self.ledger)

    @property
    def unexplained(self) -> Won:
        """Return what no name explains."""
        return Won(self.difference - sum(self.named.values()))


@dataclass(frozen=True, slots=True)
class Held:
    """A position of ours with all that was ever bought of it: shares and won."""

    position_id: PositionId
    symbol: Symbol
    market: Market
    opened_on: SessionDate
    bought: Quantity
    cost: Won


@dataclass(frozen=True, slots=True)
class BookedDay:
    """A session by our books: its own orders, the trades it closed, their positions, and what is not ours.

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
    """Say on one line what both books show of a figure, in won, and what explains the difference."""
    names = [f"{won:+,} {name.replace('_', ' ')}" for name, won in line.named.items()]
    names += [f"{line.unexplained:+,} UNEXPLAINED"] if line.unexplained else []
    about = f"{line.symbol or 'account'} {line.figure.replace('_', ' ')}"
    return f"{about}: ledger {line.ledger:,}, broker {line.broker:,}" + (f" ({', '.join(names)})" if names else "")
