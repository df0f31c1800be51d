"""What a broker itself says about profit and loss, to compare ours with. Amounts in won, dates of Seoul."""

from dataclasses import dataclass

from domain.market import Symbol
from domain.money import Quantity, Won
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class DayProfit:
    """One day's trades of the account. ``realised`` is the broker's own figure, after what it counts as costs."""

    date: SessionDate
    bought: Won
    sold: Won
    realised: Won
    commission: Won
    tax: Won
    interest: Won


@dataclass(frozen=True, slots=True)
class StockProfit:
    """The same of one stock on one day, with the shares that changed hands."""

    symbol: Symbol
    name: str
    bought_quantity: Quantity
    sold_quantity: Quantity
    day: DayProfit


@dataclass(frozen=True, slots=True)
class ProfitToday:
    """Today so far: realised by sales, and what the holdings are worth above their cost."""

    realised: Won
    unrealised: Won
