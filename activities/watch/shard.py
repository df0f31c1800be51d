"""One attempt of a shard's watch: a loop that judges every position on each price, and ends watches with a signal."""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from activities.account.foreign_sales import ForeignSales
from activities.market.price_alarm import PriceAlarm
from activities.market.quote_feed import QuoteFeed
from activities.support.heart import Heart
from activities.support.pace import first_answer_or_news
from activities.watch.endings import Ending, Endings, Sending, Signal, ending_of
from activities.watch.first_exit import FirstExit
from activities.watch.hand_sales import ShardHandSales
from activities.watch.holdings import Holdings
from activities.watch.judging import Judge, Watched
from activities.watch.leases import ShardLeases
from activities.watch.messages import ShardRequest
from activities.watch.prices import ShardPrices
from activities.watch.reading import kept_current
from activities.watch.reports import WatchReports
from domain.exits import ExitSignal
from domain.lock import Lease
from domain.position import ExitReason
from domain.session import TradingCalendar

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from activities.support.strategy_guard import StrategyGuard
    from database.database import Database

logger = logging.getLogger("haru.watch")

ENDS_AFTER: Final = timedelta(seconds=30)
"""Real time without a position after which a shard's activity ends."""
NOT_EMPTY: Final = -1.0
"""Heartbeat of a shard with positions; of an empty one, the seconds at which it became empty."""
_BETWEEN_LOOKS: Final = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True)
class WatchParts:
    """What every shard of a process works with."""

    feed: QuoteFeed
    foreign_sales: ForeignSales
    database: "Database"
    pace: "Pace"
    calendar: TradingCalendar
    guard: "StrategyGuard"
    first_exit: FirstExit
    signal: Signal


class ShardWatch:
    """Watches one shard until it is empty: ``await ShardWatch(…).watch(…)``."""

    def __init__(self, parts: WatchParts, request: ShardRequest, token: int) -> None:
        database, pace = parts.database, parts.pace
        self._parts = parts
        self._request = request
        self._token = token
        self._judge = Judge(parts.feed, pace, parts.calendar, parts.guard)
        self._prices = ShardPrices(parts.feed, pace)
        self._hand_sales = ShardHandSales(parts.foreign_sales, pace)
        self._held = Holdings(database, parts.feed, request, lambda: PriceAlarm(database, pace, parts.calendar))
        self._reports = WatchReports(database, pace, f"{request.account_id}/{request.shard}")
        send = Sending(parts.first_exit, parts.signal, self._reports.write_last)
        self._endings = Endings(database.market_watches, send, pace, self._held)

    async def watch(self, heart: Heart, empty_since: timedelta | None) -> None:
        """Judge until the shard has been empty for a while, earlier attempts included.

        Raises:
            ShardTakenError: a later attempt watches the shard.
        """
        watches, held, request = self._parts.database.market_watches, self._held, self._request
        async with AsyncExitStack() as stack:
            stack.callback(held.close)
            stack.push_async_callback(self._finish)
            called = stack.enter_context(self._parts.database.watch_calls.of(request.account_id, request.shard))
            await held.read()
            leases = ShardLeases(watches, request, self._token, held.leases, held.news)
            await stack.enter_async_context(leases)
            reading = kept_current(held.read, called)
            stack.push_async_callback(reading.end)
            await reading.begin(0.0)
            while True:
                held.news.clear()
                self._end_lost(leases.lost())
                await self._look()
                empty_since = self._empty_since(empty_since)
                heart.is_alive(NOT_EMPTY if empty_since is None else empty_since.total_seconds())
                if await self._is_over(empty_since):
                    return
                await self._wait()

    async def _look(self) -> None:
        """Judge the positions with news, an answer or a due clock; end the watch of those that must be sold."""
        judged = self._to_judge()
        for each in judged:
            self._sell(each, self._by_price(each))  # before any other position's strategy is asked
        for each, signal in await self._by_strategies(judged):
            self._sell(each, signal)
        for each, signal in await self._sold_by_hand():
            self._sell(each, signal)
        await self._reports.write(judged, self._held, is_busy=bool(self._endings.under_way()))

    def _sell(self, watched: Watched, signal: ExitSignal | None) -> None:
        if signal is not None:
            mark, watched.mark = watched.mark, None
            self._endings.begin(ending_of(watched, replace(signal, seen=watched.seen), mark))

    def _to_judge(self) -> list[Watched]:
        """Return the positions whose price has moved, was answered or is known, or whose clock is due.

        Each is judged every few seconds at least: silence under a stream, or of the broker, ends no watch.
        """
        moved = set(self._held.moved)
        self._held.moved.clear()
        active = self._active()
        moved |= self._prices.refresh(active)
        now, loop_time = self._parts.pace.now(), asyncio.get_running_loop().time()
        return [
            each
            for each in active
            if each.position.symbol in moved
            or now >= each.due_at()
            or each.is_to_be_judged(loop_time)
            or (not each.is_looked_at and self._prices.is_fresh(each))
        ]

    def _by_price(self, watched: Watched) -> ExitSignal | None:
        """Return a signal of clock and price. A fault affects this position only; unjudged, its lease ends."""
        try:
            return self._judge.by_price(watched, asyncio.get_running_loop().time())
        except Exception:
            watched.context = None
            logger.exception("position_not_judged", extra={"symbol": watched.position.symbol})
            return None

    async def _by_strategies(self, judged: Iterable[Watched]) -> list[tuple[Watched, ExitSignal | None]]:
        try:
            return await self._judge.by_strategies(judged)
        except Exception:
            logger.exception("strategies_not_asked")
            return []

    async def _sold_by_hand(self) -> list[tuple[Watched, ExitSignal]]:
        found: list[tuple[Watched, ExitSignal]] = []
        for watched, before, left in await self._hand_sales.look(self._active(), self._held.news, self._until_look()):
            if left is None:
                best, now = watched.position.high_water_mark, self._parts.pace.now()
                last, because = watched.position.last_price, "the owner has sold all of it"
                found.append((watched, ExitSignal(ExitReason.FOREIGN_SALE, last, now, best, because)))
            elif left.quantity != before.quantity:
                watched.take(watched.row, watched.request, left)
        return found

    def _end_lost(self, lost: frozenset[Lease]) -> None:
        for watched in self._held:
            if watched.request.lease in lost:
                self._endings.begin(ending_of(watched, None))
        for row in self._held.over:
            self._endings.begin(Ending(row))
        for row, request in self._held.sent:
            self._endings.begin(Ending(row, request, is_sent=True))

    def _active(self) -> list[Watched]:
        return [each for each in self._held if self._endings.may_begin(each.row)]

    def _empty_since(self, before: timedelta | None) -> timedelta | None:
        if not self._held.is_empty:
            return None
        return self._parts.pace.waited() if before is None else before

    async def _is_over(self, empty_since: timedelta | None) -> bool:
        if empty_since is None or self._parts.pace.waited() - empty_since < ENDS_AFTER:
            return False
        about = (self._request.account_id, self._request.shard, self._token)
        return await self._parts.database.market_watches.release(*about)

    async def _wait(self) -> None:
        """Wait for news, an answer or a signal's delivery, or until the next look; a due sale starts without delay."""
        pending: list[asyncio.Task[Any]] = self._endings.under_way()
        if self._prices.asking is not None:
            pending.append(self._prices.asking)
        if pending:
            await first_answer_or_news(pending, self._held.news, self._until_look())
        else:
            await self._parts.pace.pause(self._until_look(), self._held.news)

    def _until_look(self) -> timedelta:
        active = self._active()
        if not active:
            return _BETWEEN_LOOKS
        interval = min(each.request.rules.execution.price_interval for each in active)
        due_in = min(each.due_at() for each in active) - self._parts.pace.now()
        return max(min(_BETWEEN_LOOKS, interval, self._parts.pace.clock.real_duration(due_in)), timedelta(0))

    async def _finish(self) -> None:
        self._prices.give_up()
        self._hand_sales.give_up()
        await self._endings.finish()
        await self._reports.finish()
