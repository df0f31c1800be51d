"""The broker's own statement of profit and loss, to compare with ours. Amounts in won, KST dates."""

from dataclasses import dataclass

from domain.market import Symbol
from domain.money import Quantity, Won
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class DayProfit:
    """One day's trades of the account. ``realised`` is the broker's own figure, after the costs that it deducts."""

    date: SessionDate
    bought: Won
    sold: Won
    realised: Won
    commission: Won
    tax: Won
    interest: Won


@dataclass(frozen=True, slots=True)
class StockProfit:
    """The same for one stock on one day, with the traded shares."""

    symbol: Symbol
    name: str
    bought_quantity: Quantity
    sold_quantity: Quantity
    day: DayProfit


@dataclass(frozen=True, slots=True)
class ProfitToday:
    """Today so far: realised by sales, and the holdings' value above their cost."""

    realised: Won
    unrealised: Won
