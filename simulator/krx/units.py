"""Units and sides: plain integers and texts, so that the wire, the books and callers share one representation."""

from enum import StrEnum
from typing import TypeAlias

Won: TypeAlias = int
"""An amount of money in whole won."""

Price: TypeAlias = int
"""Won per share."""

Quantity: TypeAlias = int
"""A number of shares."""

Symbol: TypeAlias = str
"""A KRX short code: six characters, such as ``005930`` or ``0000J0``."""


class Side(StrEnum):
    """The side of an order."""

    BUY = "buy"
    SELL = "sell"


class Market(StrEnum):
    """The board a stock is listed on; it decides how the tax on sales is split."""

    KOSPI = "kospi"
    KOSDAQ = "kosdaq"


class Product(StrEnum):
    """A security that is no share: sold free of tax, on a price grid of its own."""

    ETF = "etf"
    ETN = "etn"


class TradingFlag(StrEnum):
    """A status of a stock that KIS reports (docs/krx.md §8)."""

    HALTED = "halted"
    ADMINISTRATIVE = "administrative"
    WARNED = "warned"
    LIQUIDATION_TRADING = "liquidation_trading"
    VOLATILITY_INTERRUPTION = "volatility_interruption"
    OVERHEATED = "overheated"
