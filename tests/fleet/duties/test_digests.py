"""Digests of weeks and months: the report's figures, once, after the close of the last session that there is."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from database.database import Database
from domain.clock import KST, MarketClock
from domain.costs import Costs
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import AccountId, Environment
from domain.money import Won
from domain.session import SessionDate
from exchange.calendar import krx_calendar
from fleet.alerting.text import message_of
from fleet.duties.digests import DigestDuty
from fleet.fleet import Fleet
from reporting.digest import Period, Span, digest_lines, period_of, read_digest
from reporting.metrics import metrics
from reporting.reading import read_day
from reporting.sentences import LANGUAGES
from reporting.stretch import stretch_values
from tests.database.books import Books
from tests.fleet.duties.test_trade_messages import listening, sent_by
from tests.support.builders import MONDAY
from tests.support.webhook import Webhook

CALENDAR = krx_calendar(2026, 2027)
FRIDAY = SessionDate(date(2026, 11, 27))
"""The last session of its week; the month goes on until Monday."""
MONTH_END = SessionDate(date(2026, 11, 30))


def evening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 16, 0, tzinfo=KST)


def at(fleet: Fleet, moment: datetime) -> Fleet:
    return replace(fleet, clock=MarketClock(datetime.now(UTC), moment))  # noqa: TID251 - the test's own anchor


async def traded(books: Books, day: date, sold_at: int, number: int = 1) -> None:
    """Book trades of ten shares bought at 70,000 that count for a day; the positions are of ``MONDAY``."""
    noon = datetime(day.year, day.month, day.day, 12, 0, tzinfo=KST)
    for _ in range(number):
        await books.traded(
            sold_at=sold_at,
            session_date=SessionDate(day),
            opened_at=noon - timedelta(minutes=5),
            closed_at=noon,
            exit_costs=Costs(Won(190), Won(1_420)),
        )


async def summed_up(database: Database, account: AccountId, day: date, *, is_final: bool = True) -> None:
    summaries = await database.summaries.compute(account, SessionDate(day))
    await database.summaries.save(account, *summaries, is_final=is_final)


async def digests(fleet: Fleet) -> list[Event]:
    events = await fleet.database.events.latest(fleet.account_id, 100)
    return [each for each in reversed(events) if each.kind == EventKind.DIGEST_WRITTEN]


@pytest.mark.parametrize(
    ("span", "day", "name", "days"),
    [
        (Span.WEEK, "2026-11-27", "2026-W48", "2026-11-23 2026-11-29 2026-11-27"),
        (Span.WEEK, "2026-09-23", "2026-W39", "2026-09-21 2026-09-27 2026-09-23"),
        (Span.WEEK, "2026-12-30", "2026-W53", "2026-12-28 2027-01-03 2026-12-30"),
        (Span.MONTH, "2026-12-01", "2026-12", "2026-12-01 2026-12-31 2026-12-30"),
        (Span.MONTH, "2026-02-10", "2026-02", "2026-02-01 2026-02-28 2026-02-27"),
    ],
)
def test_a_period_ends_with_the_last_day_on_which_the_exchange_opens(
    span: Span, day: str, name: str, days: str
) -> None:
    period = period_of(span, date.fromisoformat(day))

    assert period.name == name
    assert f"{period.first} {period.last} {max(period.sessions(CALENDAR))}" == days


async def test_its_figures_are_those_of_the_report(fleet: Fleet) -> None:
    books, account = Books(fleet.database, fleet.account_id), fleet.account_id
    await traded(books, date(2026, 11, 23), 71_000, 8)
    await traded(books, date(2026, 11, 25), 69_000, 4)
    await traded(books, FRIDAY, 70_500)
    for level in EventLevel:
        loud = Event(account, EventKind.HOST_DIED, level, evening(FRIDAY), SessionDate(date(2026, 11, 24)))
        await fleet.database.events.append(loud)
    week = period_of(Span.WEEK, FRIDAY)

    found = await read_digest(fleet.database, account, CALENDAR, week)

    days = [
        await read_day(fleet.database, account, session)
        for each in week.sessions(CALENDAR)
        if (session := CALENDAR.session_on(each))
    ]
    report = stretch_values(days)
    said = {each["key"]: each["value"] for each in report["metrics"]}
    assert found is not None
    for name in ("trades", "net", "gross", "costs", "win_rate", "slippage", "sessions"):
        assert found[name] == said[name], name
    worst = next(each for each in report["metrics"] if each["key"] == "worst_day")
    assert (found["worst_day_net"], found["worst_day"]) == (worst["value"], worst["note"])
    assert found["incidents"] == sum(day["incidents"] for day in report["days"]) == 2
    assert (found["wins"], found["losses"], found["sessions_of_period"]) == (9, 4, 5)


async def test_a_months_figures_are_computed_beside_the_trading(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand trades take most of a second: a host that starts within a session would sell nothing meanwhile."""
    threads = list[bool]()

    def noted(*about: Any) -> Any:
        threads.append(threading.current_thread() is threading.main_thread())
        return metrics(*about)

    monkeypatch.setattr("reporting.digest.metrics", noted)
    await traded(Books(fleet.database, fleet.account_id), FRIDAY, 71_000)

    assert await read_digest(fleet.database, fleet.account_id, CALENDAR, period_of(Span.MONTH, FRIDAY)) is not None
    assert threads == [False]


async def test_few_days_get_no_statistic_that_they_cannot_carry(fleet: Fleet) -> None:
    await traded(Books(fleet.database, fleet.account_id), MONDAY, 71_000, 3)

    found = await read_digest(fleet.database, fleet.account_id, CALENDAR, period_of(Span.MONTH, MONDAY))

    assert found is not None
    assert (found["win_rate"], found["worst_day"], found["sessions"]) == (None, None, 1)
    for language in LANGUAGES:
        text = "\n".join(digest_lines(found, language))
        assert "100" not in text
        assert "None" not in text
        assert not any(word in text for word in ("worst", "최대 손실일"))


async def test_a_period_that_the_books_do_not_know_has_no_digest(fleet: Fleet) -> None:
    period = Period(Span.WEEK, "2026-W01", SessionDate(date(2025, 12, 29)), SessionDate(date(2026, 1, 4)))

    assert await read_digest(fleet.database, fleet.account_id, CALENDAR, period) is None
    await DigestDuty(at(fleet, evening(FRIDAY))).look()
    assert await digests(fleet) == []


async def test_the_week_is_sent_after_the_close_of_its_last_session_and_once(fleet: Fleet) -> None:
    books, account = Books(fleet.database, fleet.account_id), fleet.account_id
    await traded(books, date(2026, 11, 26), 71_000)
    await summed_up(fleet.database, account, date(2026, 11, 26))
    duty = DigestDuty(at(fleet, evening(FRIDAY)))
    await duty.look()
    assert await digests(fleet) == [], "the week still has a session"

    await traded(books, FRIDAY, 69_000)
    await summed_up(fleet.database, account, FRIDAY, is_final=False)
    await duty.look()
    assert await digests(fleet) == [], "the evening's sales go on"

    await summed_up(fleet.database, account, FRIDAY)
    for each in (duty, duty, DigestDuty(at(fleet, evening(FRIDAY)))):
        await each.look()

    (week,) = await digests(fleet)
    assert (week.detail["span"], week.detail["name"], week.detail["trades"]) == ("week", "2026-W48", 2)


async def test_a_fleet_that_was_down_on_the_last_day_sends_it_when_it_is_back(fleet: Fleet) -> None:
    await traded(Books(fleet.database, fleet.account_id), date(2026, 11, 26), 71_000)
    await summed_up(fleet.database, fleet.account_id, date(2026, 11, 26))

    await DigestDuty(at(fleet, datetime(2026, 11, 30, 8, 0, tzinfo=KST))).look()

    (week,) = await digests(fleet)
    assert (week.detail["sessions"], week.detail["sessions_of_period"]) == (4, 5)


async def test_the_last_session_of_a_month_ends_the_month(fleet: Fleet) -> None:
    await traded(Books(fleet.database, fleet.account_id), MONTH_END, 71_000)
    await summed_up(fleet.database, fleet.account_id, MONTH_END)

    await DigestDuty(at(fleet, evening(MONTH_END))).look()

    (month,) = await digests(fleet)
    assert (month.detail["span"], month.detail["name"]) == ("month", "2026-11")


async def test_channels_that_want_it_get_the_text(fleet: Fleet, webhook: Webhook) -> None:
    books = Books(fleet.database, fleet.account_id)
    await traded(books, FRIDAY, 71_000, 12)
    await traded(books, date(2026, 11, 25), 69_000)
    await summed_up(fleet.database, fleet.account_id, FRIDAY)
    alerting = listening(fleet, webhook, sends_days=False)
    await alerting._register()

    await DigestDuty(at(fleet, evening(FRIDAY))).look()

    assert await sent_by(alerting) == 1
    text: str = webhook.messages[0]["message"]
    assert text.splitlines()[0] == "Week 2026-W48 (2026-11-23 – 2026-11-27): 5 of 5 sessions, 13 trades"
    assert "win rate 92.31 % (12 won, 1 lost)" in text
    (event,) = await digests(fleet)
    korean = message_of(Environment.PAPER, [event], "ko", str).body
    assert korean.startswith("주간 결산 2026-W48 (2026-11-23 – 2026-11-27): 거래일 5일 중 5일, 거래 13건")
    assert "승률 92.31%" in korean


async def test_a_channel_without_digests_gets_none(fleet: Fleet, webhook: Webhook) -> None:
    unwanted: dict[str, Any] = {"sends_digests": False}
    await traded(Books(fleet.database, fleet.account_id), FRIDAY, 71_000)
    await summed_up(fleet.database, fleet.account_id, FRIDAY)
    alerting = listening(fleet, webhook, **unwanted)
    await alerting._register()

    await DigestDuty(at(fleet, evening(FRIDAY))).look()

    assert await sent_by(alerting) == 0
