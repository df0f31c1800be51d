"""The capabilities of each KIS service, as data (docs/kis.md §4): the paper service lacks several calls."""

from dataclasses import dataclass
from typing import Final

from domain.identity import Environment
from domain.order import OrderType

MOST_SYMBOLS: Final = 30
"""Stocks in one intstock-multprice call."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The calls that a service supports, each with the fallback if it does not."""

    many_prices: bool
    """Thirty stocks per call, with best bid and ask; else one by one without, and the buyer requests the book."""
    most_stocks_per_scan: int | None
    """How many stocks a scan prices before the first price is stale; the rest of the universe follows later."""
    ranking: bool
    """The most traded stocks; else none, and the universe is only the operator's list."""
    indices: bool
    """The level of KOSPI and KOSDAQ; else the answer is None, and a strategy sees no index."""
    holidays: bool
    """The exchange's own calendar; else the answer is None, and only the project's calendar applies."""
    open_orders: bool
    """Orders that can still be cancelled, as a third source about a lost order; else list and balance decide."""
    profits: bool
    """Profit, fees and taxes as KIS computes them; else the answer is None, and costs are estimated."""
    orders_per_call: int
    """Rows per page of the order list."""
    evening_orders: frozenset[OrderType]
    """Order types of the markets after the regular session; else shares unsold at the close are carried."""
    listed_exchanges: str
    """``EXCG_ID_DVSN_CD`` of the order list: it must include orders routed by SOR or placed manually on NXT."""


_REAL: Final = Capabilities(
    many_prices=True,
    most_stocks_per_scan=None,
    ranking=True,
    indices=True,
    holidays=True,
    open_orders=True,
    profits=True,
    orders_per_call=100,
    evening_orders=frozenset({OrderType.POST_CLOSE, OrderType.AFTER_MARKET}),
    listed_exchanges="ALL",
)

CAPABILITIES: Final = {
    Environment.LIVE: _REAL,
    Environment.SIMULATED: _REAL,
    Environment.PAPER: Capabilities(
        many_prices=False,
        most_stocks_per_scan=3,
        ranking=False,
        indices=False,
        holidays=False,
        open_orders=False,
        profits=False,
        orders_per_call=15,
        evening_orders=frozenset(),
        listed_exchanges="KRX",
    ),
}
"""The balance contains the data of ``inquire-psbl-sell`` (real only), so it is not called: see ``Holding.sellable``."""
