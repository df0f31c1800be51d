"""KIS's order types (``ORD_DVSN``): pricing, lifetime and market of each."""

from enum import StrEnum
from typing import Final


class OrderType(StrEnum):
    """``ORD_DVSN`` codes that the simulator trades."""

    LIMIT = "00"
    MARKET = "01"
    CONDITIONAL_LIMIT = "02"
    BEST_LIMIT = "03"
    PRIORITY_LIMIT = "04"
    PRE_OPEN_CLOSE = "05"
    POST_CLOSE = "06"
    SINGLE_PRICE = "07"
    LIMIT_IOC = "11"
    LIMIT_FOK = "12"
    MARKET_IOC = "13"
    MARKET_FOK = "14"
    BEST_IOC = "15"
    BEST_FOK = "16"
    MID_PRICE = "21"
    STOP_LIMIT = "22"
    MID_IOC = "23"
    MID_FOK = "24"
    EVENING_LIMIT = "41"
    EVENING_LIMIT_IOC = "42"
    EVENING_LIMIT_FOK = "43"
    EVENING_BEST = "44"
    EVENING_BEST_IOC = "45"
    EVENING_BEST_FOK = "46"
    EVENING_PRIORITY = "47"


class Board(StrEnum):
    """A separate market within the day, with its own hours."""

    REGULAR = "regular"
    PRE_OPEN = "pre_open"
    POST_CLOSE = "post_close"
    SINGLE_PRICE = "single_price"
    AFTER_MARKET = "after_market"


MARKET_TYPES: Final = frozenset({OrderType.MARKET, OrderType.MARKET_IOC, OrderType.MARKET_FOK})
BEST_TYPES: Final = frozenset(map(OrderType, ("03", "15", "16", "44", "45", "46")))
LIMIT_TYPES: Final = frozenset(map(OrderType, ("00", "02", "07", "11", "12", "22", "41", "42", "43")))
MID_TYPES: Final = frozenset({OrderType.MID_PRICE, OrderType.MID_IOC, OrderType.MID_FOK})
IMMEDIATE_TYPES: Final = frozenset(
    map(OrderType, ("11", "12", "13", "14", "15", "16", "23", "24", "42", "43", "45", "46"))
)
FILL_OR_KILL_TYPES: Final = frozenset(map(OrderType, ("12", "14", "16", "24", "43", "46")))
AUCTION_TYPES: Final = frozenset({OrderType.LIMIT, OrderType.MARKET})
PAPER_TYPES: Final = frozenset(map(OrderType, ("00", "01", "02", "03", "04")))
_BOARDS: Final = {
    OrderType.PRE_OPEN_CLOSE: Board.PRE_OPEN,
    OrderType.POST_CLOSE: Board.POST_CLOSE,
    OrderType.SINGLE_PRICE: Board.SINGLE_PRICE,
    **{kind: Board.AFTER_MARKET for kind in OrderType if kind.value >= "41"},
}


def board_of(kind: OrderType) -> Board:
    """Return the market in which a type trades."""
    return _BOARDS.get(kind, Board.REGULAR)
