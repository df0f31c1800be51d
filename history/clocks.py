"""Find out when the bars of a foreign file are: one column or two, in which layout and time zone, or by its name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

from domain.clock import in_seoul
from history.errors import HistoryError
from history.layouts import AS_WRITTEN, DATES, INSTANTS, MINUTES, TIMES, Layout, Zone, guess, guess_zone
from history.rows import RowError, date_in_name

_MIDNIGHT: Final = time(0)
_LOOKED_AT: Final = 200
_IN_NAME: Final = "date in the file's name"
Moment = tuple[date, int]


@dataclass(frozen=True, slots=True)
class Clock:
    """How to read the moment of a row. ``daily`` files have dates only. ``shown`` is the layout for display."""

    daily: bool
    shown: str
    zone: Zone
    key: Callable[[Sequence[Any]], Any]
    """What in a row decides its moment. Equal keys are the same moment."""
    read: Callable[[Any], Moment]
    """The moment of a key in KST: date, and minute from midnight. Raises RowError."""


def clock_of(file_name: str, places: Mapping[str, int], sample: Sequence[Sequence[Any]]) -> Clock:
    """Find the clock of a file.

    Raises:
        HistoryError: no column and no name says when the bars are.
    """
    sample = _distinct(sample, [places[name] for name in ("date", "time", "datetime", "minute") if name in places])
    clock_place = places.get("time", places.get("minute"))
    day_place = places.get("date")
    whole = places.get("datetime", day_place)
    if clock_place is not None:
        layouts = TIMES if "time" in places else MINUTES
        times = guess(layouts, [row[clock_place] for row in sample])
        if times is not None:
            return _of_two(file_name, day_place, clock_place, times, sample)
        whole = clock_place
    if whole is None:
        return _by_name(file_name)
    instants = guess(INSTANTS, [row[whole] for row in sample])
    if instants is not None:
        return _of_one(whole, instants, sample)
    times = guess(TIMES, [row[whole] for row in sample])
    if times is not None:
        return _of_two(file_name, None, whole, times, sample)
    raise HistoryError(
        f"{sample[0][whole]!r} is no time that can be read; write 2026-11-23 09:00, or two columns date and time"
        if sample
        else "it holds no rows"
    )


def _distinct(sample: Sequence[Sequence[Any]], about: Sequence[int]) -> list[Sequence[Any]]:
    """Return rows of different moments: a file may begin with one minute of many stocks."""
    rows = list({tuple(row[place] for place in about): row for row in sample}.values())
    return rows[:: max(1, len(rows) // _LOOKED_AT)]


def _by_name(file_name: str) -> Clock:
    day = date_in_name(file_name)
    if day is None:
        raise HistoryError(
            "no column says when; name it: --map COLUMN=datetime, or --map COLUMN=date and --map COLUMN=time"
        )
    return Clock(daily=True, shown=_IN_NAME, zone=AS_WRITTEN, key=lambda _: None, read=lambda _: (day, 0))


def _of_two(
    file_name: str, day_place: int | None, clock_place: int, times: Layout, sample: Sequence[Sequence[Any]]
) -> Clock:
    if day_place is None:
        in_name = date_in_name(file_name)
        if in_name is None:
            raise HistoryError("no column and no file name says the date; name the column: --map COLUMN=date")
        dates = Layout(_IN_NAME, lambda _: in_name)
    else:
        found = guess(DATES, [row[day_place] for row in sample])
        if found is None:
            raise HistoryError(f"{sample[0][day_place]!r} is no date; write 2026-11-23 or 20261123")
        dates = found

    def combined(key: tuple[Any, Any]) -> datetime:
        return datetime.combine(_read(dates, key[0], "date"), _read(times, key[1], "time"))

    def key(row: Sequence[Any]) -> tuple[Any, Any]:
        return (None if day_place is None else row[day_place], row[clock_place])

    zone = guess_zone([moment for row in sample if (moment := _or_none(combined, key(row)))])
    shown = f"{dates.name} and {times.name}"
    return Clock(daily=False, shown=shown, zone=zone, key=key, read=lambda each: _moment(zone, combined(each)))


def _of_one(place: int, layout: Layout, sample: Sequence[Sequence[Any]]) -> Clock:
    def instant(value: Any) -> datetime:
        found = _read(layout, value, "date")
        return found if isinstance(found, datetime) else datetime.combine(found, _MIDNIGHT)

    def day(value: Any) -> Moment:
        found = instant(value)
        return (in_seoul(found) if found.tzinfo else found).date(), 0

    seen = [moment for row in sample if (moment := _or_none(instant, row[place]))]
    local = [in_seoul(moment) if moment.tzinfo else moment for moment in seen]
    clock_times, days = {moment.time() for moment in local}, {moment.date() for moment in local}
    if clock_times == {_MIDNIGHT} or (len(clock_times) == 1 and len(days) > 1):
        return Clock(daily=True, shown=layout.name, zone=AS_WRITTEN, key=lambda row: row[place], read=day)
    zone = guess_zone(seen)
    return Clock(
        daily=False,
        shown=layout.name,
        zone=zone,
        key=lambda row: row[place],
        read=lambda value: _moment(zone, instant(value)),
    )


def _moment(zone: Zone, instant: datetime) -> Moment:
    local = zone.in_kst(instant)
    return local.date(), local.hour * 60 + local.minute


def _read(layout: Layout, value: Any, what: str) -> Any:
    try:
        return layout.read(value)
    except (ValueError, TypeError, OverflowError):
        raise RowError(what, f"{value!r} is no {what} of the layout {layout.name}") from None


def _or_none(read: Callable[[Any], datetime], value: Any) -> datetime | None:
    try:
        return read(value)
    except RowError:
        return None
