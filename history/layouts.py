"""How a file writes dates and times: the layout and the time zone, guessed from its first rows."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from domain.clock import KST

_DAY_MINUTES: Final = 24 * 60
_TRADING: Final = range(9 * 60, 16 * 60 + 31)
"""Minutes from midnight KST in which a session may run; on examination days it runs an hour later."""
_AHEAD: Final = timedelta(hours=9)

Read = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """A way to write a value; ``read`` raises ValueError or TypeError for a value of another layout."""

    name: str
    read: Read


def _typed(kind: type) -> Read:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(value)
        return value

    return read


def _matching(pattern: str, make: Callable[[re.Match[str]], Any]) -> Read:
    compiled = re.compile(pattern)

    def read(value: Any) -> Any:
        match = compiled.fullmatch(_text(value))
        if match is None:
            raise ValueError(value)
        return make(match)

    return read


def _text(value: Any) -> str:
    text = str(value).strip()
    return text.removesuffix(".0") if text.endswith(".0") and text[:-2].isdigit() else text


def _date_of(match: re.Match[str]) -> date:
    return date(int(match[1]), int(match[2]), int(match[3]))


def _time_of(match: re.Match[str]) -> time:
    return time(int(match[1]), int(match[2]), int(match[3] or 0))


def _instant_of(match: re.Match[str]) -> datetime:
    return datetime(*(int(part or 0) for part in match.groups()))  # type: ignore[arg-type]  # noqa: DTZ001 - no zone yet


def _epoch(per_second: int, digits: int) -> Layout:
    def read(value: Any) -> datetime:
        text = _text(value)
        if not (text.isascii() and text.isdigit() and len(text) == digits):
            raise ValueError(value)
        return datetime.fromtimestamp(int(text) // per_second, UTC)

    return Layout(f"epoch, {per_second} a second", read)


def _iso(value: Any) -> datetime:
    text = _text(value)
    if not re.match(r"\d{4}-?\d\d-?\d\d.\d", text):
        raise ValueError(value)
    return datetime.fromisoformat(text)


DATES: Final = (
    Layout("date", _typed(date)),
    Layout("timestamp", lambda value: _typed(datetime)(value).date()),
    Layout("YYYYMMDD", _matching(r"(\d{4})(\d\d)(\d\d)", _date_of)),
    Layout("YYYY-MM-DD", _matching(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T]00:00(?::00(?:\.0+)?)?)?", _date_of)),
    Layout("YYYY년 M월 D일", _matching(r"(\d{4})년 ?(\d{1,2})월 ?(\d{1,2})일", _date_of)),
)
TIMES: Final = (
    Layout("time", _typed(time)),
    Layout("timestamp", lambda value: _typed(datetime)(value).time()),
    Layout("HH:MM", _matching(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)?", _time_of)),
    Layout("HHMMSS", _matching(r"(\d{1,2})(\d\d)(\d\d)", _time_of)),
    Layout("HHMM", _matching(r"(\d{1,2})(\d\d)()", _time_of)),
)
INSTANTS: Final = (
    Layout("timestamp", _typed(datetime)),
    _epoch(1, 10),
    _epoch(1_000, 13),
    _epoch(1_000_000, 16),
    _epoch(1_000_000_000, 19),
    Layout("YYYYMMDDHHMM", _matching(r"(20\d\d)(\d\d)(\d\d)[ T_]?(\d\d)(\d\d)(\d\d)?", _instant_of)),
    Layout("ISO 8601", _iso),
    Layout("YYYY/MM/DD HH:MM", _matching(r"(\d{4})[/.](\d\d?)[/.](\d\d?) (\d\d?):(\d\d)(?::(\d\d))?", _instant_of)),
    *DATES,
)
MINUTES: Final = (Layout("minutes since midnight", lambda value: _minute_time(int(_text(value)))),)


def _minute_time(minute: int) -> time:
    if not 0 <= minute < _DAY_MINUTES:
        raise ValueError(minute)
    return time(minute // 60, minute % 60)


def guess(layouts: Sequence[Layout], values: Iterable[Any]) -> Layout | None:
    """Return the layout that reads the most values, or None if none reads a value.

    A value of another layout is read by that one: no two read the same text differently.
    """
    wanted = [value for value in values if value not in (None, "")]
    readable = {layout: sum(_reads(layout, value) for value in wanted) for layout in layouts}
    best = max(layouts, key=lambda layout: readable[layout])
    return Layout(best.name, _first_of((best, *layouts))) if readable[best] else None


def _first_of(layouts: Sequence[Layout]) -> Read:
    def read(value: Any) -> Any:
        for layout in layouts:
            if _reads(layout, value):
                return layout.read(value)
        raise ValueError(value)

    return read


def _reads(layout: Layout, value: Any) -> bool:
    try:
        layout.read(value)
    except (ValueError, TypeError, OverflowError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Zone:
    """What must be added to the file's wall clock for KST; values with an offset of their own are converted."""

    name: str
    shift: timedelta

    def in_kst(self, instant: datetime) -> datetime:
        """Return the wall clock in KST, without zone."""
        aware = instant.astimezone(KST).replace(tzinfo=None) if instant.tzinfo else instant
        return aware + self.shift


AS_WRITTEN: Final = Zone("KST", timedelta(0))
_FROM_UTC: Final = Zone("UTC", _AHEAD)
_STATED: Final = Zone("stated in each value", timedelta(0))
_KST_AS_UTC: Final = Zone("KST, written as if it were UTC", -_AHEAD)


def guess_zone(instants: Sequence[datetime]) -> Zone:
    """Return the zone in which most instants fall into trading hours."""
    zones = (_STATED, _KST_AS_UTC) if instants and instants[0].tzinfo else (AS_WRITTEN, _FROM_UTC)
    return max(zones, key=lambda zone: sum(_is_trading(zone.in_kst(instant)) for instant in instants))


def _is_trading(instant: datetime) -> bool:
    return instant.hour * 60 + instant.minute in _TRADING
