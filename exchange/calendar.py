"""The KRX trading calendar: closures by year, changed hours from rules and a dated table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Final

from domain.session import CSAT_HOURS, FIRST_DAY_HOURS, SessionHours, TradingCalendar, is_weekday
from exchange.closures import closures_of

CSAT_DAYS: Final = frozenset(
    {
        date(2018, 11, 15),
        date(2019, 11, 14),
        date(2020, 12, 3),
        date(2021, 11, 18),
        date(2022, 11, 17),
        date(2023, 11, 16),
        date(2024, 11, 14),
        date(2025, 11, 13),
        date(2026, 11, 19),
        date(2027, 11, 18),
    }
)
"""Days of the university entrance examination; the whole session runs one hour later."""


@dataclass(frozen=True, slots=True)
class CalendarOverrides:
    """The operator's corrections of the tables: the exchange announces some changes only weeks ahead."""

    closures: frozenset[date] = frozenset()
    sessions: frozenset[date] = frozenset()
    """Weekdays on which the exchange opens although the tables call them closed."""
    changed_hours: Mapping[date, SessionHours] = field(default_factory=dict)


def hours_from_text(text: str) -> tuple[date, SessionHours]:
    """Read `2026-11-19=10:00-16:20-16:30`: opening, closing auction and end (KST) of one day.

    Raises:
        ValueError: the format is wrong, or the times do not rise.
    """
    day, _, times = text.partition("=")
    opens, auction, ends = (time.fromisoformat(part.strip()) for part in times.split("-"))
    if not opens < auction < ends:
        raise ValueError(f"the times of {day} do not rise: opening, closing auction, end")
    return date.fromisoformat(day.strip()), SessionHours(opens, auction, ends)


def hours_as_text(day: date, hours: SessionHours) -> str:
    """Format a day as `hours_from_text` reads it."""
    return f"{day}=" + "-".join(f"{at:%H:%M:%S}" for at in (hours.opens, hours.closing_auction, hours.ends))


NO_OVERRIDES: Final = CalendarOverrides()


def krx_calendar(first_year: int, last_year: int, overrides: CalendarOverrides = NO_OVERRIDES) -> TradingCalendar:
    """Build the calendar of whole years, both ends included; it has no holidays outside them."""
    years = range(first_year, last_year + 1)
    known = frozenset().union(*map(closures_of, years))
    closures = frozenset((known - overrides.sessions) | overrides.closures)
    first_days = {_first_session_day(year, closures): FIRST_DAY_HOURS for year in years}
    csat_days = {day: CSAT_HOURS for day in CSAT_DAYS if day.year in years}
    return TradingCalendar(closures, {**first_days, **csat_days, **overrides.changed_hours})


def _first_session_day(year: int, closures: frozenset[date]) -> date:
    day = date(year, 1, 1)
    while not is_weekday(day) or day in closures:
        day += timedelta(days=1)
    return day
