"""Shares of a position to offer: excludes shares that the owner or the broker has already sold."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from temporalio import activity

from activities.account.foreign_sales import ForeignSales, Left
from activities.account.short_sales import ShortSales
from domain.day_costs import Brought
from domain.errors import TradingError
from domain.ladder import Tries
from domain.lane import Lane
from domain.market import Symbol
from domain.money import Quantity
from domain.position import ExitReason, OpenPosition
from domain.session import session_date_of

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database

T = TypeVar("T")

_ANSWERED_WITHIN: Final = 10.0
"""Seconds that a sale waits for each answer about its shares; its lease outlasts two."""


@dataclass(frozen=True, slots=True)
class SharesToOffer:
    """Current position, the shares to offer, and the proceeds of the owner's sales of the rest by day."""

    position: OpenPosition
    quantity: Quantity
    by_day: tuple[Brought, ...] = ()


@dataclass(frozen=True, slots=True)
class ListIsShort:
    """The holdings show all shares gone, but the order list does not show our sale yet; real time."""

    look_again_in: timedelta


class SharesLeft:
    """Asks the broker only with a reason; without an answer, offers all shares that no order notice reports as sold."""

    def __init__(
        self,
        foreign_sales: ForeignSales,
        short_sales: ShortSales,
        database: "Database",
        pace: "Pace",
        answered_within: float = _ANSWERED_WITHIN,
    ) -> None:
        self._foreign_sales = foreign_sales
        self._short_sales = short_sales
        self._database = database
        self._pace = pace
        self._answered_within = answered_within

    async def of(self, position: OpenPosition, reason: ExitReason, tries: Tries) -> SharesToOffer | ListIsShort:
        """Return the shares to offer, given the tries so far."""
        if short := await self._short_sales.of(position):
            gone = await self._answered(self._short_sales.gone(position, short[-1]), position.symbol)
            if gone is None:
                gone = await self._short_sales.heard(position, short[-1])
            position = await self._database.positions.get(position.position_id) or position
            if gone and gone >= position.quantity:
                return ListIsShort(await self._short_sales.pause_after(short[-1]))
            if gone or not position.quantity:
                return SharesToOffer(position, Quantity(position.quantity - gone))
        is_carried = position.session_date != session_date_of(self._pace.now())
        if is_carried and not tries.offered:
            position = await self._foreign_sales.carried.before_sale(position)
        left = await self._left_by_others(position, reason, tries, is_carried=is_carried)
        if left.brought and left.quantity:
            position = await self._foreign_sales.booked(position, left)
        return SharesToOffer(position, left.quantity, left.by_day)

    async def _left_by_others(
        self, position: OpenPosition, reason: ExitReason, tries: Tries, *, is_carried: bool
    ) -> Left:
        """Return our shares less the owner's sales; all of them without a reason to ask.

        A refusal may mean that the owner sold them. Some carried shares may have been sold before they were carried.
        The remainder of the last answer is offered again until the next query is due.
        """
        if reason is ExitReason.FOREIGN_SALE:
            return await self._foreign_sales.left_of(position, Lane.EXIT)
        unasked = Left(min(tries.offered or position.quantity, position.quantity))
        if tries.leaves_a_doubt or (is_carried and not tries.offered):
            asked = self._foreign_sales.left_of(position, Lane.EXIT)
            return await self._answered(asked, position.symbol) or unasked
        return unasked

    async def _answered(self, question: Awaitable[T], symbol: Symbol) -> T | None:
        """Return the broker's answer, or None on an error or timeout: the sale must not be blocked.

        If the sale is refused, the query is repeated.
        """
        try:
            async with asyncio.timeout(self._answered_within):
                return await question
        except (TradingError, TimeoutError) as fault:
            activity.logger.warning("holdings_not_checked", extra={"symbol": symbol, "cause": str(fault)})
            return None
