"""A held position: watched without an event in any history until a rule says to sell."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from temporalio import activity

from activities.foreign_sales import LOOK_FOR_HAND_SALES, ForeignSales
from activities.heart import Heart
from activities.leases import RENEWAL, renew
from activities.pace import Every
from activities.quote_feed import QuoteFeed
from activities.sale_start import SaleStart
from domain.errors import TradingError
from domain.exits import ExitContext, ExitSignal, decide_exit, high_water_mark
from domain.identity import PositionId
from domain.lane import Lane
from domain.lock import Lease
from domain.market import MarketView, Quote, Symbol, problem_with
from domain.money import Price
from domain.position import ExitReason, OpenPosition
from domain.rules import TradingRules
from domain.session import TradingCalendar
from domain.worker_state import WorkerState
from strategies import strategies_named

if TYPE_CHECKING:
    from activities.pace import Pace
    from database.database import Database


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """Which position to watch, under which lease, and the market instant at which it must be sold anyway."""

    position_id: PositionId
    symbol: Symbol
    lease: Lease
    rules: TradingRules
    deadline: datetime


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look came to, and the quote that it rests on if that could be trusted."""

    position: OpenPosition
    signal: ExitSignal | None
    quote: Quote | None


class WatchingActivities:
    """Watches positions and keeps their leases."""

    def __init__(
        self,
        feed: QuoteFeed,
        foreign_sales: ForeignSales,
        database: "Database",
        pace: "Pace",
        calendar: TradingCalendar,
    ) -> None:
        self._feed = feed
        self._calendar = calendar
        self._foreign_sales = foreign_sales
        self._database = database
        self._pace = pace

    @activity.defn
    async def watch_position(self, request: WatchRequest) -> ExitSignal:
        """Look at each price until an exit rule fires; free of side effects but for the lease and the last price.

        Level-triggered: a new attempt decides on the price it finds, whatever an earlier attempt has seen.
        """
        await renew(self._database.locks, request.lease)
        position = await self._held(request.position_id)
        position = replace(position, high_water_mark=max(position.high_water_mark, _best_of_earlier_attempt()))
        await self._announce(position)
        start = SaleStart(position, request.deadline)
        interval = request.rules.execution.price_interval
        renewal, marking = Every(self._pace, RENEWAL, RENEWAL), Every(self._pace, interval)
        counting = Every(self._pace, LOOK_FOR_HAND_SALES, LOOK_FOR_HAND_SALES)
        seen: Quote | None = None
        async with Heart(int(position.high_water_mark)) as heart:
            with self._feed.watching(request.symbol) as news:
                while True:
                    news.clear()
                    if renewal.is_due():
                        await renew(self._database.locks, request.lease)
                    look = await self._look(position, request, start)
                    position, signal, seen = look.position, look.signal, look.quote or seen
                    if look.quote is not None and (signal is not None or marking.is_due()):
                        await self._mark(position, look.quote.observed_at)
                    if signal is None and counting.is_due():
                        position, signal = await self._less_what_the_owner_sold(position)
                    if signal is not None:
                        return replace(signal, seen=seen)
                    heart.progress(int(position.high_water_mark))
                    await self._pace.pause(self._until_next_look(interval, start), news)

    def _until_next_look(self, interval: timedelta, start: SaleStart) -> timedelta:
        """Return how long (real) to pause; who is due begins at that moment, not at the next look after it."""
        now = self._pace.now()
        due_in = self._pace.clock.real_duration(start.deadline - now)
        return max(min(interval, due_in), timedelta(0))

    async def _look(self, position: OpenPosition, request: WatchRequest, start: SaleStart) -> "_Look":
        """Decide on what is seen now; without a price to trust only the clock's rules can fire (R13, F26).

        At the deadline every call is a sale's: whoever is due then is sold at whatever price.
        """
        now, age = self._pace.now(), self._pace.clock.market_duration(request.rules.execution.greatest_quote_age)
        if now >= start.deadline:
            blind = ExitContext(
                position, _unseen(position), now, start.deadline, greatest_age=age, deadline_because=start.because
            )
            return _Look(position, decide_exit(blind), None)
        found = await self._view(request)
        view = found or _unseen(position)
        problem = problem_with(view.quote, self._pace.now(), age)
        if problem is None:
            best = high_water_mark(position, view.quote.price)
            position = replace(position, high_water_mark=best, last_price=view.quote.price)
            start.look(view, self._calendar, self._pace.now())
            await start.keep(self._database, self._pace)
        else:
            extra = {"symbol": request.symbol, "problem": problem}
            activity.logger.warning("price_distrusted", extra=extra)
        (strategy,) = strategies_named([position.strategy.name])
        wants_out = problem is None and strategy.wants_out(view, position, request.rules.strategy)
        context = ExitContext(position, view, self._pace.now(), start.deadline, wants_out, age, start.because)
        return _Look(position, decide_exit(context), found.quote if found and problem is None else None)

    async def _less_what_the_owner_sold(self, position: OpenPosition) -> tuple[OpenPosition, ExitSignal | None]:
        left = await self._foreign_sales.noticed_by(position)
        if left.quantity:
            return await self._foreign_sales.booked(position, left), None
        best, because = position.high_water_mark, "the owner has sold all of it"
        return position, ExitSignal(ExitReason.FOREIGN_SALE, position.last_price, self._pace.now(), best, because)

    async def _view(self, request: WatchRequest) -> MarketView | None:
        """Return what the feed shows, or None where it shows no price."""
        execution = request.rules.execution
        fresh = self._pace.clock.market_duration(execution.price_interval)
        confirmed = self._pace.clock.market_duration(execution.greatest_quote_age) / 2
        try:
            return await self._feed.view(request.symbol, fresh, Lane.WATCH, confirmed)
        except TradingError as fault:
            activity.logger.warning("price_missing", extra={"symbol": request.symbol, "cause": str(fault)})
            return None

    async def _mark(self, position: OpenPosition, seen_at: datetime) -> None:
        """Keep last and best price in the books, for those who look and for the next attempt."""
        best = position.high_water_mark
        await self._database.positions.mark(position.position_id, position.last_price, best, seen_at)

    async def _announce(self, position: OpenPosition) -> None:
        event = f"bought {position.quantity:,} at {position.entry_price:,.0f}: {position.strategy.reason}"
        await self._database.workers.enter(
            position.account_id, position.worker_id, WorkerState.HOLDING, position.symbol, event, self._pace.now()
        )

    async def _held(self, position_id: PositionId) -> OpenPosition:
        position = await self._database.positions.get(position_id)
        if position is None or not position.quantity:
            raise TradingError(f"position {position_id} holds no share to watch")
        return position


def _unseen(position: OpenPosition) -> MarketView:
    """Return the last known price as what it is: too old to decide anything."""
    return MarketView(Quote(position.symbol, position.last_price, position.opened_at), None)


def _best_of_earlier_attempt() -> Price:
    details = activity.info().heartbeat_details
    return Price(int(details[0]) if details else 0)
