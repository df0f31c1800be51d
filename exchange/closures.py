"""Weekdays on which KRX is closed, as the `holidays` package computes them. Importing it takes 0.15 s of CPU."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from domain.session import is_weekday

_MONTHS_AND_DAYS: Final[Mapping[int, str]] = {
    2024: "01-01 02-09 02-12 03-01 04-10 05-01 05-06 05-15 06-06 08-15 09-16 09-17 09-18 10-01 10-03 10-09 12-25 12-31",
    2025: "01-01 01-27 01-28 01-29 01-30 03-03 05-01 05-05 05-06 06-03 06-06 "
    "08-15 10-03 10-06 10-07 10-08 10-09 12-25 12-31",
    2026: "01-01 02-16 02-17 02-18 03-02 05-01 05-05 05-25 06-03 07-17 08-17 09-24 09-25 10-05 10-09 12-25 12-31",
    2027: "01-01 02-08 02-09 03-01 05-03 05-05 05-13 07-19 08-16 09-14 09-15 09-16 10-04 10-11 12-27 12-31",
    2028: "01-26 01-27 01-28 03-01 04-12 05-01 05-02 05-05 06-06 07-17 08-15 10-02 10-03 10-04 10-05 10-09 12-25 12-29",
    2029: "01-01 02-12 02-13 02-14 03-01 05-01 05-07 05-21 06-06 07-17 08-15 09-21 09-24 10-03 10-09 12-25 12-31",
    2030: "01-01 02-04 02-05 03-01 03-27 05-01 05-06 05-09 06-06 06-12 07-17 "
    "08-15 09-11 09-12 09-13 10-03 10-09 12-25 12-31",
    2031: "01-01 01-22 01-23 01-24 03-03 05-01 05-05 05-28 06-06 07-17 08-15 09-30 10-01 10-02 10-03 10-09 12-25 12-31",
    2032: "01-01 02-10 02-11 02-12 03-01 04-14 05-03 05-05 05-17 07-19 08-16 09-20 09-21 10-04 10-11 12-27 12-31",
    2033: "01-31 02-01 02-02 03-01 05-02 05-05 05-06 06-06 07-18 08-15 09-07 09-08 09-09 10-03 10-10 12-26 12-30",
    2034: "02-20 02-21 03-01 05-01 05-05 05-25 05-31 06-06 07-17 08-15 09-26 09-27 09-28 10-03 10-09 12-25 12-29",
    2035: "01-01 02-07 02-08 02-09 03-01 03-28 05-01 05-07 05-15 06-06 07-17 08-15 09-17 09-18 10-03 10-09 12-25 12-31",
}


def closures_of(year: int) -> frozenset[date]:
    """Return the weekdays of a year without a session. A year outside the table comes from the package itself."""
    if year in _MONTHS_AND_DAYS:
        return frozenset(date.fromisoformat(f"{year}-{day}") for day in _MONTHS_AND_DAYS[year].split())
    return computed_closures(year)


def computed_closures(year: int) -> frozenset[date]:
    """Return the weekdays of a year without a session, from the `holidays` package."""
    from holidays import financial_holidays  # noqa: PLC0415 - only for years outside the table

    return frozenset(day for day in financial_holidays("XKRX", years=year) if day.year == year and is_weekday(day))
