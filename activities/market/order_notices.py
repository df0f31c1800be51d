"""Recent order notices of the broker: they wake followers of orders, and can be searched."""

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
"""Real seconds between two wake-ups for unreadable messages: followers check every half second anyway."""


class OrderNotices(Bells):
    """Subscriptions that keep the last notices: a notice proves that its order exists, whatever a list shows."""

    def __init__(self, between_garbled: float = _ROUND) -> None:
        super().__init__()
        self._between_garbled = between_garbled
        self._heard: deque[tuple[datetime, OrderNotice]] = deque(maxlen=_REMEMBERED)
        self._rings_again_at = 0.0

    def hear(self, notice: OrderNotice, at: datetime) -> None:
        """Record a notice received at a market instant, and wake the subscribers of its stock."""
        self._heard.append((at, notice))
        self.ring(notice.symbol)

    def hear_garbled(self) -> None:
        """Wake all subscribers, at most once a second: an unreadable message may be a notice, but mostly is a tick."""
        now = asyncio.get_running_loop().time()
        if now >= self._rings_again_at:
            self._rings_again_at = now + self._between_garbled
            self.ring_all()

    def numbers_heard(self, symbol: Symbol, side: Side, session_date: SessionDate) -> frozenset[str]:
        """Return the order numbers in a day's notices; for a cancel, the number of the cancelled order.

        They are matched by day, not by time: the intent carries the clock of another machine.
        """
        return frozenset(
            notice.original or notice.number
            for at, notice in self._heard
            if session_date_of(at) == session_date and (notice.symbol, notice.side) == (symbol, side)
        )

    def fills_heard(self, number: str, symbol: Symbol, side: Side, session_date: SessionDate) -> tuple[Quantity, Won]:
        """Return the shares and won that a day's notices report as filled for an order."""
        fills = self._fills(number, symbol, side, session_date)
        won = sum(notional(notice.price, notice.quantity) for notice in fills)
        return Quantity(sum(notice.quantity for notice in fills)), Won(won)

    def surely_filled(
        self, number: str, symbol: Symbol, side: Side, session_date: SessionDate, ordered: Quantity
    ) -> Quantity:
        """Return the shares of an order of ``ordered`` shares that are filled even if notices came twice.

        Two equal notices may be one fill reported twice. They count as two if all notices add up to the whole order.
        """
        fills = self._fills(number, symbol, side, session_date)
        if sum(notice.quantity for notice in fills) == ordered:
            return ordered
        return Quantity(min(sum(notice.quantity for notice in set(fills)), ordered))

    def _fills(self, number: str, symbol: Symbol, side: Side, session_date: SessionDate) -> list[OrderNotice]:
        return [
            notice
            for at, notice in self._heard
            if session_date_of(at) == session_date
            and (notice.kind, notice.number) == (NoticeKind.FILLED, number)
            and (notice.symbol, notice.side) == (symbol, side)
        ]
