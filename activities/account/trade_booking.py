"""Trade of a sold-out position, computed from its orders: booked once, corrected when its fills change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from temporalio import activity

from domain.day_costs import Brought, dated
from domain.errors import TradingError
from domain.identity import AccountId, PositionId
from domain.lock import Lease
from domain.market import Side
from domain.money import NO_WON, Rate, Won
from domain.order import OrderRecord
from domain.pnl import Beside, closed_trade
from domain.position import ClosedTrade, ExitReason, OpenPosition
from domain.session import SessionDate, session_date_of

if TYPE_CHECKING:
    from database.database import Database


@dataclass(frozen=True, slots=True)
class Ending:
    """Reason and market time of a position's end, and the proceeds of others' sale of the rest if known, by day."""

    reason: ExitReason
    at: datetime
    brought: Won | None = None
    by_day: tuple[Brought, ...] = ()


class TradeBooking:
    """Computes and writes trades; the ledger refuses one that does not add up with its fills."""

    def __init__(self, database: "Database", commission: Rate) -> None:
        self._database = database
        self._commission = commission

    async def position(self, position_id: PositionId) -> OpenPosition:
        """Return the position from the ledger.

        Raises:
            TradingError: the ledger has none.
        """
        position = await self._database.positions.get(position_id)
        if position is None:
            raise TradingError(f"position {position_id} is not in the ledger")
        return position

    async def book(
        self, position: OpenPosition, orders: Sequence[OrderRecord], ending: Ending, lease: Lease | None
    ) -> ClosedTrade:
        """Book the trade of a sold-out position; shares without one of our sales count as sold by others.

        What the end brought does not count again if its shares were booked as taken meanwhile.
        """
        reason, brought = ending.reason, ending.brought
        short = _short_of_sales(position, orders)
        if not position.quantity and short > 0:
            reason, brought = ExitReason.FOREIGN_SALE, brought or NO_WON
        if brought is not None:
            at_the_end = brought if position.quantity or short > position.taken else NO_WON
            brought = Won(at_the_end + position.taken_amount)
        days = ending.by_day if position.quantity else ()
        beside = await self._beside(position.position_id, ending.at, days)
        trade = self._trade(position, orders, Ending(reason, ending.at, brought), beside)
        by_others = dated(Won(trade.exit_amount - _sold(orders)), beside.by_others, trade.session_date)
        await self._database.trades.close(trade, lease, release_lock=True, by_others=by_others)
        return trade

    async def _beside(self, position_id: PositionId, closed_at: datetime, more: Sequence[Brought] = ()) -> Beside:
        sales = self._database.sales_by_others
        by_others = (*await sales.of(position_id), *more)
        days = {session_date_of(closed_at), *(each.date for each in by_others)}
        orders = await self._database.trades.orders_beside(position_id, days)
        return Beside(orders, by_others, await sales.of_earlier(position_id, days))

    def _trade(
        self, position: OpenPosition, orders: Sequence[OrderRecord], ending: Ending, beside: Beside
    ) -> ClosedTrade:
        return closed_trade(
            position,
            [order for order in orders if order.intent.side is Side.BUY],
            [order for order in orders if order.intent.side is Side.SELL],
            ending.reason,
            ending.at,
            self._commission,
            ending.brought,
            beside,
        )

    async def settle(self, account_id: AccountId, date: SessionDate) -> int:
        """Correct the costs of a day's trades to the broker's rounding; return how many differed.

        The broker rounds the commission once for all purchases, or all sales, of a stock on a day. A late or changed
        fill therefore changes the costs of later trades by some won.
        """
        settled = 0
        for position_id in await self._database.trades.sharing_costs(account_id, date):
            try:
                settled += await self._settle(position_id)
            except TradingError as fault:
                extra = {"position_id": position_id, "cause": str(fault)}
                activity.logger.error("costs_not_settled", extra=extra)
        return settled

    async def _settle(self, position_id: PositionId) -> bool:
        position, orders = await self.position(position_id), await self._database.orders.of_position(position_id)
        end = await self._database.trades.last_end_of(position_id)
        if end is None or position.quantity:
            return False
        at, reason = end
        brought = Won(await self._database.trades.received(position_id) - _sold(orders))
        trade = self._trade(position, orders, Ending(reason, at, brought), await self._beside(position_id, at))
        return await self._database.trades.settle_costs(trade)

    async def end(self, position_id: PositionId, at: datetime) -> bool:
        """Book the trade of a position after its last sale; False if shares or an active order remain.

        Its worker may book it at the same time: the first booking stands.
        """
        orders = await self._database.orders.of_position(position_id)
        position, reason = await self.position(position_id), last_reason(orders)
        if position.quantity or reason is None or any(order.is_active for order in orders):
            return False
        await self.book(position, orders, Ending(reason, at), None)
        return True

    async def correct(self, position_id: PositionId) -> bool:
        """Correct the trade of a reopened position without shares; False if shares must be sold first.

        The correction counts for the day of the trade, as at the broker.
        """
        orders = await self._database.orders.of_position(position_id)
        position = await self.position(position_id)
        end = await self._database.trades.last_end_of(position_id)
        if position.quantity or end is None:
            return False
        at, reason = end
        if reason is ExitReason.FOREIGN_SALE:
            reason = last_reason(orders) or reason
        await self.book(position, orders, Ending(reason, at), None)
        return True


def last_reason(orders: Sequence[OrderRecord]) -> ExitReason | None:
    """Return the reason of our last sale that sold any shares."""
    sales = [order for order in orders if order.intent.side is Side.SELL and order.filled_quantity]
    return ExitReason(sales[-1].intent.reason) if sales else None


def _sold(orders: Sequence[OrderRecord]) -> int:
    return sum(order.filled_amount for order in orders if order.intent.side is Side.SELL)


def _short_of_sales(position: OpenPosition, orders: Sequence[OrderRecord]) -> int:
    """Return how many shares more were bought than we have sold."""
    bought = sum(order.filled_quantity for order in orders if order.intent.side is Side.BUY)
    sold = sum(order.filled_quantity for order in orders if order.intent.side is Side.SELL)
    return bought + position.restated_bought - sold - position.restated_sold
