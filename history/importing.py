"""Import foreign files into the store. One bad row or file never loses the others; each is counted and named."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from domain.bar import DailyBar, IndexBar, MinuteBar
from domain.market import Market, Symbol
from history.clocks import Clock, Moment, clock_of
from history.columns import Columns, match_columns
from history.errors import HistoryError
from history.rows import (
    NO_VALUE,
    BarReader,
    Dates,
    RowError,
    SkippedRowError,
    index_named,
    symbol_in_name,
    symbol_of,
)
from history.store import Instrument
from history.tables import RawRow, Table, open_table

MOST_NAMED: Final = 20
"""Refused rows of a file that are named; all are counted."""

_WIDTH: Final = 9
"""Numbers of a gathered bar: minute, prices, volume, value, line, file."""


@dataclass(slots=True)
class FileVerdict:
    """What one file gave. ``refused`` names the first refused rows; ``problem`` refuses the file as a whole."""

    file: Path
    dialect: str = ""
    daily: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    layout: str = ""
    zone: str = ""
    labels: str = ""
    rows: int = 0
    taken: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    problem: str = ""

    @property
    def verdict(self) -> str:
        """Return the verdict in one word."""
        if not self.taken:
            return "refused"
        return "partly" if self.problem or self.refusals else "read"

    def refuse(self, unit: str, line: int, what: str, text: str) -> None:
        """Count a refused row, and name it if it is one of the first."""
        self.refusals[what] += 1
        if len(self.refused) < MOST_NAMED:
            place = f"{unit} {line}: " if line else ""
            self.refused.append(f"{self.file}, {place}{text}")


@dataclass(slots=True)
class Gathered:
    """The bars of all files in memory, some 75 bytes each."""

    minutes: dict[date, dict[Symbol, "array[int]"]] = field(default_factory=dict)
    daily: dict[Symbol, dict[date, DailyBar]] = field(default_factory=dict)
    bases: dict[tuple[date, Symbol], int] = field(default_factory=dict)
    """Previous closes that minute files state."""
    indices: dict[date, dict[Market, dict[int, IndexBar]]] = field(default_factory=dict)
    instruments: dict[Symbol, Instrument] = field(default_factory=dict)
    units: list[str] = field(default_factory=list)
    verdicts: list[FileVerdict] = field(default_factory=list)

    def minute_bars(self, day: date, symbol: Symbol) -> dict[int, MinuteBar]:
        """Return one stock's minutes of a session; a second bar of a minute is refused unless it is equal."""
        rows, found = self.minutes[day][symbol], dict[int, MinuteBar]()
        for start in range(0, len(rows), _WIDTH):
            minute, first, high, low, close, volume, value, line, file = rows[start : start + _WIDTH]
            bar = MinuteBar(minute, first, high, low, close, volume, None if value == NO_VALUE else value)
            earlier = found.setdefault(minute, bar)
            if earlier is bar:
                continue
            verdict = self.verdicts[file]
            verdict.taken -= 1
            if earlier == bar:
                verdict.left_out["repeated"] += 1
            else:
                text = f"a second bar of {symbol} for {day} {minute // 60:02}:{minute % 60:02} with other values"
                verdict.refuse(self.units[file], line, "second bar", text)
        return found

    def keep_bases(self) -> None:
        """Keep previous closes that only minute files state: with a daily bar made of the minutes."""
        for (day, symbol), base in self.bases.items():
            known = self.daily.setdefault(symbol, {})
            if day not in known:
                known[day] = _daily_bar(day, self.minutes[day][symbol], base)


def gather(
    files: Sequence[Path], said: Mapping[str, str], dates: Dates, progress: Callable[[], None] = lambda: None
) -> Gathered:
    """Read files. ``progress`` is called after each; ``said`` maps columns to fields where a guess would be wrong."""
    gathered = Gathered()
    for file in files:
        verdict = FileVerdict(file)
        gathered.verdicts.append(verdict)
        gathered.units.append("line")
        try:
            table = open_table(file)
            gathered.units[-1] = table.unit
            _FileReader(table, said, dates, verdict).read_into(gathered)
        except HistoryError as error:
            verdict.problem = str(error).removeprefix(f"{file} ")
        progress()
    gathered.keep_bases()
    return gathered


class _FileReader:
    """Reads one file: what it is, then row by row."""

    def __init__(self, table: Table, said: Mapping[str, str], dates: Dates, verdict: FileVerdict) -> None:
        self._table = table
        self._dates = dates
        self._verdict = verdict
        self._columns = match_columns(table.columns, said)
        places = {name: table.columns.index(column) for name, column in self._columns.of.items()}
        self._clock = clock_of(table.file.stem, places, table.sample())
        self._reader = BarReader(places, dates)
        self._symbol_place = places.get("symbol")
        self._index_in_name = index_named(table.file.stem) if self._symbol_place is None else None
        in_name = symbol_in_name(table.file.stem) or symbol_in_name(table.file.parent.name)
        self._symbols: dict[Any, Symbol] = {None: in_name} if in_name and self._symbol_place is None else {}
        self._moments: dict[Any, Moment] = {}
        self._bars: dict[tuple[date, Symbol], array[int]] = {}
        self._describe(self._columns, self._clock)

    def read_into(self, gathered: Gathered) -> None:
        """Add the file's bars. A file that breaks off keeps what was read.

        Raises:
            HistoryError: nothing says which stock it is about.
        """
        if self._symbol_place is None and not self._symbols and self._index_in_name is None:
            raise HistoryError("no column and no file name says the stock; name the column: --map COLUMN=symbol")
        number = len(gathered.verdicts) - 1
        try:
            self._take_all(gathered, number)
        except HistoryError as error:
            self._verdict.problem = str(error).removeprefix(f"{self._table.file} ")
        shift = self._label_shift()
        for (day, symbol), bars in self._bars.items():
            _shift(bars, shift, self._dates.hours(day).auction)
            gathered.minutes.setdefault(day, {}).setdefault(symbol, array("q")).extend(bars)
        self._verdict.notes.update(self._reader.numbers.changed)

    def _take_all(self, gathered: Gathered, number: int) -> None:
        for raw in self._table.rows():
            self._verdict.rows += 1
            if isinstance(raw, RawRow):
                self._take(raw, gathered, number)
            else:
                self._verdict.refuse("", 0, "columns", str(raw))

    def _take(self, raw: RawRow, gathered: Gathered, number: int) -> None:
        index = self._index(raw.values)
        try:
            if index is not None:
                self._take_index(index, raw, gathered)
                return
            symbol, (day, minute) = self._symbol(raw.values), self._moment(raw.values)
            if self._clock.daily:
                self._take_daily(symbol, self._reader.daily(raw.values, day), gathered, raw.line)
            else:
                bar = self._reader.minute(raw.values, day, minute)
                value = NO_VALUE if bar.value is None else bar.value
                kept = self._bars.setdefault((day, symbol), array("q"))
                kept.extend((*bar[:6], value, raw.line, number))
                self._verdict.taken += 1
                if base := self._reader.base(raw.values, bar.close):
                    gathered.bases.setdefault((day, symbol), base)
        except SkippedRowError as skipped:
            self._verdict.left_out[skipped.what] += 1
        except RowError as error:
            self._verdict.refuse(self._table.unit, raw.line, error.what, str(error))
        else:
            if symbol not in gathered.instruments:
                gathered.instruments[symbol] = self._reader.instrument(raw.values, symbol)

    def _index(self, values: Sequence[Any]) -> Market | None:
        return self._index_in_name if self._symbol_place is None else index_named(values[self._symbol_place])

    def _take_index(self, index: Market, raw: RawRow, gathered: Gathered) -> None:
        """Keep a minute of an index; of two for the same minute the last counts."""
        day, minute = self._moment(raw.values)
        if self._clock.daily:
            raise SkippedRowError("daily bars of an index", "")
        bar = self._reader.index(raw.values, day, minute)
        gathered.indices.setdefault(day, {}).setdefault(index, {})[minute] = bar
        self._verdict.taken += 1

    def _take_daily(self, symbol: Symbol, bar: DailyBar, gathered: Gathered, line: int) -> None:
        known = gathered.daily.setdefault(symbol, {})
        earlier = known.setdefault(bar.date, bar)
        if earlier is bar:
            self._verdict.taken += 1
        elif earlier == bar:
            self._verdict.left_out["repeated"] += 1
        else:
            text = f"a second bar of {symbol} for {bar.date} with other values"
            self._verdict.refuse(self._table.unit, line, "second bar", text)

    def _symbol(self, values: Sequence[Any]) -> Symbol:
        cell = None if self._symbol_place is None else values[self._symbol_place]
        if cell not in self._symbols:
            self._symbols[cell] = symbol_of(cell)
        return self._symbols[cell]

    def _moment(self, values: Sequence[Any]) -> Moment:
        key = self._clock.key(values)
        if key not in self._moments:
            self._moments[key] = self._clock.read(key)
        return self._moments[key]

    def _label_shift(self) -> int:
        """Return 1 if bars are named by the minute's end: none at the open, but volume where no minute begins."""
        with_auction = 0
        for (day, _), bars in self._bars.items():
            hours = self._dates.hours(day)
            rows = _volumes(bars)
            if hours.opens in rows:
                return 0
            with_auction += bool(rows.get(hours.auction))
        by_end = bool(self._bars) and 2 * with_auction > len(self._bars)
        self._verdict.labels = "the minute's end" if by_end else self._verdict.labels
        return int(by_end)

    def _describe(self, columns: Columns, clock: Clock) -> None:
        verdict = self._verdict
        verdict.dialect, verdict.daily, verdict.columns = self._table.dialect, clock.daily, columns.of
        verdict.unused, verdict.layout, verdict.zone = columns.unused, clock.shown, clock.zone.name
        verdict.labels = "" if clock.daily else "the minute's start"
        if columns.adjusted:
            verdict.notes[f"adjusted prices by name ({', '.join(columns.adjusted)}); orders need prices as traded"] += 1


def _daily_bar(day: date, bars: "array[int]", base: int) -> DailyBar:
    rows = sorted(tuple(bars[start : start + _WIDTH]) for start in range(0, len(bars), _WIDTH))
    high, low, volume = max(row[2] for row in rows), min(row[3] for row in rows), sum(row[5] for row in rows)
    return DailyBar(day, rows[0][1], high, low, rows[-1][4], volume, None, base)


def _volumes(bars: "array[int]") -> dict[int, int]:
    return dict(zip(bars[::_WIDTH], bars[5::_WIDTH], strict=True))


def _shift(bars: "array[int]", by: int, auction: int) -> None:
    """Name bars of continuous trading by the minute's start."""
    for place in range(0, len(bars) if by else 0, _WIDTH):
        if bars[place] <= auction:
            bars[place] -= by


def each_stock_day(gathered: Gathered) -> Iterator[tuple[date, dict[Symbol, dict[int, MinuteBar]]]]:
    """Yield the gathered minutes session by session, and free them."""
    for day in sorted(gathered.minutes):
        yield day, {symbol: gathered.minute_bars(day, symbol) for symbol in sorted(gathered.minutes[day])}
        del gathered.minutes[day]
