"""Shares of ours that the account's owner has sold by hand: two witnesses must agree before we believe it (F32)."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from temporalio import activity

from domain.errors import TradingError
from domain.lane import Lane
from domain.market import Side
from domain.money import Quantity, Won
from domain.order import BrokerOrder
from domain.position import OpenPosition
from domain.reconciliation import foreign_orders
from domain.session import SessionDate, session_date_of

if TYPE_CHECKING:
    from activities.pace import Pace
    from broker.protocol import Balance, Broker
    from database.database import Database

_SATURDAY: Final = 5
LOOK_FOR_HAND_SALES: Final = timedelta(seconds=60)
"""Real time between two looks at the account while holding; all watchers of a process share one call."""
BETWEEN_READS: Final = timedelta(seconds=1)
"""Real time after which a balance that shows fewer shares than ours is asked for once more."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of our shares, and what the listed sales of the others brought in won."""

    quantity: Quantity
    brought: Won


class ForeignSales:
    """Compares what a position should hold with the broker's balance and with its list of sales."""

    def __init__(self, broker: "Broker", database: "Database", pace: "Pace") -> None:
        self._broker = broker
        self._database = database
        self._pace = pace
        self._balance: Balance | None = None
        self._read_at: datetime | None = None
        self._reading = asyncio.Lock()

    async def left_of(self, position: OpenPosition, lane: Lane) -> Left:
        """Return how many of our shares are left; one witness alone may be late or empty (F22, F23)."""
        foreign = await self._foreign_sales(position, lane)
        sold = sum(row.filled_quantity for row in foreign)
        missing = min(position.quantity - await self._believed_holding(position, lane), sold) if sold else 0
        if missing <= 0:
            return Left(position.quantity, Won(0))
        # What the owner sold before we bought was hardly ours.
        priced = [row for row in foreign if row.ordered_at >= position.opened_at] or foreign
        amount, shares = sum(row.filled_amount for row in priced), sum(row.filled_quantity for row in priced)
        return Left(Quantity(position.quantity - missing), Won(amount * missing // shares))

    async def took_all_of(self, position: OpenPosition) -> bool:
        """Tell whether nothing is left of a position that we are not selling ourselves; in doubt it is still there."""
        try:
            if (await self._recent_balance()).quantity_of(position.symbol) or await self._is_traded_by_us(position):
                return False
            left = await self.left_of(position, Lane.WATCH)
        except TradingError as fault:
            activity.logger.warning("holdings_not_checked", extra={"symbol": position.symbol, "cause": str(fault)})
            return False
        return not left.quantity

    async def _believed_holding(self, position: OpenPosition, lane: Lane) -> int:
        """Return how many shares the balance shows; fewer than ours are believed only when a second read agrees."""
        held = (await self._broker.balance(lane)).quantity_of(position.symbol)
        if held >= position.quantity:
            return held
        await self._pace.pause(BETWEEN_READS)
        return max(held, (await self._broker.balance(lane)).quantity_of(position.symbol))

    async def _recent_balance(self) -> "Balance":
        async with self._reading:
            oldest = self._pace.now() - self._pace.clock.market_duration(LOOK_FOR_HAND_SALES)
            if self._balance is None or self._read_at is None or self._read_at <= oldest:
                self._balance = await self._broker.balance(Lane.WATCH)
                self._read_at = self._pace.now()
            return self._balance

    async def _is_traded_by_us(self, position: OpenPosition) -> bool:
        active = await self._database.orders.active_in(position.account_id)
        return any(order.intent.symbol == position.symbol for order in active)

    async def _foreign_sales(self, position: OpenPosition, lane: Lane) -> list[BrokerOrder]:
        """Return the others' sales since the day on which the position was opened; each day has a list of its own."""
        found: list[BrokerOrder] = []
        for day in _weekdays(position.session_date, session_date_of(self._pace.now())):
            listed = await self._broker.orders_on(day, lane, position.symbol, Side.SELL)
            bound = await self._database.orders.bound_refs(position.account_id, day)
            found.extend(row for row in foreign_orders(listed, bound) if row.filled_quantity)
        return found


def _weekdays(first: SessionDate, last: SessionDate) -> Iterator[SessionDate]:
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if day.weekday() < _SATURDAY:
            yield SessionDate(day)
