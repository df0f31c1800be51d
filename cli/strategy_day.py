"""A strategy over one day of minute bars: the view is the live one, of the same feed, and each call is bounded."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from activities.market.quote_feed import QuoteFeed
from activities.support.bounded_calls import BoundedCalls, Outcome
from domain.clock import LIVE_CLOCK, MarketClock
from domain.errors import BrokerRefusedError
from domain.lane import Lane
from domain.market import DailyBar, DailyReference, MarketView, Quote, Symbol
from domain.money import Price, Quantity, Won
from domain.rules import StrategyRules
from domain.session import Session, SessionDate, TradingCalendar
from domain.strategy import EntrySignal, objection_to_signal
from domain.tick_size import PriceLimits, price_limits
from fleet.errors import OperationError
from lab.exchange import calendar_there
from lab.recording import session_there
from simulator.bar_folder import read_bars
from simulator.exchange import Exchange
from simulator.recorded import BarsError, RecordedBars, Recording
from simulator.tape import Tape
from strategies.admission import Admitted

BETWEEN_LOOKS: Final = timedelta(seconds=30)
"""Market time between two looks at every stock."""
_PER_CALL: Final = 15
_SIMULATED_DAYS: Final = 14
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


@dataclass(slots=True)
class Checked:
    """What a strategy said on a day, and what went wrong: each fault with its count."""

    day: SessionDate
    source: str
    stocks: int
    looks: int = 0
    without_reference: int = 0
    said: list[Said] = field(default_factory=list)
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

    def __init__(self, tapes: Mapping[Symbol, Tape], position: int, session: Session, pace: _Pace) -> None:
        self._tapes, self._position, self._session, self._pace = tapes, position, session, pace
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
            shows_book=False,
        )

    async def daily_reference(self, symbol: Symbol, session_date: SessionDate, lane: Lane) -> DailyReference:  # noqa: ARG002 the broker's
        """Return the day before, if the data has it."""
        if symbol not in self.references:
            raise BrokerRefusedError("NO_REFERENCE", f"{symbol}: the data lacks the day before")
        return self.references[symbol]


async def check_day(
    strategy: Admitted, rules: StrategyRules, calendar: TradingCalendar, file: Path | None, on: date | None
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
    played = _Day(tapes, exchange.sessions.position(session_there(day)), day, pace)
    played.references = {
        symbol: reference
        for symbol, tape in tapes.items()
        if (reference := _reference(tape, exchange, day, recording)) is not None
    }
    result = Checked(day.date, str(file) if file else f"the simulator's day (seed {_SEED})", len(tapes))
    result.without_reference = len(tapes) - len(played.references)
    feed = QuoteFeed(played, pace, calendar=calendar)  # type: ignore[arg-type]  # what a feed asks of broker and pace
    await _play(_Play(strategy, rules, feed, list(tapes)), pace, day, result)
    return result


@dataclass(frozen=True, slots=True)
class _Play:
    strategy: Admitted
    rules: StrategyRules
    feed: QuoteFeed
    symbols: list[Symbol]

    async def views(self) -> list[MarketView]:
        """Return what the strategy sees of each stock now."""
        for _ in range(0, len(self.symbols), _PER_CALL):
            await self.feed.learn_references(self.symbols, Lane.SCAN)
        quotes = await self.feed.quotes(self.symbols, timedelta(0), Lane.SCAN)
        return [self.feed.view_of(quote) for quote in quotes.values() if quote.volume]


async def _play(play: _Play, pace: _Pace, day: Session, result: Checked) -> None:
    calls, open_signals = BoundedCalls(), dict[Symbol, Said]()
    while pace.at < day.auction_at:
        views = await play.views()
        asked = [partial(play.strategy.entry, view, play.rules) for view in views]
        outcomes: list[Outcome[Any]] = []
        while len(outcomes) < len(asked):
            outcomes += await calls.outcomes(asked[len(outcomes) :])
            if outcomes[-1].overdue is not None:
                why = "more than 512 MiB of memory" if outcomes[-1].is_greedy else f"longer than {calls.longest:g} s"
                result.faults[f"took {why}; the check ends here"] += 1
                return
        result.looks += len(outcomes)
        for view, outcome in zip(views, outcomes, strict=True):
            fault = _fault_of(outcome, play.strategy.name)
            if fault:
                result.faults[fault] += 1
            _note(view, None if fault else outcome.value, open_signals, result.said)
        pace.at += BETWEEN_LOOKS


def _fault_of(outcome: Outcome[Any], name: str) -> str:
    if outcome.fault:
        return f"raised {outcome.fault}"
    objection = objection_to_signal(outcome.value, name)
    return f"returned {objection}" if objection else ""


def _note(view: MarketView, signal: EntrySignal | None, going: dict[Symbol, Said], said: list[Said]) -> None:
    """Add a signal, or prolong the one that the strategy repeats."""
    symbol, now = view.quote.symbol, view.quote.observed_at
    last = going.pop(symbol, None)
    if signal is None:
        return
    new = Said(symbol, view.quote.name, now, now, view.quote.price, signal)
    if last is not None:
        said.remove(last)
        new = Said(symbol, last.name, last.since, now, last.price, last.signal)
    said.append(new)
    going[symbol] = new


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


def _reference(tape: Tape, exchange: Exchange, day: Session, recording: Recording | None) -> DailyReference | None:
    days = tuple(_recorded_days(tape, day, recording) if recording else _simulated_days(tape, exchange, day))
    if not days:
        return None
    base, last = Price(tape.base_price(exchange.sessions.position(session_there(day)))), days[-1]
    limits = price_limits(base)
    return DailyReference(Symbol(tape.listing.symbol), base, last.high, last.low, last.volume, limits, days)


def _recorded_days(tape: Tape, day: Session, recording: Recording) -> Iterator[DailyBar]:
    for each, bars in sorted(recording.days[tape.listing.symbol].items()):
        if each < day.date:
            yield _day_bar(each, bars)


def _day_bar(day: date, bars: RecordedBars) -> DailyBar:
    minutes = [bars.minutes[minute] for minute in sorted(bars.minutes)]
    minutes += [bars.closing] if bars.closing else []
    high, low = max(bar.high for bar in minutes), min(bar.low for bar in minutes)
    return DailyBar(
        day, Price(minutes[0].open), Price(high), Price(low), Price(bars.close_price), Quantity(bars.volume)
    )


def _simulated_days(tape: Tape, exchange: Exchange, day: Session) -> Iterator[DailyBar]:
    position = exchange.sessions.position(session_there(day))
    for each in range(max(1, position - _SIMULATED_DAYS), position):
        found, on = tape.summary(each), exchange.sessions.at(each).date
        first, high, low, last = map(Price, (found.open_price, found.high_price, found.low_price, found.close_price))
        yield DailyBar(SessionDate(on), first, high, low, last, Quantity(found.volume))
