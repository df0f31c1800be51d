"""Everything that a strategy of your own imports: ``from strategies.api import …``. These names stay stable."""

from domain.clock import KST, in_seoul
from domain.market import (
    BookLevel,
    DailyBar,
    DailyReference,
    IndexLevel,
    Market,
    MarketView,
    MinuteBar,
    OrderBook,
    PriceSample,
    Quote,
    Symbol,
)
from domain.money import Price, Quantity, Won, change_rate
from domain.position import OpenPosition
from domain.screening import ScreenedStock
from domain.strategy import EntrySignal
from strategies.entry_rule import EntryRule
from strategies.parameters import Parameters, Percent

__all__ = [
    "KST",
    "BookLevel",
    "DailyBar",
    "DailyReference",
    "EntryRule",
    "EntrySignal",
    "IndexLevel",
    "Market",
    "MarketView",
    "MinuteBar",
    "OpenPosition",
    "OrderBook",
    "Parameters",
    "Percent",
    "Price",
    "PriceSample",
    "Quantity",
    "Quote",
    "ScreenedStock",
    "Symbol",
    "Won",
    "change_rate",
    "in_seoul",
]
