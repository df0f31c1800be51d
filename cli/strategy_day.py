"""A strategy over one day of minute bars: the view is the live one, of the same feed, and each call is bounded."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from activities.market.quote_feed import QuoteFeed
from cli.strategy_references import reference_of
from cli.strategy_trials import Asking, Exit, OverdueError, Trials
from domain.clock import LIVE_CLOCK, MarketClock
from domain.errors import BrokerRefusedError
from domain.lane import Lane
from domain.market import (
    DailyReference,
    IndexLevel,
    InstrumentStatus,
    Market,
    MarketView,
    Quote,
    Symbol,
    TradingFlag,
)
from domain.money import Price, Quantity, Won
from domain.rules import TradingRules
from domain.screening import Candidate, ScanReport, ScreenedStock, first_failed_filter, select_candidates
from domain.session import Session, SessionDate, TradingCalendar
from domain.strategy import EntrySignal, objection_to_flag, objection_to_ranks, objection_to_signal
from domain.tick_size import PriceLimits
from fleet.errors import OperationError
from lab.exchange import calendar_there
from lab.recording import session_there
from simulator.bar_folder import read_bars
from simulator.exchange import Exchange
from simulator.index_levels import level_at
from simulator.krx.units import Market as Board
from simulator.listings import Listing
from simulator.recorded import BarsError, Recording
from simulator.tape import Tape
from strategies import known
from strategies.admission import Admitted

BETWEEN_LOOKS: Final = timedelta(seconds=30)
"""Market time between two looks at every stock."""
_PER_CALL: Final = 15
_LEAST_TO_RANK: Final = 2
_SEED: Final = 7


@dataclass(frozen=True, slots=True)
class Said:
    """A signal, and until when the strategy repeated it at each look (market time, UTC)."""

    symbol: Symbol
    name: str
    since: datetime
    until: datetime
    price: Price
    signal: EntrySignal
    dropped: str = ""
    """The filter of the screening that drops the stock when the signal begins."""


@dataclass(slots=True)
class Drop:
    """How long one filter drops a stock, look after look (market time, UTC)."""

    symbol: Symbol
    name: str
    filter: str
    since: datetime
    until: datetime
    looks: int = 1


@dataclass(frozen=True, slots=True)
class Scan:
    """One look at all stocks: how many each filter dropped, and the candidates in the order in which they are tried."""

    at: datetime
    dropped: Mapping[str, int]
    candidates: tuple[Candidate, ...]


@dataclass(slots=True)
class Checked:
    """What a strategy said on a day, and what went wrong: each fault with its count."""

    day: SessionDate
    source: str
    stocks: int
    looks: int = 0
    without_reference: int = 0
    said: list[Said] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    exits: list[Exit] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Pace:
    """The clock of the day: it stands until the next look."""

    at: datetime

    @property
    def clock(self) -> MarketClock:
        return LIVE_CLOCK

    def now(self) -> datetime:
        return self.at


class _Day:
    """The quotations of one day, as the feed asks a broker for them."""

    stocks_per_call = 1_000

    def __init__(self, tapes: Mapping[Symbol, Tape], exchange: Exchange, session: Session, pace: _Pace) -> None:
        self._tapes, self._exchange, self._session, self._pace = tapes, exchange, session, pace
        self._position = exchange.sessions.position(session_there(session))
        self.references: dict[Symbol, DailyReference] = {}

    async def quotes(self, symbols: Sequence[Symbol], lane: Lane) -> dict[Symbol, Quote]:  # noqa: ARG002 the broker's
        """Return the quotes of this moment; the day has no order book."""
        second = int((self._pace.at - self._session.opens_at).total_seconds())
        return {symbol: self._quote(symbol, second) for symbol in symbols}

    def _quote(self, symbol: Symbol, second: int) -> Quote:
        tape = self._tapes[symbol]
        path = tape.path(self._position)
        totals = path.totals_at(second)
        return Quote(
            symbol,
            Price(path.price_at(second)),
            self._pace.at,
            volume=Quantity(totals.volume),
            turnover=Won(totals.turnover),
            open_price=Price(totals.open_price),
            high_price=Price(totals.high_price),
            low_price=Price(totals.low_price),
            previous_close=Price(tape.base_price(self._position)),
            limits=PriceLimits(Price(path.limits.lower), Price(path.limits.upper)),
            name=tape.listing.name,
            market=Market(tape.listing.market),
            shows_book=False,
        )

    async def index_level(self, market: Market, lane: Lane) -> IndexLevel | None:  # noqa: ARG002 the broker's
        """Return the index of this moment, if the data has it."""
        found = level_at(self._exchange, Board(market), self._pace.at)
        return IndexLevel(market, found.now, self._pace.at, found.before) if found.now else None

    async def daily_reference(self, symbol: Symbol, session_date: SessionDate, lane: Lane) -> DailyReference:  # noqa: ARG002 the broker's
        """Return the day before, if the data has it."""
        if symbol not in self.references:
            raise BrokerRefusedError("NO_REFERENCE", f"{symbol}: the data lacks the day before")
        return self.references[symbol]


async def check_day(
    strategy: Admitted, rules: TradingRules, calendar: TradingCalendar, file: Path | None, on: date | None
) -> Checked:
    """Ask a strategy about every stock of a recorded day, or of a simulated one without a file.

    Raises:
        OperationError: the file or the date cannot be used.
    """
    recording = None if file is None else _read(file, calendar)
    day = _chosen(recording, calendar, on)
    exchange = Exchange(_SEED, calendar_there(calendar), interrupts=False, recording=recording)
    tapes = {
        Symbol(symbol): tape
        for symbol, tape in exchange.tapes.items()
        if recording is None or day.date in recording.days.get(symbol, ())
    }
    pace = _Pace(day.opens_at)
    played = _Day(tapes, exchange, day, pace)
    played.references = {
        symbol: reference
        for symbol, tape in tapes.items()
        if (reference := reference_of(tape, exchange, day, recording)) is not None
    }
    result = Checked(day.date, str(file) if file else f"the simulator's day (seed {_SEED})", len(tapes))
    result.without_reference = len(tapes) - len(played.references)
    feed = QuoteFeed(played, pace, calendar=calendar)  # type: ignore[arg-type]  # what a feed asks of broker and pace
    play = _Play(strategy, rules, feed, {symbol: tape.listing for symbol, tape in tapes.items()}, result)
    with suppress(OverdueError):
        while pace.at < day.auction_at:
            await play.look(pace.at)
            pace.at += BETWEEN_LOOKS
        play.trials.end(day.auction_at)
    return result


class _Play:
    """The looks of one day, as a scan makes them: screening, filters, entries, ranking; then the trial positions."""

    def __init__(
        self,
        strategy: Admitted,
        rules: TradingRules,
        feed: QuoteFeed,
        listings: Mapping[Symbol, Listing],
        result: Checked,
    ) -> None:
        self._strategy, self._rules, self._feed, self._listings = strategy, rules, feed, listings
        self._result = result
        self._calls = Asking(strategy.name, result.faults)
        self.trials = Trials(strategy, rules, self._calls, result.exits)
        self._open: dict[Symbol, Said] = {}
        self._dropping: dict[Symbol, Drop] = {}

    async def look(self, now: datetime) -> None:
        """Look at every stock that has traded.

        Raises:
            OverdueError: a call took too long or too much memory.
        """
        views = await self._views()
        stocks = await self._judged({view.quote.symbol: self._stock(view) for view in views}, now)
        self._result.looks += len(stocks)
        await self.trials.look({symbol: stock.view for symbol, stock in stocks.items()}, now)
        report = select_candidates(list(stocks.values()), self._rules.screening, now, self._age)
        self._result.scans.append(Scan(now, _named(report), report.candidates))
        for symbol, stock in stocks.items():
            self._note(symbol, stock, self._dropped(stock, now))

    async def _views(self) -> list[MarketView]:
        symbols = list(self._listings)
        for _ in range(0, len(symbols), _PER_CALL):
            await self._feed.learn_references(symbols, Lane.SCAN)
        quotes = await self._feed.quotes(symbols, timedelta(0), Lane.SCAN)
        return [self._feed.view_of(quote) for quote in quotes.values() if quote.volume]

    def _stock(self, view: MarketView) -> ScreenedStock:
        listing = self._listings[view.quote.symbol]
        flags = frozenset(TradingFlag(flag) for flag in listing.flags)
        status = InstrumentStatus(view.quote.symbol, Market(listing.market), flags)
        return ScreenedStock(view, status, locked=False, cooling_down=False)

    async def _judged(self, stocks: dict[Symbol, ScreenedStock], now: datetime) -> dict[Symbol, ScreenedStock]:
        """Return the stocks with refusals of filters, signals and ranks; a stock that is dropped is asked about too."""
        filters = known().filters
        for name in filter(filters.__contains__, self._rules.screening.custom_filters):
            kept = await self._calls.answers(
                {symbol: partial(filters[name], stock) for symbol, stock in stocks.items()}, objection_to_flag
            )
            stocks |= {each: replace(stocks[each], refused_by=name) for each, keeps in kept.items() if not keeps}
        asked = {
            each: partial(self._strategy.entry, stock.view, self._rules.strategy) for each, stock in stocks.items()
        }
        said = await self._calls.answers(asked, partial(objection_to_signal, strategy=self._strategy.name))
        stocks = {
            each: replace(stock, signal=said.get(each), code_failed=each not in said) for each, stock in stocks.items()
        }
        return stocks | await self._ranked(stocks, now)

    async def _ranked(self, stocks: Mapping[Symbol, ScreenedStock], now: datetime) -> dict[Symbol, ScreenedStock]:
        """Return the stocks with a signal that pass the screening, with the strategy's ranks as confidence."""
        liked = {each: stock for each, stock in stocks.items() if stock.signal and not self._dropped(stock, now)}
        if not self._strategy.ranks or len(liked) < _LEAST_TO_RANK:
            return {}
        views = tuple(stock.view for stock in liked.values())
        asked = {min(liked): partial(self._strategy.rank, views, self._rules.strategy)}
        found = await self._calls.answers(asked, partial(objection_to_ranks, symbols=liked.keys()))
        ranks = next(iter(found.values()), None)
        if ranks is None:
            return {}
        return {
            each: replace(stock, signal=replace(stock.signal, confidence=ranks[each]) if each in ranks else None)
            for each, stock in liked.items()
            if stock.signal
        }

    @property
    def _age(self) -> timedelta:
        return self._rules.execution.greatest_quote_age

    def _dropped(self, stock: ScreenedStock, now: datetime) -> str:
        return first_failed_filter(stock, self._rules.screening, now, self._age) or ""

    def _note(self, symbol: Symbol, stock: ScreenedStock, dropped: str) -> None:
        """Note a drop; add a signal, or prolong the one that the strategy repeats, and buy the stock on trial."""
        self._note_drop(stock.view.quote, dropped)
        last, signal, view = self._open.pop(symbol, None), stock.signal, stock.view
        if signal is None:
            return
        now, said = view.quote.observed_at, self._result.said
        if last is None:
            new = Said(symbol, view.quote.name, now, now, view.quote.price, signal, dropped)
            self.trials.buy(view, signal, Market(self._listings[symbol].market))
        else:
            said.remove(last)
            new = replace(last, until=now)
        said.append(new)
        self._open[symbol] = new

    def _note_drop(self, quote: Quote, dropped: str) -> None:
        last, now = self._dropping.pop(quote.symbol, None), quote.observed_at
        if not dropped:
            return
        if last is not None and last.filter == dropped:
            last.until, last.looks = now, last.looks + 1
        else:
            last = Drop(quote.symbol, quote.name, dropped, now, now)
            self._result.drops.append(last)
        self._dropping[quote.symbol] = last


def _named(report: ScanReport) -> dict[str, int]:
    return {str(name): count for name, count in report.dropped.items()}


def _read(file: Path, calendar: TradingCalendar) -> Recording:
    try:
        return read_bars(file, calendar_there(calendar))
    except (BarsError, OSError) as error:
        raise OperationError(str(error)) from None


def _chosen(recording: Recording | None, calendar: TradingCalendar, on: date | None) -> Session:
    """Return the session to play: the one asked for, or the last one."""
    days = sorted({day for stock in recording.days.values() for day in stock}) if recording else []
    day = on or (days[-1] if days else date(2026, 11, 23))
    session = calendar.session_on(day)
    if session is None or (days and day not in days):
        known = f"; the data has {days[0]} to {days[-1]}" if days else ""
        raise OperationError(f"{day} has no session{known}")
    return session
