"""The calendar against the closures and changed hours that the exchange announced for 2026 and 2027."""

from datetime import date, datetime, time, timedelta

import pytest

from domain.clock import KST
from domain.session import CSAT_HOURS, FIRST_DAY_HOURS, REGULAR_HOURS, SessionHours
from exchange.calendar import CSAT_DAYS, CalendarOverrides, krx_calendar
from exchange.closures import closures_of, computed_closures

CLOSED_2026 = "01-01 02-16 02-17 02-18 03-02 05-01 05-05 05-25 06-03 07-17 08-17 09-24 09-25 10-05 10-09 12-25 12-31"
CLOSED_2027 = "01-01 02-08 02-09 03-01 05-03 05-05 05-13 07-19 08-16 09-14 09-15 09-16 10-04 10-11 12-27 12-31"
ANNOUNCED = {2026: CLOSED_2026.split(), 2027: CLOSED_2027.split()}
CALENDAR = krx_calendar(2026, 2027)


def weekdays_of(year: int) -> list[date]:
    days = (date(year, 1, 1) + timedelta(days=offset) for offset in range(366))
    return [day for day in days if day.year == year and day.weekday() < 5]


@pytest.mark.parametrize("year", [2026, 2027])
def test_the_weekdays_without_a_session_are_those_announced(year: int) -> None:
    closed = [day for day in weekdays_of(year) if CALENDAR.session_on(day) is None]

    assert [f"{day:%m-%d}" for day in closed] == ANNOUNCED[year]


@pytest.mark.parametrize(("year", "sessions"), [(2026, 244), (2027, 245)])
def test_the_number_of_sessions_in_a_year(year: int, sessions: int) -> None:
    assert sum(CALENDAR.session_on(day) is not None for day in weekdays_of(year)) == sessions


@pytest.mark.parametrize(
    "day", ["2026-06-03", "2026-07-17", "2027-05-03", "2027-07-19", "2026-06-06", "2026-06-07"], ids=str
)
def test_elections_constitution_day_substitutes_and_weekends_have_no_session(day: str) -> None:
    assert CALENDAR.session_on(date.fromisoformat(day)) is None


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ("2026-01-02", FIRST_DAY_HOURS),
        ("2027-01-04", FIRST_DAY_HOURS),
        ("2026-01-05", REGULAR_HOURS),
        ("2026-11-19", CSAT_HOURS),
        ("2027-11-18", CSAT_HOURS),
        ("2026-11-20", REGULAR_HOURS),
        ("2026-12-30", REGULAR_HOURS),
    ],
)
def test_the_hours_of_special_days(day: str, hours: SessionHours) -> None:
    session = CALENDAR.session_on(date.fromisoformat(day))

    assert session is not None
    local = [instant.astimezone(KST).time() for instant in (session.opens_at, session.auction_at, session.ends_at)]
    assert local == [hours.opens, hours.closing_auction, hours.ends]


def test_each_known_examination_day_is_a_session_of_its_own_year() -> None:
    calendar = krx_calendar(2018, 2027)

    assert len({day.year for day in CSAT_DAYS}) == len(CSAT_DAYS) == 10
    assert all(calendar.session_on(day) is not None for day in CSAT_DAYS)


def test_a_range_of_years_knows_no_day_of_its_neighbours() -> None:
    calendar = krx_calendar(2026, 2026)

    assert {day.year for day in calendar.closures} == {2026}
    assert {day.year for day in calendar.changed_hours} == {2026}


def test_the_operator_may_close_a_day() -> None:
    calendar = krx_calendar(2026, 2026, CalendarOverrides(closures=frozenset({date(2026, 11, 23)})))

    assert calendar.session_on(date(2026, 11, 23)) is None
    assert calendar.session_on(date(2026, 11, 24)) is not None


def test_the_operator_may_open_a_day_that_the_tables_call_closed() -> None:
    calendar = krx_calendar(2026, 2026, CalendarOverrides(sessions=frozenset({date(2026, 7, 17)})))

    assert calendar.session_on(date(2026, 7, 17)) is not None


def test_the_operators_hours_win_over_the_tables() -> None:
    early = SessionHours(time(9), time(16, 20), time(16, 30))
    calendar = krx_calendar(2026, 2026, CalendarOverrides(changed_hours={date(2026, 11, 19): early}))

    session = calendar.session_on(date(2026, 11, 19))

    assert session is not None
    assert session.opens_at == datetime(2026, 11, 19, 9, tzinfo=KST)


def test_the_late_opening_moves_when_the_operator_closes_the_first_day() -> None:
    calendar = krx_calendar(2027, 2027, CalendarOverrides(closures=frozenset({date(2027, 1, 4)})))

    assert calendar.changed_hours[date(2027, 1, 5)] == FIRST_DAY_HOURS
    assert date(2027, 1, 4) not in calendar.changed_hours


@pytest.mark.parametrize("year", range(2023, 2037))
def test_the_table_of_closures_says_what_the_package_computes(year: int) -> None:
    """When a new version of `holidays` computes other days, its row of the table must be written again."""
    assert closures_of(year) == computed_closures(year)


@pytest.mark.parametrize("year", range(2024, 2036))
def test_the_years_around_the_present_do_without_the_package(year: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("holidays.financial_holidays")

    assert closures_of(year)
