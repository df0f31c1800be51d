"""Price feed of a hosting process: from the stream if available, else one batch refresh for all."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from activities.market.askers import Askers
from activities.market.bells import Bell, Bells, Spaced
from activities.market.coverage import Coverage
from activities.market.index_levels import IndexLevels
from activities.market.jumps import Jumps
from activities.market.left_out import STOCK_FAULTS, OnlyOne, StockFault
from activities.market.prices import Prices
from activities.support.pace import note_failure
from activities.support.recorder import DayRecorder
from activities.support.single_flight import SingleFlight
from domain.errors import BrokerProtocolError, BrokerRefusedError, TryAgainError
from domain.jump import JumpBound
from domain.market import (
    DailyReference,
    InstrumentStatus,
    MarketView,
    OrderBook,
    Quote,
    Symbol,
    with_book,
)
from domain.session import SessionDate, TradingCalendar, session_date_of

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Broker
    from domain.lane import Lane

logger = logging.getLogger("haru.feed")

_REFERENCES_PER_CALL: Final = 15
_UNREADABLE_AGAIN: Final = timedelta(minutes=1)
"""Real time after which an unreadable reference is queried again."""
_OF_INTEREST: Final = timedelta(seconds=30)
"""Real time for which a queried stock stays a candidate for the stream."""
_BOOK_LASTS: Final = timedelta(seconds=2)
"""Real time after which a read order book is old."""
_BETWEEN_JUMPS: Final = 0.2
"""Real seconds between two wake-ups for jumps: later jumps share a call, so forged ticks cost few calls."""


_EVERY_WEEKDAY: Final = TradingCalendar(frozenset())


@dataclass(frozen=True, slots=True)
class _Ages:
    """The greatest age of a quote in market time; another one while the stream covers the stock."""

    polled: timedelta
    covered: timedelta


class QuoteFeed:
    """Shared quotes, recent paths, references and statuses. Ages are market time.

    Watchers are counted: after an outage, two attempts of one watch can run in the same process.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its collaborators
        self,
        broker: "Broker",
        pace: "Pace",
        bound: JumpBound | None = None,
        calendar: TradingCalendar = _EVERY_WEEKDAY,
        coverage: Coverage | None = None,
        recorder: DayRecorder | None = None,
    ) -> None:
        self._broker = broker
        self._calendar = calendar
        self._pace = pace
        self.coverage = coverage or Coverage(pace)
        self._jumps = Jumps(pace, bound or JumpBound())
        self._prices = Prices(pace, self.coverage, self._jumps, recorder)
        self._wanted_at: dict[Symbol, datetime] = {}
        self._bells = Bells()
        self._waking = Spaced(self._wake_for_jumps, _BETWEEN_JUMPS)
        self._references: dict[tuple[Symbol, SessionDate], DailyReference] = {}
        self._without_reference: dict[tuple[Symbol, SessionDate], tuple[datetime, StockFault]] = {}
        self._statuses: dict[Symbol, tuple[datetime, InstrumentStatus | StockFault]] = {}
        self._asked_statuses: SingleFlight[Symbol, InstrumentStatus] = SingleFlight()
        self._watched: Counter[Symbol] = Counter()
        self._askers: dict[Lane, Askers] = defaultdict(Askers)
        self._reference_guard = asyncio.Lock()
        self._indices = IndexLevels(broker, pace)
        self._books: dict[Symbol, tuple[datetime, OrderBook]] = {}

    @contextmanager
    def watching(self, symbol: Symbol, bell: Bell | None = None) -> Iterator[asyncio.Event]:
        """Include a symbol in every refresh while the context lasts; yield an event set at each new streamed price.

        With a ``bell``, that is set instead.
        """
        self._watched[symbol] += 1
        try:
            with self._bells.listening(symbol, bell) as news:
                yield news
        finally:
            self._watched[symbol] -= 1
            self._watched += Counter()

    async def quotes(
        self, symbols: Iterable[Symbol], greatest_age: timedelta, lane: "Lane", covered_age: timedelta = timedelta(0)
    ) -> dict[Symbol, Quote]:
        """Return quotes no older than ``greatest_age``; query the broker only for older ones.

        While the stream covers a symbol, silence means no change: then ``covered_age`` applies. A symbol without a
        broker price is missing from the result. The call also includes symbols that the lane's other callers or
        watchers need, up to its capacity. No lane waits for another lane's call.

        Raises:
            TradingError: the broker did not answer. All callers that wait for the same call get the error.
        """
        wanted = tuple(symbols)
        self._indices.refresh()
        if not self.has_fresh(wanted, greatest_age, covered_age):
            with self._askers[lane].waiting_for(wanted):
                await self._ask_for(wanted, _Ages(greatest_age, max(greatest_age, covered_age)), lane)
        known = self._prices.known
        return {symbol: known[symbol] for symbol in wanted if symbol in known}

    def has_fresh(self, symbols: Collection[Symbol], greatest_age: timedelta, covered_age: timedelta) -> bool:
        """Return whether these stocks need no call; either way they stay of interest."""
        return not self.stale(symbols, greatest_age, covered_age)

    def stale(self, symbols: Collection[Symbol], greatest_age: timedelta, covered_age: timedelta) -> list[Symbol]:
        """Return which of these stocks need a call; all of them stay of interest."""
        self._wanted_at |= dict.fromkeys(symbols, self._pace.now())
        return self._stale(symbols, _Ages(greatest_age, max(greatest_age, covered_age)))

    @property
    def stocks_per_call(self) -> int:
        """Return how many stocks one request of quotes covers."""
        return self._broker.stocks_per_call

    def known_quote(self, symbol: Symbol) -> Quote | None:
        """Return the last quote of a symbol of any age, without a query."""
        self._prices.take_agreed(symbol)
        return self._prices.known.get(symbol)

    def need_price_since(self, symbol: Symbol, instant: datetime) -> None:
        """Query a stock at the next look if its last quote is older than an instant (market time)."""
        known = self._prices.known.get(symbol)
        if known is not None and known.observed_at < instant:
            self._prices.doubt(symbol)

    async def seen_in_book(self, quote: Quote, lane: "Lane") -> Quote:
        """Return the quote with best bid and ask; query the order book if the quote lacks them."""
        if quote.shows_book:
            return quote
        book = await self._broker.order_book(quote.symbol, lane)
        self._books[quote.symbol] = (self._pace.now(), book)
        return with_book(quote, book)

    async def view(
        self, symbol: Symbol, greatest_age: timedelta, lane: "Lane", covered_age: timedelta = timedelta(0)
    ) -> MarketView | None:
        """Return all data that a rule may use for one symbol, or None without a price."""
        found = await self.quotes([symbol], greatest_age, lane, covered_age)
        return self.view_of(found[symbol]) if symbol in found else None

    def take(self, tick: Quote) -> bool:
        """Take a trade from the stream and wake the stock's watchers; return whether it was news.

        A jump is no news yet: it wakes the watchers to query the broker.
        """
        is_news = self._prices.take_tick(tick)
        if is_news:
            self._bells.ring(tick.symbol)
        elif self._jumps.is_open(tick.symbol):
            self._waking.want()
        return is_news

    def cover(self, symbols: Iterable[Symbol]) -> None:
        """Trust the stream for these stocks a few seconds more; query a new one once, for missed trades."""
        covered = tuple(symbols)
        for symbol in covered:
            if not self.coverage.covers(symbol):
                self._prices.doubt(symbol)
        self.coverage.extend(covered)

    def forget_stream(self) -> None:
        """Query the broker at the next look, and wake all watchers now: the stream ended or just began."""
        self.coverage.withdraw()
        self._prices.doubt_all()
        self._bells.ring_all()

    def of_interest(self) -> tuple[Symbol, ...]:
        """Return the recently queried stocks, highest turnover first."""
        since = self._pace.now() - self._pace.clock.market_duration(_OF_INTEREST)
        self._wanted_at = {symbol: at for symbol, at in self._wanted_at.items() if at >= since}
        known = [self._prices.known[symbol] for symbol in self._wanted_at if symbol in self._prices.known]
        return tuple(quote.symbol for quote in sorted(known, key=lambda quote: -quote.turnover))

    def view_of(self, quote: Quote) -> MarketView:
        """Combine a quote with what else is known of its symbol; this asks the broker nothing."""
        date, symbol = session_date_of(quote.observed_at), quote.symbol
        reference, minutes = self._references.get((symbol, date)), self._prices.minutes.of(symbol)
        index, no_index = self._indices.of(quote.market, quote.observed_at)
        path, session = self._prices.path(symbol), self._calendar.session_on(date)
        return MarketView(quote, reference, path, minutes, session, index, no_index, self._depth(symbol))

    def _depth(self, symbol: Symbol) -> OrderBook | None:
        """Return the order book if it has been read a moment ago."""
        at, book = self._books.get(symbol, (None, None))
        return None if at is None or self._pace.now() - at > self._pace.clock.market_duration(_BOOK_LASTS) else book

    async def learn_references(self, symbols: Iterable[Symbol], lane: "Lane") -> dict[Symbol, StockFault]:
        """Query some of today's missing daily references, once for all scanners.

        Return the stocks that the broker refused or whose reply was malformed, with the error.
        """
        date, wanted = session_date_of(self._pace.now()), tuple(symbols)
        async with self._reference_guard:
            missing = [symbol for symbol in wanted if self._wants_reference(symbol, date)]
            await self._learn(missing[:_REFERENCES_PER_CALL], date, lane)
        faults = {symbol: self._without_reference.get((symbol, date)) for symbol in wanted}
        return {symbol: found[1] for symbol, found in faults.items() if found is not None}

    async def _learn(self, symbols: Sequence[Symbol], date: SessionDate, lane: "Lane") -> None:
        asked = (self._learn_reference(symbol, date, lane) for symbol in symbols)
        only_one = OnlyOne()
        for symbol, failure in zip(symbols, await asyncio.gather(*asked, return_exceptions=True), strict=True):
            if isinstance(failure, TryAgainError):
                only_one.bear(symbol, failure)
                self._without_reference[symbol, date] = (self._pace.now(), failure)
            elif failure is not None:
                raise failure

    def _wants_reference(self, symbol: Symbol, date: SessionDate) -> bool:
        """Return whether to query a reference: refused ones once a day, unreadable ones once a minute."""
        if (symbol, date) in self._references:
            return False
        at, fault = self._without_reference.get((symbol, date), (None, None))
        if at is None:
            return True
        again = self._pace.clock.market_duration(_UNREADABLE_AGAIN)
        return not isinstance(fault, BrokerRefusedError) and self._pace.now() - at >= again

    async def _learn_reference(self, symbol: Symbol, date: SessionDate, lane: "Lane") -> None:
        try:
            found = self._references[symbol, date] = await self._broker.daily_reference(symbol, date, lane)
            self._without_reference.pop((symbol, date), None)
            self._prices.note(found, date)
        except STOCK_FAULTS as fault:
            self._without_reference[symbol, date] = (self._pace.now(), fault)

    async def status(self, symbol: Symbol, greatest_age: timedelta, lane: "Lane") -> InstrumentStatus:
        """Return the board and flags of a symbol, no older than ``greatest_age``; concurrent callers share one call.

        Raises:
            BrokerRefusedError, BrokerProtocolError: the broker's refused or malformed reply is no older than that.
        """
        known = self._known(symbol, greatest_age)
        if known is None:
            return await self._asked_statuses.answer(symbol, lambda: self._ask_status(symbol, lane))
        if isinstance(known, InstrumentStatus):
            return known
        raise known.with_traceback(None)

    async def _ask_status(self, symbol: Symbol, lane: "Lane") -> InstrumentStatus:
        try:
            status = await self._broker.instrument_status(symbol, lane)
        except STOCK_FAULTS as fault:
            self._statuses[symbol] = (self._pace.now(), fault)
            raise
        self._statuses[symbol] = (self._pace.now(), status)
        return status

    def known_status(self, symbol: Symbol, greatest_age: timedelta) -> InstrumentStatus | None:
        """Return the status if it was queried recently, without a query."""
        known = self._known(symbol, greatest_age)
        return known if isinstance(known, InstrumentStatus) else None

    def _known(self, symbol: Symbol, greatest_age: timedelta) -> InstrumentStatus | StockFault | None:
        at, known = self._statuses.get(symbol, (None, None))
        return None if at is None or self._pace.now() - at > greatest_age else known

    def _stale(self, symbols: Iterable[Symbol], ages: _Ages) -> list[Symbol]:
        older, covers = self._prices.older_than(ages.polled, symbols), self.coverage.covers
        covered = set(filter(covers, older))
        confirmed = covered.difference(self._prices.older_than(ages.covered, covered))
        return [symbol for symbol in older if symbol not in confirmed]

    async def _ask_for(self, wanted: tuple[Symbol, ...], ages: _Ages, lane: "Lane") -> None:
        """Join the lane's current call, and start one if that does not cover our symbols."""
        askers, is_ours = self._askers[lane], False
        while not is_ours and (stale := self._stale(wanted, ages)):
            is_ours = askers.call is None or askers.call.done()
            if is_ours:
                others = [*self._stale((*askers.wanted, *self._watched), ages), *self._watched_beside_jumps(stale)]
                askers.call = self._called(_filled_up(stale, others, self._broker.stocks_per_call), lane)
            try:
                await asyncio.shield(cast("asyncio.Task[None]", askers.call))
            except (BrokerRefusedError, BrokerProtocolError):
                # The error concerns the stocks of that call; only a broker that does not answer fails for all.
                if is_ours:
                    raise

    def _watched_beside_jumps(self, asked: Iterable[Symbol]) -> Iterable[Symbol]:
        """Return all watched stocks if a jump is queried: stocks often jump together, as at an auction."""
        return self._watched if any(map(self._jumps.is_open, asked)) else ()

    def _wake_for_jumps(self) -> None:
        for symbol in self._jumps.waiting:
            self._bells.ring(symbol)

    def _called(self, wanted: tuple[Symbol, ...], lane: "Lane") -> "asyncio.Task[None]":
        """Start a call that continues when its first caller leaves: the others wait for it too."""
        call = asyncio.create_task(self._refresh(wanted, lane))
        call.add_done_callback(note_failure)
        return call

    async def _refresh(self, wanted: tuple[Symbol, ...], lane: "Lane") -> None:
        asked_at = self._pace.now()
        with self._jumps.asking(wanted):
            answers = await self._broker.quotes(wanted, lane)
        waiting = [symbol for symbol in wanted if self._jumps.is_open(symbol)]
        self._prices.take_answers(wanted, answers, asked_at)
        for symbol in waiting:
            if not self._jumps.is_open(symbol) or self._jumps.came_after(asked_at, symbol):
                self._bells.ring(symbol)


def _filled_up(wanted: Iterable[Symbol], others: Iterable[Symbol], per_call: int) -> tuple[Symbol, ...]:
    """Return the wanted symbols, and as many of the others as need no further call."""
    asked = dict.fromkeys(wanted)
    calls = -(-len(asked) // per_call)
    return tuple(dict.fromkeys([*asked, *others]))[: calls * per_call]
