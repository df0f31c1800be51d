"""Broker requests that a watch runs in the background while its loop handles each streamed price."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from temporalio import activity

from activities.account.foreign_sales import LOOK_FOR_HAND_SALES, ForeignSales
from activities.market.quote_feed import QuoteFeed
from activities.support.pace import Every, answer_or_news, note_failure
from domain.errors import TradingError
from domain.lane import Lane
from domain.market import MarketView, Symbol
from domain.position import OpenPosition
from domain.rules import ExecutionRules

if TYPE_CHECKING:
    from activities.support.pace import Pace


class PriceInSight:
    """Price of one stock, requested when it is stale; leaving the ``async with`` block cancels the pending request."""

    def __init__(self, feed: QuoteFeed, pace: "Pace", symbol: Symbol, rules: ExecutionRules) -> None:
        self._feed = feed
        self._symbol = symbol
        self._fresh = pace.clock.market_duration(rules.price_interval)
        self._confirmed = pace.clock.market_duration(rules.greatest_quote_age) / 2
        self._asking: asyncio.Task[object] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        _give_up(self._asking)

    @property
    def is_awaited(self) -> bool:
        """Return whether a broker request is pending."""
        return self._asking is not None

    async def refresh(self, news: asyncio.Event, at_most: timedelta) -> None:
        """Return when the price is fresh, news arrives, or ``at_most`` (real time) has passed."""
        if self._asking is None:
            if self._feed.has_fresh([self._symbol], self._fresh, self._confirmed):
                return
            asked = self._feed.quotes([self._symbol], self._fresh, Lane.WATCH, self._confirmed)
            self._asking = asyncio.create_task(asked)
        await answer_or_news(self._asking, news, at_most)
        if not self._asking.done():
            return
        asking, self._asking = self._asking, None
        try:
            asking.result()
        except TradingError as fault:
            activity.logger.warning("price_missing", extra={"symbol": self._symbol, "cause": str(fault)})

    def view(self) -> MarketView | None:
        """Return the feed's last known view of any age; None if the feed has no price."""
        known = self._feed.known_quote(self._symbol)
        return None if known is None else self._feed.view_of(known)


class HandSales:
    """Periodic check for sales by the account's owner; leaving the ``async with`` block cancels the running check."""

    def __init__(self, foreign_sales: ForeignSales, pace: "Pace") -> None:
        self._foreign_sales = foreign_sales
        self._due = Every(pace, LOOK_FOR_HAND_SALES, LOOK_FOR_HAND_SALES)
        self._looking: asyncio.Task[OpenPosition | None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        _give_up(self._looking)

    async def look(self, position: OpenPosition, news: asyncio.Event, at_most: timedelta) -> OpenPosition | None:
        """Return the position less the shares that a check found sold; None when all are sold.

        A check that takes longer than ``at_most`` (real time) continues in the background and sets ``news`` when it
        ends.
        """
        if self._looking is None:
            if not self._due.is_due():
                return position
            self._looking = asyncio.create_task(less_hand_sales(self._foreign_sales, position))
            self._looking.add_done_callback(lambda _: news.set())
            await answer_or_news(self._looking, news, at_most)
        if not self._looking.done():
            return position
        looking, self._looking = self._looking, None
        left = looking.result()
        if left is None:
            return None
        best = max(left.high_water_mark, position.high_water_mark)
        return replace(left, high_water_mark=best, last_price=position.last_price)


async def less_hand_sales(foreign_sales: ForeignSales, position: OpenPosition) -> OpenPosition | None:
    """Return the position less the shares that its owner sold; None when all are sold.

    A failed check changes nothing.
    """
    try:
        left = await foreign_sales.noticed_by(position)
        return await foreign_sales.booked(position, left) if left.quantity else None
    except Exception as fault:  # noqa: BLE001 - the stop-loss does not depend on it, and the check is repeated
        extra = {"symbol": position.symbol, "cause": f"{type(fault).__name__}: {fault}"}
        activity.logger.warning("holdings_not_checked", extra=extra)
        return position


def _give_up(question: "asyncio.Task[Any] | None") -> None:
    if question is not None:
        question.cancel()
        question.add_done_callback(note_failure)
