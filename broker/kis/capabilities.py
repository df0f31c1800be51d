"""What each KIS service can do, as data (docs/kis.md §4): the paper service lacks several calls."""

from dataclasses import dataclass
from typing import Final

from domain.identity import Environment
from domain.order import OrderType


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a service answers, and beside each what happens where it does not."""

    many_prices: bool
    """Thirty stocks a call, with best bid and ask; else one by one without, and whoever buys asks for the book."""
    most_stocks_per_scan: int | None
    """How many stocks a scan prices before the first price is old; the rest of the universe has its turn later."""
    ranking: bool
    """The most traded stocks; else none, and the universe is the operator's list alone."""
    holidays: bool
    """The exchange's own calendar; else None is answered, and the calendar of the project stands alone."""
    open_orders: bool
    """Orders that can still be cancelled, as a third witness of a lost order; else the list and the balance decide."""
    profits: bool
    """Profit, fees and taxes as KIS counts them; else None is answered, and costs are estimated."""
    orders_per_call: int
    """Rows of a page of the order list."""
    evening_orders: frozenset[OrderType]
    """Order types of the markets after the regular session; else what is unsold at the close is carried."""
    listed_exchanges: str
    """``EXCG_ID_DVSN_CD`` of the order list: orders routed by SOR or placed on NXT by hand must show too."""


_REAL: Final = Capabilities(
    many_prices=True,
    most_stocks_per_scan=None,
    ranking=True,
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
        holidays=False,
        open_orders=False,
        profits=False,
        orders_per_call=15,
        evening_orders=frozenset(),
        listed_exchanges="KRX",
    ),
}
"""What ``inquire-psbl-sell`` tells (real only) the balance tells too, so it is not asked: see ``Holding.sellable``."""
