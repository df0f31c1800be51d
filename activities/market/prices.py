"""Prices known to one process: the last of each stock, when it was confirmed, and its recent path."""

import logging
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from activities.market.coverage import Coverage
from activities.market.jumps import Jumps
from activities.market.minute_bars import MinuteBars
from activities.support.recorder import DayRecorder
from domain.market import DailyReference, PriceSample, Quote, QuoteProblem, Symbol, problem_with
from domain.session import SessionDate, session_date_of

if TYPE_CHECKING:
    from activities.support.pace import Pace

logger = logging.getLogger("haru.stream")

_REMEMBERED: Final = timedelta(minutes=30)
_MOST_SAMPLES: Final = 900
_BETWEEN_SAMPLES: Final = _REMEMBERED / _MOST_SAMPLES
_LATE: Final = timedelta(seconds=5)
"""Real time after which a tick is too late to be news."""


class Prices:
    """Merges broker quotes and stream ticks; an older price never replaces a newer one."""

    def __init__(self, pace: "Pace", coverage: Coverage, jumps: Jumps, recorder: DayRecorder | None = None) -> None:
        self._pace = pace
        self._recorder = recorder
        self._coverage = coverage
        self._jumps = jumps
        self.known: dict[Symbol, Quote] = {}
        self._known_at: dict[Symbol, datetime] = {}
        self._heard_at: dict[Symbol, datetime] = {}
        self._distrusted: dict[Symbol, QuoteProblem] = {}
        self._paths: dict[Symbol, deque[PriceSample]] = {}
        self.minutes = MinuteBars()

    def note(self, reference: DailyReference, date: SessionDate) -> None:
        """Record a stock's earlier sessions."""
        if self._recorder is not None:
            self._recorder.reference(reference, date)

    def path(self, symbol: Symbol) -> tuple[PriceSample, ...]:
        """Return the samples of the last half hour, oldest first."""
        return tuple(self._paths.get(symbol, ()))

    def older_than(self, age: timedelta, symbols: Iterable[Symbol]) -> list[Symbol]:
        """Return the stocks whose last tick or query, answered or not, is older than ``age`` (market time)."""
        known_at, now = self._known_at, self._pace.now()
        return [each for each in symbols if (at := known_at.get(each)) is None or abs(now - at) > age]

    def doubt(self, symbol: Symbol) -> None:
        """Mark a stock to be queried again at the next look."""
        self._known_at.pop(symbol, None)

    def doubt_all(self) -> None:
        """Mark every stock to be queried again at the next look."""
        self._known_at.clear()
        self._jumps.forget()

    def take_tick(self, tick: Quote) -> bool:
        """Take a trade from the stream; return whether it was news.

        A tick has neither limits nor name: these come from today's broker quote, and before that quote no tick counts.
        An absurd, late or outdated price changes nothing. After a jump the broker is asked first.
        """
        known, now = self.known.get(tick.symbol), self._pace.now()
        if known is None or known.limits is None or not _same_day(known, tick):
            return False
        quote = replace(
            tick,
            limits=known.limits,
            previous_close=known.previous_close,
            name=known.name,
            market=known.market,
            unreadable=known.unreadable,
        )
        problem = problem_with(quote, now, self._pace.clock.market_duration(_LATE))
        if problem is not None:
            self._distrust(tick.symbol, problem)
            return False
        self._distrusted.pop(tick.symbol, None)
        if _is_older(quote, known):
            self._coverage.heard(quote)
            return False
        if self._jumps.holds_back(quote):
            self.doubt(tick.symbol)
            return self.take_agreed(tick.symbol)
        self._take(quote)
        return True

    def take_agreed(self, symbol: Symbol) -> bool:
        """Accept the price that jump ticks agree on if the broker is silent too long; return whether there was one."""
        agreed = self._jumps.agreed(symbol)
        if agreed is not None:
            self._take(agreed)
        return agreed is not None

    def _take(self, tick: Quote) -> None:
        self._coverage.heard(tick)
        self._remember(tick)
        self._known_at[tick.symbol] = self._heard_at[tick.symbol] = self._pace.now()

    def take_answers(self, asked: tuple[Symbol, ...], answers: Mapping[Symbol, Quote], asked_at: datetime) -> None:
        """Store the broker's quotes; a stock missing from them now has no price.

        A price that arrived during the request stays if the quote predates it and is close to it. While a jump waits
        for a later quote, the stock is queried again.
        """
        for symbol in asked:
            has_news = symbol in self.known and self._heard_at.get(symbol, asked_at) > asked_at
            answer = answers.get(symbol)
            if answer is not None:
                self._coverage.compare(answer)
                self._jumps.hear_answer(answer, asked_at)
                if not (has_news and self._is_outrun(answer)):
                    self._remember(answer)
                    self._heard_at[symbol] = self._pace.now()
            elif not has_news:
                self.known.pop(symbol, None)
            if self._jumps.is_open(symbol):
                self.doubt(symbol)
            else:
                self._known_at[symbol] = self._pace.now()

    def _is_outrun(self, answer: Quote) -> bool:
        """Return whether a tick includes more trades; a tick far from the broker's price does not count."""
        known = self.known[answer.symbol]
        return answer.volume < known.volume and not self._jumps.bound.is_jump(known, answer)

    def _remember(self, quote: Quote) -> None:
        self.known[quote.symbol] = quote
        path = self._paths.setdefault(quote.symbol, deque(maxlen=_MOST_SAMPLES))
        if path and path[-1].at >= quote.observed_at:
            return
        self.minutes.add(quote)
        if self._recorder is not None:
            self._recorder.price(quote, self.minutes.latest(quote.symbol))
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
    """Compare by the day's volume, which only grows; at equal volume, by time."""
    if tick.volume != known.volume:
        return tick.volume < known.volume
    return tick.observed_at < known.observed_at
