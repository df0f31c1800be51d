"""The broker's order notices of late: whoever looks for an order is woken by them, and may ask what they spoke of."""

import asyncio
from collections import deque
from datetime import datetime
from typing import Final

from activities.market.bells import Bells
from domain.market import Side, Symbol
from domain.money import Quantity, Won, notional
from domain.session import SessionDate, session_date_of
from domain.stream import NoticeKind, OrderNotice

_REMEMBERED: Final = 200
_ROUND: Final = 1.0
"""Real seconds between two rings for what could not be read: who follows an order looks every half second anyway."""


class OrderNotices(Bells):
    """Bells that remember the last notices: one proves that its order exists, whatever a list says."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: deque[tuple[datetime, OrderNotice]] = deque(maxlen=_REMEMBERED)
        self._rings_again_at = 0.0

    def hear(self, notice: OrderNotice, at: datetime) -> None:
        """Remember a notice that was heard at a market instant, and wake those who wait for news of its stock."""
        self._heard.append((at, notice))
        self.ring(notice.symbol)

    def hear_garbled(self) -> None:
        """Wake all, once a round: what could not be read may have been a notice, and mostly it is one tick of many."""
        now = asyncio.get_running_loop().time()
        if now >= self._rings_again_at:
            self._rings_again_at = now + _ROUND
            self.ring_all()

    def numbers_heard(self, symbol: Symbol, side: Side, session_date: SessionDate) -> frozenset[str]:
        """Return the orders that a day's notices spoke of; that of a cancel is the one it withdraws.

        They are told apart by day, never by time: the intent was decided by the clock of another machine.
        """
        return frozenset(
            notice.original or notice.number
            for at, notice in self._heard
            if session_date_of(at) == session_date and (notice.symbol, notice.side) == (symbol, side)
        )

    def fills_heard(self, number: str, symbol: Symbol, side: Side, session_date: SessionDate) -> tuple[Quantity, Won]:
        """Return the shares and won that a day's notices told as filled of an order."""
        fills = [
            notice
            for at, notice in self._heard
            if session_date_of(at) == session_date
            and (notice.kind, notice.number) == (NoticeKind.FILLED, number)
            and (notice.symbol, notice.side) == (symbol, side)
        ]
        won = sum(notional(notice.price, notice.quantity) for notice in fills)
        return Quantity(sum(notice.quantity for notice in fills)), Won(won)
