"""When the markets beside the regular session take orders and trade (krx-market §1.1)."""

from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

from domain.clock import KST
from domain.money import Price
from domain.session import Session
from domain.tick_size import round_down, round_up
from simulator.order_types import Board

AFTER_MARKET_SINCE: Final = date(2026, 9, 14)
"""From this date the after-market takes the place of the single-price session."""

_PRE_OPEN: Final = (timedelta(minutes=-30), timedelta(minutes=-20))
_POST_CLOSE: Final = (timedelta(), timedelta(minutes=10), timedelta(minutes=30))
_SINGLE_PRICE: Final = (timedelta(minutes=30), timedelta(minutes=150))
_SINGLE_PRICE_PERCENT: Final = 10
_AFTER_MARKET_ENDS: Final = time(20)


class Window(NamedTuple):
    """The hours of one market on one day, aware UTC; ``until`` is exclusive, and what is left then is cancelled."""

    orders_from: datetime
    trades_from: datetime
    until: datetime


def window_of(board: Board, session: Session) -> Window | None:
    """Return a market's hours on the day of a session, None when it does not exist that day."""
    opens, ends = session.opens_at, session.ends_at
    match board:
        case Board.REGULAR:
            return Window(opens + _PRE_OPEN[0], opens, ends)
        case Board.PRE_OPEN:
            return Window(opens + _PRE_OPEN[0], opens + _PRE_OPEN[0], opens + _PRE_OPEN[1])
        case Board.POST_CLOSE:
            return Window(ends + _POST_CLOSE[0], ends + _POST_CLOSE[1], ends + _POST_CLOSE[2])
        case Board.SINGLE_PRICE if session.date < AFTER_MARKET_SINCE:
            return Window(ends + _SINGLE_PRICE[0], ends + _SINGLE_PRICE[0], ends + _SINGLE_PRICE[1])
        case Board.AFTER_MARKET if session.date >= AFTER_MARKET_SINCE:
            begins = ends + _SINGLE_PRICE[0]
            return Window(
                begins, begins, datetime.combine(session.date, _AFTER_MARKET_ENDS, KST).astimezone(ends.tzinfo)
            )
    return None


def single_price_limits(close: Price) -> tuple[Price, Price]:
    """Return the bounds (won) of the single-price session: ten percent around the close."""
    width = close * _SINGLE_PRICE_PERCENT // 100
    return round_up(close - width), round_down(close + width)


def open_board(session: Session, at: datetime) -> Board | None:
    """Return the market beside the regular one that takes orders at a market instant."""
    for board in Board:
        window = window_of(board, session)
        if board is not Board.REGULAR and window and window.orders_from <= at < window.until:
            return board
    return None
