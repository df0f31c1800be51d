"""Recorded bars from disk: the store of ``starter.py bars``, or foreign files. The only module that knows the store.

The engine takes a ``Recording`` and knows no file, so that a backtest can inject bars of its own.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, cast

import domain.bar
from domain.market import Symbol as StoredSymbol
from domain.session import SessionHours
from domain.session import TradingCalendar as KnownCalendar
from history.errors import HistoryError
from history.importing import Gathered, each_stock_day, gather
from history.index_minutes import IndexMinutes
from history.rows import Dates
from history.store import BarStore, CloseFrom, Instrument, Kind
from history.tables import files_below
from simulator.bars import DailyBar, IndexBar, StoredBar
from simulator.index_days import RecordedIndex, RecordedIndices
from simulator.krx.sessions import TradingCalendar
from simulator.krx.units import Market, Symbol
from simulator.recorded import BarsError, Identity, Recording, StockDay, recording_of

_LOOKBACK: Final = timedelta(days=370)
"""Daily bars before the first session that the charts of the simulator show."""


def read_bars(path: Path, calendar: TradingCalendar, *, only: bool = False) -> Recording:
    """Read a store, a file, or every file of a folder.

    Raises:
        BarsError: a file is missing, unreadable or invalid, or nothing in it can be played.
    """
    try:
        if (path / "minute").is_dir():
            store = BarStore(path)
            return read_sessions(store, calendar, store.sessions(), only=only)
        return recording_of_files(gather(files_below(path), {}, Dates(_known(calendar))), calendar, only=only)
    except HistoryError as error:
        raise BarsError(str(error)) from error


def recording_of_files(gathered: Gathered, calendar: TradingCalendar, *, only: bool) -> Recording:
    """Make foreign files playable that were read a moment ago.

    Raises:
        BarsError: a row is invalid, or nothing can be played.
    """
    days = list(_days_of(gathered))
    _refuse_bad_rows(gathered)
    daily = {str(symbol): {day: _daily(bar) for day, bar in bars.items()} for symbol, bars in gathered.daily.items()}
    identities: dict[Symbol, Identity] = {symbol: _identity(found) for symbol, found in gathered.instruments.items()}
    recording = recording_of(days, calendar, daily=daily, identities=identities, only=only)
    recording.indices = _indices_of(gathered)
    skipped = sum((Counter(verdict.left_out) for verdict in gathered.verdicts), Counter[str]())
    recording.changes = {**recording.changes, **{f"rows {what} left out": count for what, count in skipped.items()}}
    return recording


def read_sessions(
    store: BarStore,
    calendar: TradingCalendar,
    sessions: Iterable[date],
    *,
    symbols: Iterable[Symbol] | None = None,
    only: bool = False,
) -> Recording:
    """Read some sessions of a store, with the daily bars of these stocks around them.

    Raises:
        BarsError: nothing can be played.
        HistoryError: a file is missing or damaged.
    """
    dates = sorted(sessions)
    wanted = None if symbols is None else frozenset(map(StoredSymbol, symbols))
    days: list[StockDay] = []
    identities: dict[StoredSymbol, Identity] = {}
    for day in dates:
        for symbol, stock in store.day(day, wanted).stocks.items():
            guess = stock.close_from is not CloseFrom.EXCHANGE
            days.append(StockDay(symbol, day, _minutes(stock.bars), stock.previous_close, guess))
            identities.setdefault(symbol, _identity(stock.instrument))
    around = store.daily_between(dates[0] - _LOOKBACK, dates[-1], identities) if dates else {}
    daily = {str(symbol): {bar.date: _daily(bar) for bar in bars} for symbol, bars in around.items()}
    known = {str(symbol): identity for symbol, identity in identities.items()}
    recording = recording_of(days, calendar, daily=daily, identities=known, only=only)
    recording.indices = {day: read_indices(store, day) for day in dates}
    return recording


def read_indices(store: BarStore, day: date) -> dict[Market, RecordedIndex]:
    """Return the stored indices of a session."""
    indices = IndexMinutes(store.folder)
    found = indices.of(day)
    return {
        Market(board): RecordedIndex(_index(bars), indices.close_before(day, board)) for board, bars in found.items()
    }


def _indices_of(gathered: Gathered) -> RecordedIndices:
    found: dict[date, dict[Market, RecordedIndex]] = {}
    closes: dict[Market, Decimal] = {}
    for day in sorted(gathered.indices):
        for board, minutes in gathered.indices[day].items():
            market, bars = Market(board), [minutes[minute] for minute in sorted(minutes)]
            found.setdefault(day, {})[market] = RecordedIndex(_index(bars), closes.get(market, Decimal(0)))
            closes[market] = bars[-1].close
    return found


def _known(calendar: TradingCalendar) -> KnownCalendar:
    hours = {day: SessionHours(*changed) for day, changed in calendar.changed_hours.items()}
    return KnownCalendar(calendar.closures, hours)


def _days_of(gathered: Gathered) -> Iterator[StockDay]:
    for day, stocks in each_stock_day(gathered):
        for symbol, bars in stocks.items():
            yield StockDay(symbol, day, _minutes([bars[minute] for minute in sorted(bars)]))


def _refuse_bad_rows(gathered: Gathered) -> None:
    for verdict in gathered.verdicts:
        if verdict.problem:
            raise BarsError(f"{verdict.file}: {verdict.problem}")
        if verdict.refused:
            raise BarsError(verdict.refused[0])


def _minutes(bars: Sequence[domain.bar.MinuteBar]) -> Sequence[StoredBar]:
    """Return stored bars as the simulator's. They are the same fields in the same order; copies would cost time."""
    return cast("Sequence[StoredBar]", bars)


def _index(bars: Sequence[domain.bar.IndexBar]) -> Sequence[IndexBar]:
    return cast("Sequence[IndexBar]", bars)


def _daily(bar: domain.bar.DailyBar) -> DailyBar:
    return DailyBar(*bar)


def _identity(instrument: Instrument) -> Identity:
    etf = None if instrument.kind is None else instrument.kind is Kind.ETF
    return Identity(instrument.name, Market(instrument.market) if instrument.market else None, etf)
