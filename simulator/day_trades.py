"""Purchases and sales of one account, stock and day, with costs: the source of realised profit and loss."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from simulator.krx.costs import Costs
from simulator.krx.units import Side, Symbol, Won


@dataclass(slots=True)
class DayTrade:
    """Trades of one stock on one day. Amounts in won; ``sold_cost`` is the moving-average cost of the shares sold."""

    day: date
    symbol: Symbol
    bought: int = 0
    buy_amount: int = 0
    buy_fee: int = 0
    sold: int = 0
    sell_amount: int = 0
    sell_fee: int = 0
    tax: int = 0
    sold_cost: int = 0

    def add(self, side: Side, quantity: int, amount: int, costs: Costs, cost_of_sold: int) -> None:
        """Add a fill and the costs that it adds to the day."""
        if side is Side.BUY:
            self.bought += quantity
            self.buy_amount += amount
            self.buy_fee += costs.commission
            return
        self.sold += quantity
        self.sell_amount += amount
        self.sell_fee += costs.commission
        self.tax += costs.tax
        self.sold_cost += cost_of_sold

    def amount_of(self, side: Side) -> Won:
        """Return the amount bought or sold so far."""
        return Won(self.buy_amount if side is Side.BUY else self.sell_amount)

    @property
    def fee(self) -> int:
        """Return the commission of both sides."""
        return self.buy_fee + self.sell_fee

    @property
    def realised(self) -> int:
        """Return sales less their average cost and the day's costs. Over a flat period this equals the cash earned."""
        return self.sell_amount - self.sold_cost - self.fee - self.tax


_EVERY_STOCK: Final = Symbol("")


def sum_of(trades: Iterable[DayTrade], day: date) -> DayTrade:
    """Return the sum of several trades under one date."""
    total = DayTrade(day, _EVERY_STOCK)
    for trade in trades:
        for name in ("bought", "buy_amount", "buy_fee", "sold", "sell_amount", "sell_fee", "tax", "sold_cost"):
            setattr(total, name, getattr(total, name) + getattr(trade, name))
    return total
