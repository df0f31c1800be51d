"""Judge one held position of a shard: clock and price first, then its strategy."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from activities.market.price_alarm import PriceAlarm
from activities.market.quote_feed import QuoteFeed
from activities.market.sale_start import SaleStart
from activities.support.asked_position import AskedPosition
from activities.watch.messages import WatchRequest
from domain.exits import ExitContext, ExitSignal, decide_exit, high_water_mark, problem_for
from domain.market import MarketView, Quote, QuoteProblem
from domain.position import OpenPosition
from domain.session import TradingCalendar
from domain.watch import PriceMark, WatchRow

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from activities.support.strategy_guard import StrategyGuard

logger = logging.getLogger("haru.watch")

_LONGEST: Final = timedelta(days=365)
"""A longer holding time never ends before the deadline; its end might be no date."""
JUDGED_EVERY: Final = 5.0
"""Real seconds until a position is judged again without news."""
_JUDGED_WITHIN: Final = 30.0
"""Real seconds; a position that cannot be judged for longer counts as unwatched, and its lease is not renewed."""


@dataclass(slots=True)
class Watched:
    """A position of the shard as one attempt knows it."""

    row: WatchRow
    request: WatchRequest
    position: OpenPosition
    start: SaleStart
    alarm: PriceAlarm
    judged_at: float
    """Event-loop time of the last judgement; at first of the read."""
    is_handed_over: bool = False
    """Whether its first sale was sent: its lease is renewed no more."""
    is_looked_at: bool = False
    """Whether it was judged at all."""
    seen: Quote | None = None
    """The last trusted quote."""
    is_trusted: bool = False
    """Whether the last judgement had a trusted price."""
    mark: PriceMark | None = None
    """What is to be written; None once it is."""
    context: ExitContext | None = None
    """What a strategy is asked about, after a trusted price that sells nothing."""
    longest_until: datetime | None = field(init=False, default=None)
    """End of the longest holding time of its rules; asked for many times a second."""
    is_distrusted: bool = False
    """Whether the last known price was not trusted, which is logged when it begins."""

    def __post_init__(self) -> None:
        """Compute what a read alone changes."""
        self.longest_until = _end_of_holding(self.position)

    def is_judged(self, now: float) -> bool:
        """Return whether it was judged lately, by the event loop's clock."""
        return now - self.judged_at < _JUDGED_WITHIN

    def is_to_be_judged(self, now: float) -> bool:
        """Return whether its last judgement is some seconds old, by the event loop's clock."""
        return now - self.judged_at >= JUDGED_EVERY

    def due_at(self) -> datetime:
        """Return the market instant from which the clock alone sells it."""
        if self.longest_until is None:
            return self.start.deadline
        return min(self.start.deadline, self.longest_until)

    def take(self, row: WatchRow, request: WatchRequest, position: OpenPosition) -> None:
        """Take what another read has found; the best and the last price of this attempt stay."""
        if (position.quantity, request.deadline) != (self.position.quantity, self.request.deadline):
            self.start = SaleStart(position, request.deadline)
        best = max(position.high_water_mark, self.position.high_water_mark)
        last = position.last_price if self.seen is None else self.position.last_price
        self.row, self.request = row, request
        self.position = replace(position, high_water_mark=best, last_price=last)
        self.longest_until = _end_of_holding(self.position)


def _end_of_holding(position: OpenPosition) -> datetime | None:
    longest = position.exit_rules.longest_holding
    return position.opened_at + longest if timedelta(0) < longest < _LONGEST else None


class Judge:
    """Decides about positions by the present view of the feed. Level-triggered: no earlier attempt matters."""

    def __init__(self, feed: QuoteFeed, pace: "Pace", calendar: TradingCalendar, guard: "StrategyGuard") -> None:
        self._feed = feed
        self._pace = pace
        self._calendar = calendar
        self._guard = guard

    def by_price(self, watched: Watched, loop_time: float) -> ExitSignal | None:
        """Return the signal of a clock or price rule; without a trusted price only clock rules can fire (R13, F26).

        After the deadline no price counts: a due position is sold at any price.
        """
        position, now = watched.position, self._pace.now()
        age = self._pace.clock.market_duration(watched.request.rules.execution.greatest_quote_age)
        known = None if now >= watched.start.deadline else self._feed.known_quote(position.symbol)
        view = unseen(position) if known is None else self._feed.view_of(known)
        problem = problem_for(position, view.quote, now, age)
        watched.is_trusted = known is not None and problem is None
        if watched.is_trusted:
            best = high_water_mark(position, view.quote.price)
            position = watched.position = replace(position, high_water_mark=best, last_price=view.quote.price)
            watched.seen = view.quote
            watched.mark = PriceMark(position.position_id, view.quote.price, best, view.quote.observed_at)
            watched.start.look(view, self._calendar, now)
        elif known is not None and not watched.is_distrusted and problem is not QuoteProblem.BEFORE_PURCHASE:
            logger.warning("price_distrusted", extra={"symbol": position.symbol, "problem": problem})
        watched.is_distrusted = known is not None and problem is not None
        deadline, because = watched.start.deadline, watched.start.because
        context = ExitContext(position, view, now, deadline, greatest_age=age, deadline_because=because)
        signal = decide_exit(context)
        watched.context = context if signal is None and watched.is_trusted else None
        watched.judged_at, watched.is_looked_at = loop_time, True
        return signal

    async def by_strategies(self, judged: Iterable[Watched]) -> list[tuple[Watched, ExitSignal | None]]:
        """Return the signals of the positions' own strategies, asked after all rules of clock and price."""
        contexts = {each.position.position_id: (each, each.context) for each in judged if each.context is not None}
        held = [
            AskedPosition(context.view, context.position, each.request.rules.strategy)
            for each, context in contexts.values()
        ]
        wanted = [contexts[position_id] for position_id in await self._guard.who_wants_out(held)]
        return [(each, decide_exit(replace(context, strategy_wants_out=True))) for each, context in wanted]


def unseen(position: OpenPosition) -> MarketView:
    """Return the last known price as a view that is too old for any decision."""
    return MarketView(Quote(position.symbol, position.last_price, position.opened_at), None)
