"""Watching a held position until a rule says to sell, without an event in the workflow history."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from temporalio import activity

from activities.account.beside import HandSales, PriceInSight
from activities.account.foreign_sales import ForeignSales
from activities.market.price_alarm import PriceAlarm
from activities.market.quote_feed import QuoteFeed
from activities.market.sale_start import SaleStart
from activities.support.heart import Heart
from activities.support.leases import KeptLease
from activities.support.outlasting import is_silent, outlasting
from activities.support.pace import Every
from activities.watch.first_exit import FirstExit, exit_request
from activities.watch.messages import WatchRequest
from domain.errors import StaleFencingTokenError, TradingError
from domain.exits import ExitContext, ExitSignal, decide_exit, high_water_mark, problem_for
from domain.identity import PositionId
from domain.market import MarketView, Quote, QuoteProblem
from domain.money import Price
from domain.position import ExitReason, OpenPosition
from domain.session import TradingCalendar
from domain.worker_state import WorkerState

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from activities.support.strategy_guard import StrategyGuard
    from database.database import Database

_TRIES: Final = 3
"""Attempts to send the first order before the workflow is left to send it."""
_BETWEEN_TRIES: Final = timedelta(seconds=1)


@dataclass(slots=True)
class _Watch:
    """State of one attempt; ``seen`` is the last trusted quote."""

    request: WatchRequest
    start: SaleStart
    price: PriceInSight
    hand_sales: HandSales
    marking: Every
    alarm: PriceAlarm
    seen: Quote | None = None


@dataclass(frozen=True, slots=True)
class _Look:
    """Result of one look, and its quote if that was trusted."""

    position: OpenPosition
    signal: ExitSignal | None
    quote: Quote | None


class WatchingActivities:
    """Watches positions and renews their leases; only the market decides when a signal is returned."""

    def __init__(  # noqa: PLR0913 each of them is another part of the system
        self,
        feed: QuoteFeed,
        foreign_sales: ForeignSales,
        database: "Database",
        pace: "Pace",
        calendar: TradingCalendar,
        *,
        guard: "StrategyGuard",
        first_exit: FirstExit,
    ) -> None:
        self._first_exit = first_exit
        self._feed = feed
        self._guard = guard
        self._calendar = calendar
        self._foreign_sales = foreign_sales
        self._database = database
        self._pace = pace

    @activity.defn
    async def watch_position(self, request: WatchRequest) -> ExitSignal:
        """Check each price until an exit rule fires, then send the first order of the sale.

        Level-triggered: a new attempt decides on the current price, whatever an earlier attempt has seen. An order that
        an earlier attempt has recorded is only handed over.
        """
        before = None if request.first is None else await self._first_exit.sent_before(request.first.intent_id)
        signal: ExitSignal = await outlasting(self._watch(request)) if before is None else before
        if signal.sent is not None:
            await self._first_exit.hand_over(request.lease)
        return signal

    async def _watch(self, request: WatchRequest) -> ExitSignal:
        best = _best_of_earlier_attempt()
        async with AsyncExitStack() as stack:
            heart = await stack.enter_async_context(Heart(int(best)))
            news = stack.enter_context(self._feed.watching(request.symbol))
            lease = await stack.enter_async_context(KeptLease(self._database.locks, request.lease, news))
            position = await self._held(request.position_id)
            position = replace(position, high_water_mark=max(position.high_water_mark, best))
            self._feed.need_price_since(request.symbol, position.opened_at)
            await self._announce(position)
            rules = request.rules.execution
            price = PriceInSight(self._feed, self._pace, request.symbol, rules)
            watch = _Watch(
                request,
                SaleStart(position, request.deadline),
                await stack.enter_async_context(price),
                await stack.enter_async_context(HandSales(self._foreign_sales, self._pace)),
                Every(self._pace, rules.price_interval),
                PriceAlarm(self._database, self._pace, self._calendar),
            )
            while True:
                news.clear()
                lease.check()
                position, signal = await self._look_once(watch, position, news)
                if signal is not None:
                    decided = await self._sell(request, replace(signal, seen=watch.seen), heart)
                    if decided.sent is not None or not is_silent():
                        return decided
                    await self._pace.pause(_BETWEEN_TRIES)
                heart.progress(int(position.high_water_mark))
                if not price.is_awaited:
                    await self._pace.pause(self._until_next_look(watch), news)

    async def _sell(self, request: WatchRequest, signal: ExitSignal, heart: Heart) -> ExitSignal:
        """Send the first order; a signal without one lets the workflow decide and send it."""
        if request.first is None:
            return signal
        wanted = exit_request(request, request.first, signal)
        for _ in range(_TRIES):
            heart.progress(int(signal.high_water_mark))
            try:
                return replace(signal, sent=await self._first_exit.send(wanted))
            except StaleFencingTokenError:
                raise
            except Exception as fault:  # noqa: BLE001 - the sale does not depend on it
                extra = {"symbol": request.symbol, "cause": f"{type(fault).__name__}: {fault}"}
                activity.logger.warning("first_exit_not_sent", extra=extra)
            await self._pace.pause(_BETWEEN_TRIES)
        return signal

    async def _look_once(
        self, watch: "_Watch", position: OpenPosition, news: asyncio.Event
    ) -> tuple[OpenPosition, ExitSignal | None]:
        """Check the price available now, then any sales by the owner."""
        if self._pace.now() < watch.start.deadline:
            await watch.price.refresh(news, self._until_next_look(watch))
        look = await self._look(position, watch.request, watch.start, watch.price.view())
        position, signal, watch.seen = look.position, look.signal, look.quote or watch.seen
        if look.quote is not None:
            await self._report(watch, position, look.quote.observed_at, is_last=signal is not None)
        if signal is None:
            await watch.alarm.look(position, is_trusted=look.quote is not None)
            left = await watch.hand_sales.look(position, news, self._until_next_look(watch))
            position, signal = (position, self._sold_by_hand(position)) if left is None else (left, None)
        return position, signal

    def _until_next_look(self, watch: "_Watch") -> timedelta:
        """Return the real time to pause; it ends at the deadline, so that a due sale starts without delay."""
        due_in = self._pace.clock.real_duration(watch.start.deadline - self._pace.now())
        return max(min(watch.request.rules.execution.price_interval, due_in), timedelta(0))

    async def _look(
        self, position: OpenPosition, request: WatchRequest, start: SaleStart, found: MarketView | None
    ) -> "_Look":
        """Decide on the current view; without a trusted price only clock rules can fire (R13, F26).

        After the deadline the watch makes no broker calls, since sales need them: a due position is sold at any price.
        """
        now, age = self._pace.now(), self._pace.clock.market_duration(request.rules.execution.greatest_quote_age)
        if now >= start.deadline:
            blind = ExitContext(
                position, _unseen(position), now, start.deadline, greatest_age=age, deadline_because=start.because
            )
            return _Look(position, decide_exit(blind), None)
        view = found or _unseen(position)
        problem = problem_for(position, view.quote, self._pace.now(), age)
        if problem is None:
            best = high_water_mark(position, view.quote.price)
            position = replace(position, high_water_mark=best, last_price=view.quote.price)
            start.look(view, self._calendar, self._pace.now())
        elif problem is not QuoteProblem.BEFORE_PURCHASE:
            extra = {"symbol": request.symbol, "problem": problem}
            activity.logger.warning("price_distrusted", extra=extra)
        context = ExitContext(
            position, view, self._pace.now(), start.deadline, greatest_age=age, deadline_because=start.because
        )
        signal = decide_exit(context)  # clock and price first: no strategy can block their sale
        if signal is None and problem is None:
            wants_out = await self._guard.wants_out(view, position, request.rules.strategy)
            signal = decide_exit(replace(context, strategy_wants_out=wants_out))
        return _Look(position, signal, found.quote if found and problem is None else None)

    def _sold_by_hand(self, position: OpenPosition) -> ExitSignal:
        best, because = position.high_water_mark, "the owner has sold all of it"
        return ExitSignal(ExitReason.FOREIGN_SALE, position.last_price, self._pace.now(), best, because)

    async def _report(self, watch: "_Watch", position: OpenPosition, seen_at: datetime, *, is_last: bool) -> None:
        """Store the sale's start, and the last and best price, for display and for the next attempt."""
        reports, about = self._database.reports, position.position_id
        if watch.start.has_moved(self._pace):
            await reports.write("sale_start", about, partial(watch.start.keep, self._database))
        if is_last or watch.marking.is_due():
            price, best = position.last_price, position.high_water_mark
            mark = partial(self._database.positions.mark, about, price, best, seen_at)
            await reports.write("price_mark", about, mark)

    async def _announce(self, position: OpenPosition) -> None:
        event = f"bought {position.quantity:,} at {position.entry_price:,.0f}: {position.strategy.reason}"
        # The time of the purchase: a restart of the watch announces the same purchase again.
        about = (
            position.account_id,
            position.worker_id,
            WorkerState.HOLDING,
            position.symbol,
            event,
            position.opened_at,
        )
        show = partial(self._database.workers.enter, *about)
        await self._database.reports.write("worker_state", position.worker_id, show)

    async def _held(self, position_id: PositionId) -> OpenPosition:
        position = await self._database.positions.get(position_id)
        if position is None or not position.quantity:
            raise TradingError(f"position {position_id} holds no share to watch")
        return position


def _unseen(position: OpenPosition) -> MarketView:
    """Return the last known price as a view that is too old for any decision."""
    return MarketView(Quote(position.symbol, position.last_price, position.opened_at), None)


def _best_of_earlier_attempt() -> Price:
    details = activity.info().heartbeat_details
    return Price(int(details[0]) if details else 0)
