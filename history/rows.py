"""One row of a foreign file as a typed bar. A row that makes no sense raises an error that names value and remedy."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from domain.bar import DailyBar, IndexBar, MinuteBar
from domain.clock import in_seoul
from domain.market import Market, Symbol
from domain.session import TradingCalendar
from history.columns import PRICES
from history.store import Instrument, Kind

NO_VALUE: Final = -1
_CODE: Final = re.compile(r"(?:KRX[:.]?|KR7|A|Q)?([0-9][0-9A-Z]{5})(?:\d{3}|\.K[SQ]|\.KRX)?")
_IN_NAME: Final = re.compile(r"(?<![0-9A-Za-z])A?([0-9][0-9A-Z]{5})(?![0-9A-Za-z])")
_DATE_IN_NAME: Final = re.compile(r"(?<!\d)(20\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?([0-3]\d)(?!\d)")
_ROUND: Final = 6
_GREATEST: Final = 2**31 - 1
_MOST: Final = 10**15
_CLOCK: Final = 60
_MARKETS: Final = {
    **dict.fromkeys(("KOSPI", "코스피", "유가증권", "유가증권시장", "KSP", "STK", "KOSPI200", "거래소"), Market.KOSPI),
    **dict.fromkeys(("KOSDAQ", "코스닥", "코스닥시장", "KSQ", "KSQ150", "KOSDAQ150"), Market.KOSDAQ),
}


_INDICES: Final = {
    **dict.fromkeys(("KOSPI", "코스피", "^KS11", "KS11"), Market.KOSPI),
    **dict.fromkeys(("KOSDAQ", "코스닥", "^KQ11", "KQ11"), Market.KOSDAQ),
}
"""How a symbol column names an index. A number such as 0001 could be a stock code that lost its zeros."""
_MOST_POINTS: Final = 10**7


class RowError(ValueError):
    """A row cannot be used. ``what`` groups equal problems for a count."""

    def __init__(self, what: str, text: str) -> None:
        super().__init__(text)
        self.what = what


class SkippedRowError(RowError):
    """A row that is right, but holds no bar to keep."""


class Hours(NamedTuple):
    """Minutes from midnight KST of one session."""

    opens: int
    auction: int
    ends: int


@dataclass(slots=True)
class Dates:
    """The sessions' hours by date, from a calendar."""

    calendar: TradingCalendar
    _known: dict[date, Hours | None] = field(default_factory=dict)

    def hours(self, day: date) -> Hours:
        """Return a session's hours.

        Raises:
            RowError: the exchange is closed on that date.
        """
        if day not in self._known:
            session = self.calendar.session_on(day)
            times = (session.opens_at, session.auction_at, session.ends_at) if session else ()
            minutes = [_minute_in_kst(instant) for instant in times]
            self._known[day] = Hours(*minutes) if minutes else None
        found = self._known[day]
        if found is None:
            raise RowError(
                "closed", f"the exchange is closed on {day}; correct the date, or set HARU_CALENDAR__SESSIONS"
            )
        return found


def _minute_in_kst(instant: datetime) -> int:
    local = in_seoul(instant)
    return local.hour * _CLOCK + local.minute


class Numbers:
    """Read prices and volumes, and count what had to be changed to read them."""

    def __init__(self) -> None:
        self.changed: Counter[str] = Counter()

    def price(self, name: str, value: Any) -> int:
        """Return a price in whole won.

        Raises:
            RowError: it is no positive number.
        """
        number = self.whole(name, value)
        if number < 0:
            self.changed["signs dropped (some tools mark a fall with a minus)"] += 1
            number = -number
        if not 0 < number <= _GREATEST:
            raise RowError("price", f"{name} is {value!r}; a price is a number of won above 0")
        return number

    def points(self, name: str, value: Any) -> Decimal:
        """Return the level of an index, to a hundredth.

        Raises:
            RowError: it is no positive number.
        """
        try:
            number = Decimal(str(value).strip().replace(",", ""))
        except InvalidOperation:
            number = Decimal(0)
        if not (number.is_finite() and 0 < number <= _MOST_POINTS):
            raise RowError("level", f"{name} is {value!r}; the level of an index is a number of points above 0")
        return round(number, 2)

    def count(self, name: str, value: Any) -> int:
        """Return a number of shares or won.

        Raises:
            RowError: it is no number, or negative.
        """
        number = self.whole(name, value)
        if not 0 <= number <= _MOST:
            raise RowError(name, f"{name} is {value!r}; write a whole number of at least 0")
        return number

    def whole(self, name: str, value: Any) -> int:
        """Return a whole number of any sign.

        Raises:
            RowError: it is no number.
        """
        if type(value) is int:
            return value
        if isinstance(value, str):
            value = value.strip().replace(",", "")
            if value.isascii() and value.isdigit():
                return int(value)
        try:
            exact = value if isinstance(value, float | Decimal) else Decimal(value)
            whole = round(exact) if -_MOST <= exact <= _MOST else _MOST + 1
        except (InvalidOperation, TypeError, ValueError, OverflowError):
            raise RowError(name, f"{name} is {value!r}; write a whole number") from None
        if exact != whole:
            self.changed["fractions of a won rounded (prices may be adjusted)"] += 1
        return whole


def is_blank(value: Any) -> bool:
    """Return whether a cell holds nothing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and value.strip().lower() in ("", "nan", "none", "null", "-")


def symbol_of(value: Any) -> Symbol:
    """Return the six characters of a stock code: also from ``A005930``, ``005930.KS``, an ISIN, or a lost zero.

    Raises:
        RowError: it is no stock code.
    """
    text = str(value).strip().upper()
    if text.isdigit() and len(text) < _ROUND:
        text = text.zfill(_ROUND)
    match = _CODE.fullmatch(text)
    if match is None:
        raise RowError("symbol", f"{value!r} is no stock code; write six characters, as in 005930 or 0126Z0")
    return Symbol(match[1])


def index_named(value: Any) -> Market | None:
    """Return the index that a symbol column or file name means, or None."""
    return _INDICES.get(str(value).strip().upper())


def symbol_in_name(text: str) -> Symbol | None:
    """Return the only stock code in a file's name, or None."""
    found = {code for code in _IN_NAME.findall(text) if not _DATE_IN_NAME.fullmatch(code)}
    return Symbol(found.pop()) if len(found) == 1 else None


def date_in_name(text: str) -> date | None:
    """Return the only date in a file's name, or None."""
    found = {(int(year), int(month), int(day)) for year, month, day in _DATE_IN_NAME.findall(text)}
    try:
        return date(*found.pop()) if len(found) == 1 else None
    except ValueError:
        return None


@dataclass(slots=True)
class BarReader:
    """Makes bars of the cells of one file. ``places`` are the positions of our fields in a row."""

    places: Mapping[str, int]
    dates: Dates
    numbers: Numbers = field(default_factory=Numbers)

    def minute(self, values: Sequence[Any], day: date, minute: int) -> MinuteBar:
        """Return a minute's bar.

        Raises:
            RowError: a value is invalid, or the exchange is closed.
            SkippedRowError: the minute is outside the session, or has no prices.
        """
        hours = self.dates.hours(day)
        if not hours.opens <= minute <= hours.ends:
            raise SkippedRowError("outside the regular session", "")
        return MinuteBar(minute, *self._prices(values), *self._volumes(values))

    def index(self, values: Sequence[Any], day: date, minute: int) -> IndexBar:
        """Return an index's minute. Raises the errors of ``minute``."""
        hours = self.dates.hours(day)
        if not hours.opens <= minute <= hours.ends:
            raise SkippedRowError("outside the regular session", "")
        first, high, low, close = (self.numbers.points(name, values[self.places[name]]) for name in PRICES)
        if not low <= min(first, close) <= max(first, close) <= high:
            raise RowError("range", f"open {first} and close {close} must lie between low {low} and high {high}")
        return IndexBar(minute, first, high, low, close)

    def daily(self, values: Sequence[Any], day: date) -> DailyBar:
        """Return a session's bar. Raises the errors of ``minute``."""
        self.dates.hours(day)
        prices, volumes = self._prices(values), self._volumes(values)
        return DailyBar(day, *prices, *volumes, self.base(values, prices[-1]))

    def instrument(self, values: Sequence[Any], symbol: Symbol) -> Instrument:
        """Return what a row says about its symbol."""
        name, market, kind = (self._cell(values, each) for each in ("name", "market", "kind"))
        market_text = str(market or "").strip().upper()
        kind_text = f"{kind or ''} {market_text}".upper()
        is_etf = "ETF" in kind_text or "상장지수" in kind_text
        known = Kind.ETF if is_etf else Kind.STOCK if not is_blank(kind) else None
        return Instrument(symbol, "" if is_blank(name) else str(name).strip(), _MARKETS.get(market_text), known)

    def _prices(self, values: Sequence[Any]) -> tuple[int, int, int, int]:
        cells = [values[self.places[name]] for name in PRICES]
        if all(map(is_blank, cells)) or all(cell in (0, "0") for cell in cells[:3]):
            raise SkippedRowError("without prices", "")
        first, high, low, close = (self.numbers.price(*pair) for pair in zip(PRICES, cells, strict=True))
        if not low <= min(first, close) <= max(first, close) <= high:
            raise RowError("range", f"open {first} and close {close} must lie between low {low} and high {high}")
        return first, high, low, close

    def _volumes(self, values: Sequence[Any]) -> tuple[int, int | None]:
        volume = values[self.places["volume"]]
        shares = 0 if is_blank(volume) else self.numbers.count("volume", volume)
        value = self._cell(values, "value")
        return shares, None if is_blank(value) else self.numbers.count("value", value)

    def base(self, values: Sequence[Any], close: int) -> int | None:
        """Return the previous close that a row states, or None. Raises RowError if it is no number."""
        base, change = self._cell(values, "base"), self._cell(values, "change")
        if not is_blank(base):
            return self.numbers.price("base", base)
        return None if is_blank(change) else self.numbers.price("base", close - self.numbers.whole("change", change))

    def _cell(self, values: Sequence[Any], name: str) -> Any:
        place = self.places.get(name)
        return None if place is None else values[place]
