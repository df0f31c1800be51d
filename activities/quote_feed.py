"""One feed of prices per hosting process: whoever finds a price stale refreshes all watched ones in one batch."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from domain.market import DailyReference, InstrumentStatus, MarketView, PriceSample, Quote, Symbol, with_book
from domain.session import SessionDate, session_date_of

if TYPE_CHECKING:
    from activities.pace import Pace
    from broker.protocol import Broker
    from domain.lane import Lane

_REMEMBERED: Final = timedelta(minutes=30)
_MOST_SAMPLES: Final = 900
_REFERENCES_PER_CALL: Final = 15


class QuoteFeed:
    """Shared quotes, recent paths, references and statuses. Ages are market time.

    Watchers register by count, not by symbol alone: after an outage two attempts of one watch can live in one process.
    """

    def __init__(self, broker: "Broker", pace: "Pace") -> None:
        self._broker = broker
        self._pace = pace
        self._quotes: dict[Symbol, Quote] = {}
        self._asked_at: dict[Symbol, datetime] = {}
        self._samples: dict[Symbol, deque[PriceSample]] = {}
        self._references: dict[tuple[Symbol, SessionDate], DailyReference] = {}
        self._statuses: dict[Symbol, tuple[datetime, InstrumentStatus]] = {}
        self._watched: Counter[Symbol] = Counter()
        self._refresh_guard = asyncio.Lock()
        self._reference_guard = asyncio.Lock()

    @contextmanager
    def watching(self, symbol: Symbol) -> Iterator[None]:
        """Include a symbol in every refresh while the context lasts."""
        self._watched[symbol] += 1
        try:
            yield
        finally:
            self._watched[symbol] -= 1
            self._watched += Counter()

    async def quotes(self, symbols: Iterable[Symbol], greatest_age: timedelta, lane: "Lane") -> dict[Symbol, Quote]:
        """Return quotes no older than ``greatest_age``, asking the broker only for what is older.

        A symbol that the broker gives no price for is missing from the answer.
        """
        wanted = tuple(symbols)
        async with self._refresh_guard:
            stale = self._stale(wanted, greatest_age)
            if stale:
                await self._refresh([*stale, *self._stale(tuple(self._watched), greatest_age)], lane)
        return {symbol: self._quotes[symbol] for symbol in wanted if symbol in self._quotes}

    async def seen_in_book(self, quote: Quote, lane: "Lane") -> Quote:
        """Return the quote with best bid and ask, asking for the order book where the quote cannot show them."""
        return quote if quote.shows_book else with_book(quote, await self._broker.order_book(quote.symbol, lane))

    async def view(self, symbol: Symbol, greatest_age: timedelta, lane: "Lane") -> MarketView | None:
        """Return all that a rule may look at for one symbol, or None without a price."""
        found = await self.quotes([symbol], greatest_age, lane)
        return self.view_of(found[symbol]) if symbol in found else None

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

    def _stale(self, symbols: Iterable[Symbol], greatest_age: timedelta) -> list[Symbol]:
        now = self._pace.now()
        return [s for s in symbols if s not in self._asked_at or abs(now - self._asked_at[s]) > greatest_age]

    async def _refresh(self, symbols: Iterable[Symbol], lane: "Lane") -> None:
        wanted = tuple(dict.fromkeys(symbols))
        fresh = await self._broker.quotes(wanted, lane)
        for symbol in wanted:
            self._asked_at[symbol] = self._pace.now()
            if symbol in fresh:
                self._remember(fresh[symbol])
            else:
                self._quotes.pop(symbol, None)

    def _remember(self, quote: Quote) -> None:
        self._quotes[quote.symbol] = quote
        path = self._samples.setdefault(quote.symbol, deque(maxlen=_MOST_SAMPLES))
        if path and path[-1].at >= quote.observed_at:
            return
        path.append(PriceSample(quote.observed_at, quote.price, quote.volume))
        while path[0].at < quote.observed_at - _REMEMBERED:
            path.popleft()
