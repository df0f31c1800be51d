"""Our calendar against the broker's: one call for the fleet. On a difference Haru buys nothing and sells everything."""

from datetime import date, timedelta

import pytest

from activities.account.day_start import DayStart
from domain.errors import BrokerUnavailableError
from domain.event_kind import EventKind
from domain.identity import WorkerId
from domain.order import OrderStatus
from domain.session import SessionDate
from exchange.calendar import CalendarOverrides, krx_calendar
from tests.activities.desk import PLAN, Desk
from tests.support.builders import HYNIX, SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT, CALENDAR

TODAY = PLAN.session.date
LAST_DAY = date(2026, 12, 31)
UNTAXED = date(2026, 12, 29)
"""The first session whose sales settle in 2027."""
NEXT_UNTAXED = date(2026, 12, 30)
RIVAL = WorkerId("worker-2")
HOLIDAY_CALL = "CTCA0903R"


async def the_fleet_knows(desk: Desk, *, is_open: bool | None) -> None:
    """Store the broker's answer as if another process of the fleet had asked."""

    async def broker_answer() -> bool | None:
        return is_open

    await desk.database.session_days.answer(ACCOUNT, TODAY, broker_answer)


async def closed_because(desk: Desk, day: date = TODAY) -> str:
    snapshot = await desk.database.risk.snapshot(ACCOUNT, WORKER, SessionDate(day), desk.pace.now())
    return snapshot.entries_closed_because


async def events_of(desk: Desk, kind: str) -> list[str]:
    rows = await desk.database._pool.fetch("SELECT level FROM events WHERE kind = $1", kind)
    return [row["level"] for row in rows]


async def test_the_owners_shares_are_not_looked_at_before_the_books_are_compared(desk: Desk) -> None:
    await desk.database.comparisons.claim(ACCOUNT, TODAY, desk.pace.now(), timedelta(minutes=1))

    assert await desk.day_start.compare(ACCOUNT, TODAY) == "the books of this session are not compared yet"
    assert await desk.database.first_looks.of(ACCOUNT, TODAY) is None


async def test_what_the_broker_said_of_one_date_is_not_its_answer_for_another(desk: Desk) -> None:
    await the_fleet_knows(desk, is_open=True)

    async def shut() -> bool | None:
        return False

    assert await desk.database.session_days.answer(ACCOUNT, LAST_DAY, shut) is False
    assert await desk.database.session_days.answer(ACCOUNT, TODAY, shut) is True


async def test_the_fleet_asks_once_a_day_and_goes_on_when_both_agree(desk: Desk) -> None:
    processes = [DayStart(desk.broker, desk.database, CALENDAR, desk.pace) for _ in range(3)]

    objections = [await process.compare(ACCOUNT, TODAY) for process in processes for _ in range(2)]

    assert set(objections) == {""}
    assert desk.simulation.calls.by_tr_id[HOLIDAY_CALL] == 1
    assert await closed_because(desk) == ""


@pytest.mark.parametrize(
    ("overrides", "day", "variable"),
    [
        (CalendarOverrides(sessions=frozenset({LAST_DAY})), LAST_DAY, "HARU_CALENDAR__CLOSURES=2026-12-31"),
        (CalendarOverrides(closures=frozenset({TODAY})), TODAY, f"HARU_CALENDAR__SESSIONS={TODAY}"),
    ],
    ids=["the broker says closed", "the broker says open"],
)
async def test_where_they_differ_nothing_is_bought_and_the_fix_is_reported(
    desk: Desk, overrides: CalendarOverrides, day: date, variable: str
) -> None:
    ours = krx_calendar(2026, 2027, overrides)

    objection = await DayStart(desk.broker, desk.database, ours, desk.pace).compare(ACCOUNT, day)

    assert variable in objection
    assert await closed_because(desk, day) == objection
    assert await events_of(desk, EventKind.CALENDAR_DISAGREEMENT) == ["error"]


async def test_a_buy_that_is_written_already_is_stopped_at_the_gate_and_a_sale_is_not(desk: Desk) -> None:
    held = await desk.buys(SAMSUNG)
    waiting = await desk.prepared(HYNIX, worker=RIVAL)
    await the_fleet_knows(desk, is_open=False)

    await desk.day_start.compare(ACCOUNT, TODAY)

    assert (await desk.submits(waiting)).status is OrderStatus.DENIED
    sold = await desk.sells(held)
    assert sold.filled_quantity == held.quantity


async def test_a_scanning_worker_does_not_look_and_says_why(desk: Desk) -> None:
    await desk.registers()
    await the_fleet_knows(desk, is_open=False)
    desk.simulation.move_clock(PLAN.entries_until - timedelta(seconds=10))
    before = desk.simulation.calls.total

    found = await desk.does(desk.market_data.find_candidates, desk.scan_request())

    assert found.candidates == ()
    assert desk.simulation.calls.total == before
    (row,) = await desk.database.workers.board(ACCOUNT, TODAY)
    assert row.last_event.startswith(f"not buying: calendars disagree: {TODAY} is a session in Haru's")


async def test_until_the_broker_has_answered_nothing_is_looked_for(desk: Desk) -> None:
    await desk.registers()
    desk.simulation.add_fault(kind="http_error", path="chk-holiday", count=100)
    desk.simulation.move_clock(PLAN.entries_until - timedelta(seconds=6))

    with pytest.raises(BrokerUnavailableError):
        await desk.day_start.compare(ACCOUNT, TODAY)
    found = await desk.does(desk.market_data.find_candidates, desk.scan_request())

    assert found.candidates == ()
    (row,) = await desk.database.workers.board(ACCOUNT, TODAY)
    assert row.last_event.startswith("not buying: the broker has not confirmed that today is a session")
    assert await closed_because(desk) == ""


async def test_an_answer_that_failed_is_asked_for_again(desk: Desk) -> None:
    desk.simulation.add_fault(kind="http_error", path="chk-holiday", count=1)
    with pytest.raises(BrokerUnavailableError):
        await desk.day_start.compare(ACCOUNT, TODAY)

    assert await desk.day_start.compare(ACCOUNT, TODAY) == ""


async def test_a_broker_without_an_answer_leaves_it_to_the_calendar_and_that_is_noted_once(desk: Desk) -> None:
    await the_fleet_knows(desk, is_open=None)

    for _ in range(2):
        day_start = DayStart(desk.broker, desk.database, CALENDAR, desk.pace)
        assert await day_start.compare(ACCOUNT, TODAY) == ""

    assert await events_of(desk, EventKind.CALENDAR_NOT_CONFIRMED) == ["info"]
    assert await closed_because(desk) == ""


async def test_sales_with_an_unknown_tax_are_warned_of_once_a_session(desk: Desk) -> None:
    await desk.day_start.compare(ACCOUNT, TODAY)
    assert await events_of(desk, EventKind.TAX_YEAR_UNKNOWN) == []

    for day in (UNTAXED, UNTAXED, NEXT_UNTAXED, LAST_DAY):
        await DayStart(desk.broker, desk.database, CALENDAR, desk.pace).compare(ACCOUNT, day)

    assert await events_of(desk, EventKind.TAX_YEAR_UNKNOWN) == ["warning", "warning"]
    taxes = await desk.database.events.latest(ACCOUNT, 10)
    texts = {event.session_date: event.detail["detail"] for event in taxes if event.kind == EventKind.TAX_YEAR_UNKNOWN}
    assert texts.keys() == {UNTAXED, NEXT_UNTAXED}
    assert "add it in domain/costs.py" in str(texts[SessionDate(UNTAXED)])


async def test_entries_that_another_reason_had_shut_first_do_not_open_with_it(desk: Desk) -> None:
    await desk.database.risk.close_entries(ACCOUNT, TODAY, "another reason")
    await the_fleet_knows(desk, is_open=False)
    await desk.day_start.compare(ACCOUNT, TODAY)
    await desk.database.risk.reopen_entries(ACCOUNT, TODAY, "another reason")

    await desk.day_start.compare(ACCOUNT, TODAY)

    assert (await closed_because(desk)).startswith("calendars disagree")
