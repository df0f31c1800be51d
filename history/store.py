"""The store of recorded bars: one Parquet file a session for minutes, one a year for daily bars.

``minute/YYYY-MM-DD.parquet``, ``daily/YYYY.parquet``, ``instruments.parquet`` and ``sources.json`` below one folder.
"""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

from domain.bar import DailyBar, MinuteBar
from domain.market import Market, Symbol
from domain.money import Price
from domain.session import SessionDate
from domain.tick_size import PriceLimits, price_limits
from history.errors import HistoryError, StoreBusyError
from history.parquet import Parquet
from history.provenance import Provenance, Source
from security.private_files import open_private, private_folder

_MINUTE_COLUMNS: Final = {
    "symbol": "VARCHAR",
    "date": "DATE",
    "time": "TIME",
    **dict.fromkeys(("open", "high", "low", "close"), "INTEGER"),
    **dict.fromkeys(("volume", "value"), "BIGINT"),
    "source": "VARCHAR",
}
_DAILY_COLUMNS: Final = {
    "symbol": "VARCHAR",
    "date": "DATE",
    **dict.fromkeys(("open", "high", "low", "close"), "INTEGER"),
    **dict.fromkeys(("volume", "value"), "BIGINT"),
    "base": "INTEGER",
    "source": "VARCHAR",
}
_INSTRUMENT_COLUMNS: Final = dict.fromkeys(("symbol", "name", "market", "kind"), "VARCHAR")
_MINUTES: Final = "SELECT symbol, (hour(time) * 60 + minute(time))::INT AS at, open, high, low, close, volume, value"
_DAILY: Final = "SELECT date, open, high, low, close, volume, value, base"
_AMONG: Final = "symbol IN (SELECT unnest(?::VARCHAR[]))"
_LONGEST_BREAK: Final = timedelta(days=14)
"""The age up to which an earlier close counts as the previous close. The longest holidays take ten days."""


class Kind(StrEnum):
    """The kind of instrument; it decides the tick size."""

    STOCK = "stock"
    ETF = "etf"


class CloseFrom(StrEnum):
    """Where a previous close comes from, the most reliable first."""

    EXCHANGE = "exchange"
    """The day's own base price, which follows splits and rights."""
    DAILY = "daily"
    """The close of the last daily bar."""
    MINUTES = "minutes"
    """The last stored minute of the session before."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Instrument:
    """What the store knows of a symbol beside its bars. Unknown values are blank or None."""

    symbol: Symbol
    name: str = ""
    market: Market | None = None
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class StockDay:
    """One stock's minutes of one session in order, with its previous close in won (0 if unknown)."""

    bars: tuple[MinuteBar, ...]
    instrument: Instrument
    previous_close: Price = Price(0)
    close_from: CloseFrom = CloseFrom.UNKNOWN

    @property
    def limits(self) -> PriceLimits | None:
        """Return the day's price limits, or None without a previous close."""
        return price_limits(self.previous_close) if self.previous_close else None


@dataclass(frozen=True, slots=True)
class SessionBars:
    """All stored stocks of one session."""

    date: SessionDate
    stocks: Mapping[Symbol, StockDay]


@dataclass(frozen=True, slots=True)
class StoredSession:
    """The content of one file: a session, or a year of daily bars. ``sources`` are the ids of its rows."""

    name: str
    symbols: int
    rows: int
    sources: tuple[str, ...]


class BarStore:
    """The bars below one folder. Reading needs no lock: a file is replaced as a whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources = Provenance(folder / "sources.json")
        self._parquet = Parquet()
        self._instruments: dict[Symbol, Instrument] | None = None

    def sessions(self, first: date = date.min, last: date = date.max) -> tuple[SessionDate, ...]:
        """Return the dates with stored minutes, in order."""
        dates = (date.fromisoformat(file.stem) for file in self._minute_files())
        return tuple(SessionDate(day) for day in sorted(dates) if first <= day <= last)

    def day(self, session_date: date, symbols: Iterable[Symbol] | None = None) -> SessionBars:
        """Return the stored stocks of a session, or only ``symbols``.

        Raises:
            HistoryError: there is no such session, or its file cannot be read.
        """
        bars = self.minutes(session_date, symbols)
        if not bars and not (symbols is not None and self._minute_file(session_date).exists()):
            raise HistoryError(f"{self.folder} has no minute bars of {session_date}; `bars list` shows what it has")
        closes = self._previous_closes(session_date)
        stocks = {
            symbol: StockDay(tuple(found), self.instrument(symbol), *closes.get(symbol, ()))
            for symbol, found in bars.items()
        }
        return SessionBars(SessionDate(session_date), stocks)

    def minutes(self, session_date: date, symbols: Iterable[Symbol] | None = None) -> dict[Symbol, list[MinuteBar]]:
        """Return a session's minutes by symbol, empty if there are none."""
        wanted = None if symbols is None else list(symbols)
        where = "" if wanted is None else f"WHERE {_AMONG}"
        file = self._minute_file(session_date)
        found: dict[Symbol, list[MinuteBar]] = {}
        values = () if wanted is None else (wanted,)
        rows = self._parquet.rows(
            f"{_MINUTES} FROM {{files}} {where} ORDER BY symbol, time", [file] if file.exists() else [], *values
        )
        for symbol, of_symbol in groupby(rows, itemgetter(0)):
            found[Symbol(symbol)] = [MinuteBar._make(row[1:]) for row in of_symbol]
        return found

    def symbols_on(self, session_date: date) -> tuple[Symbol, ...]:
        """Return the stocks with minutes of a session, by code; empty if there are none."""
        file = self._minute_file(session_date)
        rows = self._parquet.rows(
            "SELECT DISTINCT symbol FROM {files} ORDER BY symbol", [file] if file.exists() else []
        )
        return tuple(Symbol(symbol) for (symbol,) in rows)

    def symbols_among(self, symbols: Iterable[Symbol], first: date, last: date) -> frozenset[Symbol]:
        """Return which of these stocks have minutes of a session from one date to another."""
        files = [self._minute_file(day) for day in self.sessions(first, last)]
        query = f"SELECT DISTINCT symbol FROM {{files}} WHERE {_AMONG}"  # noqa: S608 our own condition
        rows = self._parquet.rows(query, files, list(symbols))
        return frozenset(Symbol(symbol) for (symbol,) in rows)

    def daily(self, symbol: Symbol, until: date, n: int) -> tuple[DailyBar, ...]:
        """Return a stock's last ``n`` daily bars before a date, oldest first."""
        query = f"{_DAILY} FROM {{files}} WHERE symbol = ? AND date < ? ORDER BY date DESC LIMIT ?"
        rows = self._parquet.rows(query, self._daily_files(date.min, until), symbol, until, n)
        return tuple(DailyBar(*row) for row in reversed(rows))

    def daily_between(
        self, first: date, last: date, symbols: Iterable[Symbol] | None = None
    ) -> dict[Symbol, list[DailyBar]]:
        """Return the daily bars from one date to another, by symbol and in order; of all symbols or only some."""
        wanted = None if symbols is None else list(symbols)
        among = "" if wanted is None else f"AND {_AMONG}"
        query = f"{_DAILY}, symbol FROM {{files}} WHERE date BETWEEN ? AND ? {among} ORDER BY symbol, date"
        values = (first, last) if wanted is None else (first, last, wanted)
        found: dict[Symbol, list[DailyBar]] = {}
        for *bar, symbol in self._parquet.rows(query, self._daily_files(first, last), *values):
            found.setdefault(Symbol(symbol), []).append(DailyBar(*bar))
        return found

    def contents(self) -> tuple[list[StoredSession], list[StoredSession]]:
        """Return what each session and each year of daily bars holds."""
        query = "SELECT count(DISTINCT symbol), count(*), list(DISTINCT source ORDER BY source) FROM {files}"
        kinds = (list(self._minute_files()), self._daily_files(date.min, date.max))
        sessions, daily = (
            [
                StoredSession(file.stem, symbols, rows, tuple(source for source in sources if source))
                for file in files
                for symbols, rows, sources in self._parquet.rows(query, [file])
            ]
            for files in kinds
        )
        return sessions, daily

    def instrument(self, symbol: Symbol) -> Instrument:
        """Return what is known of a symbol."""
        if self._instruments is None:
            file = self.folder / "instruments.parquet"
            rows = self._parquet.rows("SELECT symbol, name, market, kind FROM {files}", [file] if file.exists() else [])
            self._instruments = {
                Symbol(code): Instrument(
                    Symbol(code), name or "", Market(market) if market else None, Kind(kind) if kind else None
                )
                for code, name, market, kind in rows
            }
        return self._instruments.get(symbol) or Instrument(symbol)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the store for one writer.

        Raises:
            StoreBusyError: another process writes.
        """
        private_folder(self.folder)
        held = open_private(self.folder / "lock", os.O_RDWR)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreBusyError(f"another process writes into {self.folder}; wait until it has ended") from None
        else:
            yield
        finally:
            os.close(held)

    def write_day(
        self, session_date: date, bars: Mapping[Symbol, Sequence[MinuteBar]], source: Source | None = None
    ) -> None:
        """Replace the minutes of these symbols in a session; the other symbols stay. Atomic."""
        origin = source.id if source else None
        rows = (
            (symbol, session_date, f"{bar.minute // 60:02}:{bar.minute % 60:02}:00", *bar[1:], origin)
            for symbol, found in bars.items()
            for bar in found
        )
        kept = "symbol NOT IN (SELECT symbol FROM new)"
        self._parquet.write(self._minute_file(session_date), _MINUTE_COLUMNS, rows, kept=kept, order="symbol, time")

    def write_daily(self, bars: Mapping[Symbol, Sequence[DailyBar]], source: Source | None = None) -> None:
        """Replace daily bars of the same symbol and date; the others stay. Atomic for each year."""
        origin = source.id if source else None
        years: dict[int, list[tuple[object, ...]]] = {}
        for symbol, found in bars.items():
            for bar in found:
                years.setdefault(bar.date.year, []).append((symbol, *bar, origin))
        kept = "(symbol, date) NOT IN (SELECT (symbol, date) FROM new)"
        for year, rows in years.items():
            file = self.folder / "daily" / f"{year}.parquet"
            self._parquet.write(file, _DAILY_COLUMNS, rows, kept=kept, order="symbol, date")

    def write_instruments(self, instruments: Iterable[Instrument]) -> None:
        """Add what is known of symbols; blank values keep what was known before."""
        merged = []
        for new in instruments:
            old = self.instrument(new.symbol)
            name = (new.name or old.name).translate({9: 32, 10: 32})
            merged.append((new.symbol, name, new.market or old.market, new.kind or old.kind))
        file, kept = self.folder / "instruments.parquet", "symbol NOT IN (SELECT symbol FROM new)"
        self._parquet.write(file, _INSTRUMENT_COLUMNS, merged, kept=kept, order="symbol")
        self._instruments = None

    def _previous_closes(self, session_date: date) -> dict[Symbol, tuple[Price, CloseFrom]]:
        since = session_date - _LONGEST_BREAK
        before = self.sessions(since, session_date - timedelta(days=1))
        closes: dict[Symbol, tuple[Price, CloseFrom]] = {}
        newest: dict[Symbol, date] = {}
        if before:
            query = "SELECT symbol, arg_max(close, time) FROM {files} GROUP BY symbol"
            for code, close in self._parquet.rows(query, [self._minute_file(before[-1])]):
                closes[Symbol(code)], newest[Symbol(code)] = (Price(close), CloseFrom.MINUTES), before[-1]
        query = (
            "SELECT symbol, max(base) FILTER (date = $1), arg_max(close, date) FILTER (date < $1),"
            " max(date) FILTER (date < $1) FROM {files} WHERE date BETWEEN $2 AND $1 GROUP BY symbol"
        )
        for symbol, base, close, day in self._parquet.rows(
            query, self._daily_files(since, session_date), session_date, since
        ):
            if base:
                closes[symbol] = (Price(base), CloseFrom.EXCHANGE)
            elif day and day >= newest.get(symbol, date.min):
                closes[symbol] = (Price(close), CloseFrom.DAILY)
        return closes

    def _minute_file(self, day: date) -> Path:
        return self.folder / "minute" / f"{day}.parquet"

    def _minute_files(self) -> Iterator[Path]:
        return _named_by(date.fromisoformat, self.folder / "minute")

    def _daily_files(self, first: date, last: date) -> list[Path]:
        return [file for file in _named_by(int, self.folder / "daily") if first.year <= int(file.stem) <= last.year]


def _named_by(read: Callable[[str], object], folder: Path) -> Iterator[Path]:
    """Yield the Parquet files of a folder whose names can be read; other files are not ours."""
    for file in sorted(folder.glob("*.parquet")):
        try:
            read(file.stem)
        except ValueError:
            continue
        yield file
