"""Order and trading hours of the markets beside the regular session (docs/krx.md §1.1)."""

from datetime import datetime, timedelta
from typing import Final

from simulator.krx.prices import PriceGrid
from simulator.krx.sessions import AFTER_MARKET_SINCE, MarketHours, Session
from simulator.krx.units import Price
from simulator.order_types import Board

_PRE_OPEN: Final = (timedelta(minutes=-30), timedelta(minutes=-20))
_SINGLE_PRICE: Final = (timedelta(minutes=30), timedelta(minutes=150))
_SINGLE_PRICE_PERCENT: Final = 10


def window_of(board: Board, session: Session) -> MarketHours | None:
    """Return a market's hours on a session's day, or None if it does not exist on that day."""
    opens, ends = session.opens_at, session.ends_at
    match board:
        case Board.REGULAR:
            return MarketHours(opens + _PRE_OPEN[0], opens, ends)
        case Board.PRE_OPEN:
            return MarketHours(opens + _PRE_OPEN[0], opens + _PRE_OPEN[0], opens + _PRE_OPEN[1])
        case Board.POST_CLOSE:
            return session.post_close
        case Board.SINGLE_PRICE if session.date < AFTER_MARKET_SINCE:
            return MarketHours(ends + _SINGLE_PRICE[0], ends + _SINGLE_PRICE[0], ends + _SINGLE_PRICE[1])
        case Board.AFTER_MARKET:
            return session.after_market
    return None


def single_price_limits(close: Price, grid: PriceGrid) -> tuple[Price, Price]:
    """Return the price bounds (won) of the single-price session: ten percent around the close."""
    width = close * _SINGLE_PRICE_PERCENT // 100
    return grid.round_up(close - width), grid.round_down(close + width)


def open_board(session: Session, at: datetime) -> Board | None:
    """Return the market beside the regular one that accepts orders at a market instant, or None."""
    for board in Board:
        window = window_of(board, session)
        if board is not Board.REGULAR and window and window.orders_from <= at < window.until:
            return board
    return None
