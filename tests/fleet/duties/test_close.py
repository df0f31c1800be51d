"""A close that the schedule did not start: started late while there is time, else reported as critical (F40)."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

from cli.tables.board import heading
from domain.clock import KST, MarketClock
from domain.close_plan import CloseLeads, plan_session
from domain.market import Symbol
from domain.rules import TradingRules
from domain.summary import FLEET
from exchange.calendar import krx_calendar
from fleet.board import as_json, read_board
from fleet.duties.close import CloseDuty, Due, close_due, see_to_the_close
from fleet.fleet import Fleet
from fleet.schedule import close_now
from tests.database.books import Books
from tests.support.builders import MONDAY, SAMSUNG, WORKER
from tests.support.running_fleet import Hosted

RULES = TradingRules()


def at(fleet: Fleet, text: str, speed: int = 1) -> Fleet:
    """Return the fleet at another market time."""
    moment = datetime.fromisoformat(text).replace(tzinfo=KST).astimezone(UTC)
    return replace(fleet, clock=MarketClock(datetime.now(UTC), moment, speed))  # noqa: TID251 - the test's own anchor


async def holding(fleet: Fleet) -> Books:
    """Let the fleet hold ten shares since Monday."""
    await fleet.database.workers.register(fleet.account_id, WORKER, f"trading-worker/{fleet.account_id}/{WORKER}")
    books = Books(fleet.database, fleet.account_id)
    await books.held()
    return books


async def reported(fleet: Fleet) -> list[tuple[str, str, Symbol | None]]:
    events = await fleet.database.events.latest(fleet.account_id, 20)
    return [(event.kind, str(event.session_date), event.symbol) for event in reversed(events)]


async def kinds(fleet: Fleet) -> list[str]:
    return [kind for kind, _, _ in await reported(fleet) if kind.startswith("close_")]


async def closes(fleet: Fleet) -> int:
    """Return how many closes have been started in total."""
    query = f"WorkflowType = 'MarketCloseWorkflow' AND TaskQueue = '{fleet.account_id}/trading'"
    async with asyncio.timeout(20):
        while True:
            count = (await fleet.client.count_workflows(query)).count
            if count:
                return count
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("moment", "speed", "due"),
    [
        ("15:15:30", 1, Due.NOT_YET),
        ("15:16:01", 1, Due.NOW),
        ("15:29:59", 1, Due.NOW),
        ("15:30:00", 1, Due.TOO_LATE),
        ("14:59:00", 240, Due.NOT_YET),
        ("15:05:00", 240, Due.NOW),
    ],
)
def test_a_close_is_due_a_minute_after_its_time_or_sooner_in_a_compressed_day(
    fleet: Fleet, moment: str, speed: int, due: Due
) -> None:
    now = datetime.fromisoformat(f"2026-11-23 {moment}").replace(tzinfo=KST).astimezone(UTC)
    plan = plan_session(fleet.calendar.session_at_or_after(now - timedelta(hours=1)), CloseLeads(), speed)

    assert close_due(plan, now, MarketClock(now, now, speed)) is due


@pytest.mark.parametrize("speed", [1, 10, 40, 60, 240, 1000])
def test_a_missing_close_is_looked_for_several_times_while_the_market_is_open_at_any_speed(speed: int) -> None:
    at = datetime(2026, 11, 23, 1, tzinfo=UTC)
    clock, plan = (
        MarketClock(at, at, speed),
        plan_session(krx_calendar(2026, 2026).session_at_or_after(at), CloseLeads(), speed),
    )
    minutes = range(int((plan.session.ends_at - at).total_seconds()) // 60)
    due = [minute for minute in minutes if close_due(plan, at + timedelta(minutes=minute), clock) is Due.NOW]

    assert CloseDuty.terms.interval(clock) <= clock.real_duration(timedelta(minutes=len(due))).total_seconds() / 3
    assert CloseDuty.terms.interval(clock) <= 15


async def test_a_close_that_is_late_is_started_at_once_and_only_once(hosted: Hosted) -> None:
    fleet = at(hosted.fleet, "2026-11-23 15:20")
    hosted.desk.clock = fleet.clock
    await holding(fleet)

    await see_to_the_close(fleet, RULES)
    await see_to_the_close(fleet, RULES)

    assert await closes(fleet) == 1
    assert ("close_missed", str(MONDAY), None) not in await reported(fleet)


async def test_a_close_that_runs_already_is_left_alone(fleet: Fleet) -> None:
    fleet = at(fleet, "2026-11-23 15:20")
    await holding(fleet)
    running = await close_now(fleet, RULES)

    await see_to_the_close(fleet, RULES)

    assert await closes(fleet) == 1
    assert (await running.describe()).status is WorkflowExecutionStatus.RUNNING


async def test_a_close_that_does_not_end_is_reported_once_and_not_while_it_may_still_sell(
    fleet: Fleet,
) -> None:
    await holding(at(fleet, "2026-11-23 15:20"))
    await close_now(fleet, RULES)
    assert await closes(fleet) == 1

    for moment in ("15:45", "16:05"):
        await see_to_the_close(at(fleet, f"2026-11-23 {moment}"), RULES, timedelta(0))
    assert await kinds(fleet) == []
    for moment in ("16:11", "16:12"):
        await see_to_the_close(at(fleet, f"2026-11-23 {moment}"), RULES, timedelta(0))

    assert await kinds(fleet) == ["close_unfinished"]


async def test_a_close_without_anything_to_sell_has_proven_it_soon(fleet: Fleet) -> None:
    await close_now(fleet, RULES)
    assert await closes(fleet) == 1

    await see_to_the_close(at(fleet, "2026-11-23 15:39"), RULES, timedelta(0))
    assert await kinds(fleet) == []
    await see_to_the_close(at(fleet, "2026-11-23 15:41"), RULES, timedelta(0))

    assert await kinds(fleet) == ["close_unfinished"]


async def test_a_close_that_was_begun_just_now_is_not_called_unfinished_however_late(fleet: Fleet) -> None:
    await close_now(fleet, RULES)
    assert await closes(fleet) == 1

    await see_to_the_close(at(fleet, "2026-11-23 17:00"), RULES)

    assert await kinds(fleet) == []


async def test_a_day_without_anything_of_ours_needs_no_close(fleet: Fleet) -> None:
    await see_to_the_close(at(fleet, "2026-11-23 15:20"), RULES)
    await see_to_the_close(at(fleet, "2026-11-24 08:00"), RULES)

    assert await reported(fleet) == []
    assert await fleet.database.summaries.dates(fleet.account_id) == ()


async def test_a_close_after_the_sessions_end_is_run_and_shouted_about(fleet: Fleet) -> None:
    fleet = at(fleet, "2026-11-23 16:40")
    await holding(fleet)

    await see_to_the_close(fleet, RULES)

    assert await closes(fleet) == 1
    assert ("close_missed", str(MONDAY), None) in await reported(fleet)


async def test_a_close_that_was_missed_altogether_is_reported_summed_up_and_shown(fleet: Fleet) -> None:
    fleet = at(fleet, "2026-11-24 08:00")
    await holding(fleet)

    await see_to_the_close(fleet, RULES)
    once = await reported(fleet)
    await see_to_the_close(fleet, RULES)

    assert ("close_missed", str(MONDAY), None) in once
    assert ("position_carried_overnight", str(MONDAY), SAMSUNG) in once
    assert await reported(fleet) == once
    assert await fleet.database.summaries.get(fleet.account_id, MONDAY, FLEET) is not None
    board = await read_board(fleet, fleet.market_now())
    assert heading(board)[0].endswith("CLOSE OF 2026-11-23 MISSED")
    assert as_json(board)["missed_closes"] == ["2026-11-23"]


async def test_a_session_that_only_carried_something_is_missed_too(fleet: Fleet) -> None:
    fleet = at(fleet, "2026-11-25 08:00")
    await holding(fleet)

    await see_to_the_close(fleet, RULES)

    assert [date for kind, date, _ in await reported(fleet) if kind == "close_missed"] == ["2026-11-23", "2026-11-24"]
