"""The trading day, its phases and the fleet's deadlines in it."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import KST
from domain.session import CSAT_HOURS, SessionPhase, TradingCalendar, session_date_of
from tests.support.builders import MONDAY, NOW, a_session

CHRISTMAS = date(2026, 12, 25)
CSAT = date(2026, 11, 19)
CALENDAR = TradingCalendar(frozenset({CHRISTMAS}), {CSAT: CSAT_HOURS})
instants = st.timedeltas(timedelta(days=-300), timedelta(days=400)).map(lambda offset: NOW + offset)


def at(text: str, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time.fromisoformat(text), KST)


@pytest.mark.parametrize(
    ("clock", "phase"),
    [
        ("08:29", SessionPhase.CLOSED),
        ("08:30", SessionPhase.OPENING_AUCTION),
        ("08:59", SessionPhase.OPENING_AUCTION),
        ("09:00", SessionPhase.CONTINUOUS),
        ("15:19", SessionPhase.CONTINUOUS),
        ("15:20", SessionPhase.CLOSING_AUCTION),
        ("15:29", SessionPhase.CLOSING_AUCTION),
        ("15:30", SessionPhase.CLOSED),
    ],
)
def test_the_phases_of_a_regular_day(clock: str, phase: SessionPhase) -> None:
    assert a_session().phase_at(at(clock)) is phase


def test_a_csat_day_opens_and_ends_an_hour_later() -> None:
    session = CALENDAR.session_on(CSAT)

    assert session is not None
    assert session.opens_at == at("10:00", CSAT)
    assert session.auction_at == at("16:20", CSAT)
    assert session.ends_at == at("16:30", CSAT)


@pytest.mark.parametrize("day", [CHRISTMAS, date(2026, 11, 21), date(2026, 11, 22)])
def test_closures_and_weekends_have_no_session(day: date) -> None:
    assert CALENDAR.session_on(day) is None


def test_while_a_session_runs_it_is_the_one() -> None:
    assert CALENDAR.session_at_or_after(at("15:29")).date == MONDAY


def test_after_the_end_the_next_day_counts() -> None:
    assert CALENDAR.session_at_or_after(at("15:30")).date == date(2026, 11, 24)


def test_after_a_friday_holiday_comes_monday() -> None:
    assert CALENDAR.session_at_or_after(at("09:00", CHRISTMAS)).date == date(2026, 12, 28)


def test_before_monday_comes_friday() -> None:
    assert CALENDAR.session_before(MONDAY).date == date(2026, 11, 20)


def test_midnight_in_seoul_turns_the_date() -> None:
    assert session_date_of(datetime(2026, 11, 23, 14, 59, tzinfo=UTC)) == MONDAY
    assert session_date_of(datetime(2026, 11, 23, 15, 0, tzinfo=UTC)) == date(2026, 11, 24)


@given(instants)
def test_the_session_at_or_after_an_instant_is_the_first_that_has_not_ended(instant: datetime) -> None:
    session = CALENDAR.session_at_or_after(instant)

    assert instant < session.ends_at
    assert CALENDAR.session_before(session.date).ends_at <= instant


@given(instants)
def test_the_session_before_a_session_is_followed_by_it(instant: datetime) -> None:
    session = CALENDAR.session_at_or_after(instant)

    before = CALENDAR.session_before(session.date)

    assert CALENDAR.session_at_or_after(before.ends_at) == session
