"""Recorded minute bars as the source of prices: read from CSV or Parquet and validated line by line."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from hashlib import sha256
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from domain.clock import KST
from domain.market import Symbol
from domain.money import Price
from domain.session import Session, TradingCalendar
from domain.tick_size import may_have_traded, price_limits
from simulator.natural_day import MinuteBar

COLUMNS: Final = ("date", "time", "symbol", "open", "high", "low", "close", "volume")
_MINUTE: Final = 60
_SYMBOL: Final = re.compile("[0-9A-Z]{6}")


class BarsError(ValueError):
    """A bars file cannot be used. The text names file, line, problem and remedy."""


class Row(NamedTuple):
    """One line: a minute of one stock. ``base`` is the previous close in won, 0 if the file does not give it."""

    place: str
    symbol: Symbol
    session: Session
    minute: int
    bar: MinuteBar
    base: int


@dataclass(slots=True)
class RecordedBars:
    """One stock's bars of one session. ``closing`` is the closing auction's bar, if the file has one."""

    session: Session
    base: Price = Price(0)
    minutes: dict[int, MinuteBar] = field(default_factory=dict)
    closing: MinuteBar | None = None

    @property
    def close_price(self) -> Price:
        """Return the session's last price."""
        return Price(self.closing.close if self.closing else self.minutes[max(self.minutes)].close)

    @property
    def volume(self) -> int:
        """Return the shares traded in the whole session."""
        return sum(bar.volume for bar in self.minutes.values()) + (self.closing.volume if self.closing else 0)

    def whole(self, count: int) -> list[MinuteBar]:
        """Return a bar for every minute. A minute without trades repeats the last price."""
        last = self.minutes[min(self.minutes)].open
        bars = []
        for minute in range(count):
            bars.append(self.minutes.get(minute, MinuteBar(last, last, last, last, 0)))
            last = bars[-1].close
        return bars


@dataclass(frozen=True, slots=True)
class Recording:
    """All bars by stock and date. ``digest`` identifies the recording."""

    days: Mapping[Symbol, Mapping[date, RecordedBars]]
    digest: str


def read_bars(path: Path, calendar: TradingCalendar) -> Recording:
    """Read a file, or every ``.csv`` and ``.parquet`` file of a folder.

    Raises:
        BarsError: a file is missing, unreadable or invalid.
    """
    files = sorted(one for one in path.iterdir() if one.suffix in (".csv", ".parquet")) if path.is_dir() else [path]
    if not files or not path.exists():
        raise BarsError(f"{path} holds no bars; name a .csv or .parquet file, or a folder of them")
    days: dict[Symbol, dict[date, RecordedBars]] = {}
    digest = sha256()
    for file in files:
        for place, fields in _lines(file):
            row = _row(place, fields, calendar)
            digest.update(repr(row[1:]).encode())
            _add(days, row)
    for stock in days.values():
        _set_bases(stock)
    return Recording(days, digest.hexdigest())


def _lines(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if file.suffix == ".parquet":
        yield from _parquet_lines(file)
        return
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            _check_columns(file, reader.fieldnames or ())
            for fields in reader:
                yield f"{file}, line {reader.line_num}", fields
    except (OSError, UnicodeDecodeError) as error:
        raise BarsError(f"{file} cannot be read as UTF-8 text: {error}") from error


def _parquet_lines(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise BarsError(f"{file} needs pyarrow, which is not installed; install it or give the bars as CSV") from error
    try:
        table = parquet.read_table(file)
    except (OSError, arrow.ArrowException) as error:
        raise BarsError(f"{file} cannot be read as Parquet: {error}") from error
    _check_columns(file, table.column_names)
    for number, fields in enumerate(table.to_pylist(), 1):
        yield f"{file}, row {number}", fields


def _check_columns(file: Path, names: Iterable[str]) -> None:
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise BarsError(f"{file} lacks the columns {', '.join(missing)}; the first line must name {','.join(COLUMNS)}")


def _row(place: str, fields: Mapping[str, Any], calendar: TradingCalendar) -> Row:
    symbol = str(fields["symbol"] or "").strip()
    if _SYMBOL.fullmatch(symbol) is None:
        raise BarsError(f"{place}: {symbol!r} is no stock code; write six characters, as in 005930 or 0126Z0")
    session = _session(place, str(fields["date"]), calendar)
    minute = _minute(place, str(fields["time"]), session)
    numbers = [_whole(place, name, fields[name]) for name in COLUMNS[3:]]
    bar = MinuteBar(*numbers)
    base = _whole(place, "base", fields["base"]) if fields.get("base") else 0
    if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        raise BarsError(f"{place}: open and close must lie between low {bar.low} and high {bar.high}")
    for name, price in zip(COLUMNS[3:7], bar[:4], strict=True):
        if not may_have_traded(price):
            raise BarsError(f"{place}: {name} {price} is not on KRX's price grid; give prices that are not adjusted")
    return Row(place, Symbol(symbol), session, minute, bar, base)


def _session(place: str, text: str, calendar: TradingCalendar) -> Session:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError as error:
        raise BarsError(f"{place}: {text!r} is no date; write 20261123 or 2026-11-23") from error
    session = calendar.session_on(day)
    if session is None:
        raise BarsError(f"{place}: the exchange is closed on {day}; remove the line or correct its date")
    return session


def _minute(place: str, text: str, session: Session) -> int:
    """Return the minute since the open at which the bar starts; for the closing auction the match's minute."""
    try:
        clock_time = time.fromisoformat(text.strip().zfill(4))
    except ValueError as error:
        raise BarsError(f"{place}: {text!r} is no time; write the minute's begin as 0900, 090000 or 09:00") from error
    instant = datetime.combine(session.date, clock_time, KST)
    if not session.opens_at <= instant < session.auction_at and instant != session.ends_at:
        times = (session.opens_at, session.auction_at, session.ends_at)
        opens, auction, ends = (f"{at.astimezone(KST):%H:%M}" for at in times)
        raise BarsError(f"{place}: {text} is neither from {opens} to before {auction} nor {ends} (closing auction)")
    return int((instant - session.opens_at).total_seconds()) // _MINUTE


def _whole(place: str, name: str, value: Any) -> int:
    text = str(value).strip().removesuffix(".0")
    if not (text.isascii() and text.isdigit()):
        raise BarsError(f"{place}: {name} is {value!r}; write a whole number without separators")
    return int(text)


def _add(days: dict[Symbol, dict[date, RecordedBars]], row: Row) -> None:
    day = days.setdefault(row.symbol, {}).setdefault(row.session.date, RecordedBars(row.session))
    is_closing = row.minute * _MINUTE >= (row.session.auction_at - row.session.opens_at).total_seconds()
    if row.minute in day.minutes or (is_closing and day.closing):
        raise BarsError(f"{row.place}: a second bar of {row.symbol} for this minute; remove one of them")
    day.base = Price(row.base or day.base)
    if is_closing:
        day.closing = row.bar
    else:
        day.minutes[row.minute] = row.bar


def _set_bases(stock: dict[date, RecordedBars]) -> None:
    """Set each day's previous close: from the file, from the day before in the file, or the day's own first price."""
    for symbol_day in stock.values():
        if not symbol_day.minutes:
            raise BarsError(f"{symbol_day.session.date} has only a closing auction; add the minutes before it")
    days = [stock[day] for day in sorted(stock)]
    for earlier, later in pairwise([None, *days]):
        if later is None:
            continue
        opening = Price(later.minutes[min(later.minutes)].open)
        later.base = later.base or (earlier.close_price if earlier else opening)
        limits = price_limits(later.base)
        bars = [*later.minutes.values(), *([later.closing] if later.closing else [])]
        if any(not (limits.contains(Price(bar.low)) and limits.contains(Price(bar.high))) for bar in bars):
            raise BarsError(
                f"the bars of {later.session.date} leave the limits {limits.lower} to {limits.upper} around the base "
                f"{later.base}; give the day's reference price in a column 'base', and prices that are not adjusted"
            )
