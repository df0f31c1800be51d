"""One feed of prices per hosting process: by the stream where there is one, else refreshed in one batch for all."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from activities.bells import Bells
from activities.coverage import Coverage
from domain.market import (
    DailyReference,
    InstrumentStatus,
    MarketView,
    PriceSample,
    Quote,
    QuoteProblem,
    Symbol,
    problem_with,
    with_book,
)
from domain.session import SessionDate, session_date_of

if TYPE_CHECKING:
    from activities.pace import Pace
    from broker.protocol import Broker
    from domain.lane import Lane

logger = logging.getLogger("haru.stream")

_REMEMBERED: Final = timedelta(minutes=30)
_MOST_SAMPLES: Final = 900
_BETWEEN_SAMPLES: Final = _REMEMBERED / _MOST_SAMPLES
_REFERENCES_PER_CALL: Final = 15
_LATE: Final = timedelta(seconds=5)
"""Real time after which a tick is not news any more."""
_OF_INTEREST: Final = timedelta(seconds=30)
"""Real time for which a stock that was asked for stays one that somebody would like to hear of."""


class QuoteFeed:
    """Shared quotes, recent paths, references and statuses. Ages are market time.

    Watchers register by count, not by symbol alone: after an outage two attempts of one watch can live in one process.
    """

    def __init__(self, broker: "Broker", pace: "Pace") -> None:
        self._broker = broker
        self._pace = pace
        self._quotes: dict[Symbol, Quote] = {}
        self._known_at: dict[Symbol, datetime] = {}
        self._ticked_at: dict[Symbol, datetime] = {}
        self._wanted_at: dict[Symbol, datetime] = {}
        self._distrusted: dict[Symbol, QuoteProblem] = {}
        self.coverage = Coverage(pace)
        self._bells = Bells()
        self._samples: dict[Symbol, deque[PriceSample]] = {}
        self._references: dict[tuple[Symbol, SessionDate], DailyReference] = {}
        self._statuses: dict[Symbol, tuple[datetime, InstrumentStatus]] = {}
        self._watched: Counter[Symbol] = Counter()
        self._refresh_guard = asyncio.Lock()
        self._reference_guard = asyncio.Lock()

    @contextmanager
    def watching(self, symbol: Symbol) -> Iterator[asyncio.Event]:
        """Include a symbol in every refresh while the context lasts; the bell rings at each new price of the stream."""
        self._watched[symbol] += 1
        try:
            with self._bells.listening(symbol) as bell:
                yield bell
        finally:
            self._watched[symbol] -= 1
            self._watched += Counter()

    async def quotes(
        self, symbols: Iterable[Symbol], greatest_age: timedelta, lane: "Lane", covered_age: timedelta = timedelta(0)
    ) -> dict[Symbol, Quote]:
        """Return quotes no older than ``greatest_age``, asking the broker only for what is older.

        While the stream speaks for a symbol, silence means that nothing has changed: then ``covered_age`` will do.
        A symbol that the broker gives no price for is missing from the answer.
        """
        wanted = tuple(symbols)
        self._wanted_at |= dict.fromkeys(wanted, self._pace.now())
        ages = (greatest_age, max(greatest_age, covered_age))
        async with self._refresh_guard:
            stale = self._stale(wanted, *ages)
            if stale:
                await self._refresh([*stale, *self._stale(tuple(self._watched), *ages)], lane)
        return {symbol: self._quotes[symbol] for symbol in wanted if symbol in self._quotes}

    async def seen_in_book(self, quote: Quote, lane: "Lane") -> Quote:
        """Return the quote with best bid and ask, asking for the order book where the quote cannot show them."""
        return quote if quote.shows_book else with_book(quote, await self._broker.order_book(quote.symbol, lane))

    async def view(
        self, symbol: Symbol, greatest_age: timedelta, lane: "Lane", covered_age: timedelta = timedelta(0)
    ) -> MarketView | None:
        """Return all that a rule may look at for one symbol, or None without a price."""
        found = await self.quotes([symbol], greatest_age, lane, covered_age)
        return self.view_of(found[symbol]) if symbol in found else None

    def take(self, tick: Quote) -> bool:
        """Take a trade from the stream and wake who watches the stock; tell whether it was news.

        A tick has neither limits nor name: these come from what the broker was asked for today, and before it has been
        asked no tick counts. An absurd, late or outrun price changes nothing.
        """
        known, now = self._quotes.get(tick.symbol), self._pace.now()
        if known is None or known.limits is None or not _same_day(known, tick):
            return False
        quote = replace(tick, limits=known.limits, previous_close=known.previous_close, name=known.name)
        problem = problem_with(quote, now, self._pace.clock.market_duration(_LATE))
        if problem is not None:
            self._distrust(tick.symbol, problem)
            return False
        self._distrusted.pop(tick.symbol, None)
        self.coverage.heard(quote)
        if _is_older(quote, known):
            return False
        self._remember(quote)
        self._known_at[tick.symbol] = self._ticked_at[tick.symbol] = now
        self._bells.ring(tick.symbol)
        return True

    def cover(self, symbols: Iterable[Symbol]) -> None:
        """Trust the stream for these stocks a few seconds more; a new one is asked for once, for what was missed."""
        covered = tuple(symbols)
        for symbol in covered:
            if not self.coverage.covers(symbol):
                self._known_at.pop(symbol, None)
        self.coverage.extend(covered)

    def forget_stream(self) -> None:
        """Ask the broker anew at the next look, and have everybody look now: the stream is gone or has just begun."""
        self.coverage.withdraw()
        self._known_at.clear()
        self._bells.ring_all()

    def of_interest(self) -> tuple[Symbol, ...]:
        """Return the stocks that were asked for lately, the busiest first."""
        since = self._pace.now() - self._pace.clock.market_duration(_OF_INTEREST)
        self._wanted_at = {symbol: at for symbol, at in self._wanted_at.items() if at >= since}
        known = [self._quotes[symbol] for symbol in self._wanted_at if symbol in self._quotes]
        return tuple(quote.symbol for quote in sorted(known, key=lambda quote: -quote.turnover))

    def view_of(self, quote: Quote) -> MarketView:
        """Join a quote with what is remembered of its symbol."""
        date = session_date_of(quote.observed_at)
        samples = tuple(self._samples.get(quote.symbol, ()))
        return MarketView(quote, self._references.get((quote.symbol, date)), samples)

    async def learn_references(self, symbols: Iterable[Symbol], lane: "Lane") -> None:
        """Ask for a handful of the daily references that are still missing for today, once for all scanners."""
        date = session_date_of(self._pace.now())
        async with self._reference_guard:
            missing = [symbol for symbol in symbols if (symbol, date) not in self._references]
            asked = (self._learn_reference(symbol, date, lane) for symbol in missing[:_REFERENCES_PER_CALL])
            for failure in await asyncio.gather(*asked, return_exceptions=True):
                if failure is not None:
                    raise failure

    async def _learn_reference(self, symbol: Symbol, date: SessionDate, lane: "Lane") -> None:
        self._references[symbol, date] = await self._broker.daily_reference(symbol, date, lane)

    async def status(self, symbol: Symbol, greatest_age: timedelta, lane: "Lane") -> InstrumentStatus:
        """Return the board and flags of a symbol, no older than ``greatest_age``."""
        known = self.known_status(symbol, greatest_age)
        if known is not None:
            return known
        status = await self._broker.instrument_status(symbol, lane)
        self._statuses[symbol] = (self._pace.now(), status)
        return status

    def known_status(self, symbol: Symbol, greatest_age: timedelta) -> InstrumentStatus | None:
        """Return the status if it was asked for lately, without asking again."""
        known = self._statuses.get(symbol)
        if known is None or self._pace.now() - known[0] > greatest_age:
            return None
        return known[1]

    def _stale(self, symbols: Iterable[Symbol], age: timedelta, covered_age: timedelta) -> list[Symbol]:
        now = self._pace.now()

        def is_stale(symbol: Symbol) -> bool:
            known_at = self._known_at.get(symbol)
            return known_at is None or abs(now - known_at) > (covered_age if self.coverage.covers(symbol) else age)

        return [symbol for symbol in symbols if is_stale(symbol)]

    async def _refresh(self, symbols: Iterable[Symbol], lane: "Lane") -> None:
        wanted, begun_at = tuple(dict.fromkeys(symbols)), self._pace.now()
        fresh = await self._broker.quotes(wanted, lane)
        for symbol in wanted:
            if symbol in fresh:
                self._take_answer(fresh[symbol], begun_at)
            elif not self._has_ticked_since(symbol, begun_at):
                self._quotes.pop(symbol, None)
            self._known_at[symbol] = self._pace.now()

    def _take_answer(self, answer: Quote, begun_at: datetime) -> None:
        """Take an answer, unless a trade was told while it was on its way that it does not know of yet."""
        self.coverage.compare(answer)
        known = self._quotes.get(answer.symbol)
        outrun = known is not None and self._has_ticked_since(answer.symbol, begun_at) and answer.volume < known.volume
        if not outrun:
            self._remember(answer)

    def _has_ticked_since(self, symbol: Symbol, instant: datetime) -> bool:
        ticked_at = self._ticked_at.get(symbol)
        return ticked_at is not None and ticked_at > instant

    def _remember(self, quote: Quote) -> None:
        self._quotes[quote.symbol] = quote
        path = self._samples.setdefault(quote.symbol, deque(maxlen=_MOST_SAMPLES))
        if path and path[-1].at >= quote.observed_at:
            return
        if len(path) > 1 and path[-1].at - path[-2].at < _BETWEEN_SAMPLES:
            path.pop()
        path.append(PriceSample(quote.observed_at, quote.price, quote.volume))
        while path[0].at < quote.observed_at - _REMEMBERED:
            path.popleft()

    def _distrust(self, symbol: Symbol, problem: QuoteProblem) -> None:
        if self._distrusted.get(symbol) is not problem:
            self._distrusted[symbol] = problem
            logger.warning("tick_distrusted", extra={"symbol": symbol, "problem": problem})


def _same_day(known: Quote, tick: Quote) -> bool:
    return session_date_of(known.observed_at) == session_date_of(tick.observed_at)


def _is_older(tick: Quote, known: Quote) -> bool:
    """Compare by the day's volume, which only grows, and by time where it says nothing."""
    if tick.volume != known.volume:
        return tick.volume < known.volume
    return tick.observed_at < known.observed_at
