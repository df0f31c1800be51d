"""Our shares that the account's owner sold manually: booked only when two sources agree (F32)."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from temporalio import activity

from activities.account.carried import CarriedShares
from activities.support.pace import note_failure
from domain.by_hand import averaged, hand_trades
from domain.day_costs import Brought
from domain.errors import InvalidTransitionError, TradingError
from domain.events.positions import sold_by_hand
from domain.lane import Lane
from domain.market import Side
from domain.money import Quantity, Won, total
from domain.order import BrokerOrder
from domain.position import OpenPosition
from domain.reconciliation import foreign_orders
from domain.session import SessionDate, is_weekday, session_date_of

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Balance, Broker
    from database.database import Database

LOOK_FOR_HAND_SALES: Final = timedelta(seconds=60)
"""Real time between two account checks while holding; all watchers of a process share one call."""
BETWEEN_READS: Final = timedelta(seconds=1)
"""Real time before the second read of a balance that shows fewer shares than ours."""


@dataclass(frozen=True, slots=True)
class Left:
    """Our remaining shares, and the proceeds of others' listed sales by the day of the sale."""

    quantity: Quantity
    by_day: tuple[Brought, ...] = ()

    @property
    def brought(self) -> Won:
        """Return the proceeds of all days, in won."""
        return total([each.won for each in self.by_day])


class ForeignSales:
    """Compares a position's expected shares with the broker's balance and its list of sales."""

    def __init__(self, broker: "Broker", database: "Database", pace: "Pace") -> None:
        self._broker = broker
        self._database = database
        self._pace = pace
        self._read: asyncio.Task[Balance] | None = None
        self._read_at: datetime | None = None
        self.carried = CarriedShares(broker, database, pace)

    async def left_of(self, position: OpenPosition, lane: Lane) -> Left:
        """Return how many of our shares are left; one source alone may be late or empty (F22, F23).

        Shares that the owner buys after selling ours are the owner's: the balance may show as many shares as before. A
        holding that cannot be read counts as complete.
        """
        foreign = await self._foreign_orders(position, lane)
        sales = [row for row in foreign if row.side is Side.SELL]
        if not sales:
            return Left(position.quantity)
        looked = await self._database.first_looks.of(position.account_id, position.session_date) or {}
        by_hand = hand_trades(foreign, looked.get(position.symbol, 0), position.opened_at)
        held = await self._believed_holding(position, position.quantity + by_hand.owns, lane)
        if held is None:
            return Left(position.quantity)
        sold = sum(row.filled_quantity for row in sales)
        ours_at_least = max(held - by_hand.owns, 0)
        missing = max(
            min(position.quantity - held, sold - position.taken),
            min(position.quantity - ours_at_least, by_hand.taken - position.taken),
        )
        if missing <= 0:
            return Left(position.quantity)
        brought = by_hand.brought_by(missing, position.taken)
        return Left(Quantity(position.quantity - missing), averaged(sales, missing) if brought is None else brought)

    async def noticed_by(self, position: OpenPosition) -> Left:
        """Return what is left of a position that Haru is not selling; all of it in doubt.

        The balance shared by all watchers triggers the check: it lacks our sold shares until the owner buys some for
        himself.
        """
        everything = Left(position.quantity)
        try:
            held = (await self._recent_balance()).quantity_of(position.symbol)
            if held is None or held >= position.quantity or await self._is_traded_by_us(position):
                return everything
            return await self.left_of(position, Lane.WATCH)
        except TradingError as fault:
            activity.logger.warning("holdings_not_checked", extra={"symbol": position.symbol, "cause": str(fault)})
            return everything

    async def booked(self, position: OpenPosition, left: Left) -> OpenPosition:
        """Book the shares that the owner sold, append the event, and return the rest of the position.

        Return the position unchanged if it changed meanwhile or has an active order.
        """
        if left.quantity == position.quantity:
            return position
        event = sold_by_hand(position, left.quantity, left.brought, self._pace.now())
        try:
            if not await self._database.positions.take_away(position, left.quantity, event, left.by_day):
                return position
        except InvalidTransitionError as fault:
            activity.logger.warning("sale_by_hand_not_booked", extra={"symbol": position.symbol, "cause": str(fault)})
            return position
        kept = await self._database.positions.get(position.position_id) or position
        return replace(kept, high_water_mark=position.high_water_mark, last_price=position.last_price)

    async def _believed_holding(self, position: OpenPosition, expected: int, lane: Lane) -> int | None:
        """Return the balance's share count; None when it cannot be read.

        A count below ``expected`` is read a second time, and the larger value is used.
        """
        held = (await self._broker.balance(lane)).quantity_of(position.symbol)
        if held is None or held >= expected:
            return held
        await self._pace.pause(BETWEEN_READS)
        again = (await self._broker.balance(lane)).quantity_of(position.symbol)
        return None if again is None else max(held, again)

    async def _recent_balance(self) -> "Balance":
        """Return the process's recent balance; a failed read is shared by all watchers too."""
        now = self._pace.now()
        oldest = now - self._pace.clock.market_duration(LOOK_FOR_HAND_SALES)
        if self._read is None or self._read_at is None or self._read_at <= oldest:
            self._read, self._read_at = asyncio.create_task(self._broker.balance(Lane.WATCH)), now
            self._read.add_done_callback(note_failure)
        return await asyncio.shield(self._read)

    async def _is_traded_by_us(self, position: OpenPosition) -> bool:
        active = await self._database.orders.active_in(position.account_id)
        return any(order.intent.symbol == position.symbol for order in active)

    async def _foreign_orders(self, position: OpenPosition, lane: Lane) -> list[BrokerOrder]:
        """Return fills of orders that are not ours since the position was opened; each day has its own list."""
        found: list[BrokerOrder] = []
        for day in _weekdays(position.session_date, session_date_of(self._pace.now())):
            listed = await self._broker.orders_on(day, lane, position.symbol)
            bound = await self._database.orders.bound_refs(position.account_id, day)
            foreign = foreign_orders(listed, bound)
            found.extend(row for row in foreign if row.filled_quantity and not row.on_credit)
        return found


def _weekdays(first: SessionDate, last: SessionDate) -> Iterator[SessionDate]:
    """Return the days whose list may hold a sale; a day that the calendar wrongly calls closed is read too."""
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if is_weekday(day):
            yield SessionDate(day)
