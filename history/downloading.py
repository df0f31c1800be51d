"""Download bars into the store, a stock-day at a time. What is stored already is skipped, so a stop costs nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Final, Protocol

from domain.bar import DailyBar, MinuteBar
from domain.errors import BrokerProtocolError, BrokerRefusedError, TradingError, TryAgainError
from domain.market import Symbol
from domain.session import Session, TradingCalendar
from history.errors import HistoryError
from history.provenance import Source
from history.store import BarStore

_AT_ONCE: Final = 4
"""Stocks asked for at the same time. The rate budget, not this number, bounds the calls."""

_PAUSES: Final = (1.0, 5.0, 20.0)
"""Seconds before a stock-day is asked for again, while the broker is away or counts too many calls."""

_DAYS_BEFORE: Final = timedelta(days=120)
"""Daily bars are downloaded from so long before the first session: a strategy looks back at them."""


class Charts(Protocol):
    """A broker's past bars."""

    async def minute_bars(self, symbol: Symbol, session: Session) -> Sequence[MinuteBar]:
        """Return the minutes of a session that is over."""

    async def daily_bars(self, symbol: Symbol, first: date, last: date) -> Sequence[DailyBar]:
        """Return the daily bars between two dates, not adjusted."""


@dataclass(slots=True)
class Downloaded:
    """What a download did, in stock-days; ``failed`` names symbol, date and reason."""

    stored: int = 0
    skipped: int = 0
    empty: int = 0
    daily: int = 0
    failed: list[str] = field(default_factory=list)


class Downloader:
    """Downloads the bars of some stocks for some sessions."""

    def __init__(
        self,
        store: BarStore,
        charts: Charts,
        source: Source,
        tick: Callable[[], None],
        pauses: Sequence[float] = _PAUSES,
    ) -> None:
        self.done = Downloaded()
        self._store = store
        self._charts = charts
        self._source = source
        self._tick = tick
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._kept_source = False
        self._pauses = pauses

    async def run(self, symbols: Sequence[Symbol], sessions: Sequence[Session], calendar: TradingCalendar) -> None:
        """Download daily bars, then minutes, the oldest session first. ``tick`` is called after each stock-day.

        Raises:
            TradingError: the broker is away or refuses our keys; what was stored before stays.
        """
        first, last = sessions[0].date - _DAYS_BEFORE, sessions[-1].date
        await self._all(symbols, partial(self._daily, wanted=_sessions(calendar, first, last)))
        for session in sessions:
            stored = self._store.minutes(session.date, symbols)
            missing = [symbol for symbol in symbols if symbol not in stored]
            self.done.skipped += len(stored)
            for _ in stored:
                self._tick()
            await self._all(missing, partial(self._minutes, session=session))

    async def _all(self, symbols: Sequence[Symbol], download: Callable[[Symbol], Awaitable[None]]) -> None:
        async def one(symbol: Symbol) -> None:
            async with self._at_once:
                for pause in self._pauses:
                    with suppress(TryAgainError):
                        return await download(symbol)
                    await asyncio.sleep(pause)
                return await download(symbol)

        try:
            async with asyncio.TaskGroup() as group:
                for symbol in symbols:
                    group.create_task(one(symbol))
        except* (TradingError, HistoryError) as errors:
            raise errors.exceptions[0] from None

    async def _daily(self, symbol: Symbol, *, wanted: Sequence[date]) -> None:
        stored = {bar.date for bar in self._store.daily(symbol, wanted[-1] + timedelta(days=1), len(wanted) * 2)}
        missing = [day for day in wanted if day not in stored]
        if not missing:
            return
        try:
            bars = await self._charts.daily_bars(symbol, missing[0], missing[-1])
        except (BrokerProtocolError, BrokerRefusedError) as error:
            self.done.failed.append(f"{symbol}, daily bars: {error}")
            return
        new = [bar for bar in bars if bar.date not in stored]
        if new:
            self._keep_source()
            self._store.write_daily({symbol: new}, self._source)
            self.done.daily += len(new)

    async def _minutes(self, symbol: Symbol, *, session: Session) -> None:
        try:
            bars = await self._charts.minute_bars(symbol, session)
        except (BrokerProtocolError, BrokerRefusedError) as error:
            self.done.failed.append(f"{symbol} {session.date}: {error}")
        else:
            if bars:
                self._keep_source()
                self._store.write_day(session.date, {symbol: bars}, self._source)
            self.done.stored += bool(bars)
            self.done.empty += not bars
        self._tick()

    def _keep_source(self) -> None:
        """Name the source before its first row is stored."""
        if not self._kept_source:
            self._store.sources.add(self._source)
            self._kept_source = True


def _sessions(calendar: TradingCalendar, first: date, last: date) -> list[date]:
    days = (date.fromordinal(ordinal) for ordinal in range(first.toordinal(), last.toordinal() + 1))
    return [day for day in days if calendar.session_on(day)]
