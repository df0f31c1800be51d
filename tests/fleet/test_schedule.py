"""When the market close starts: by the calendar in Seoul, or at computed instants of a compressed market."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleBackfill,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
)

from domain.clock import KST, LIVE_CLOCK, MarketClock, in_seoul
from domain.close_plan import CloseLeads, plan_session
from domain.identity import WorkerId
from domain.rules import TradingRules
from domain.session import REGULAR_HOURS, SessionDate, session_of
from fleet.duties.schedule import ScheduleDuty
from fleet.fleet import Fleet
from fleet.schedule import close_now, close_times, latest_close, lay_close_times, schedule_close
from fleet.starting import start_workers
from tests.support.builders import WORKER
from tests.support.running_fleet import Hosted
from workflows.close_outcome import CloseOutcome
from workflows.identity import close_schedule_id, close_workflow_id

RULES = TradingRules()


def kst(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=KST).astimezone(UTC)


def instant_of(once: ScheduleCalendarSpec) -> datetime:
    return datetime(
        once.year[0].start,
        once.month[0].start,
        once.day_of_month[0].start,
        once.hour[0].start,
        once.minute[0].start,
        once.second[0].start,
        tzinfo=UTC,
    )


async def scheduled(fleet: Fleet) -> Schedule:
    return (await fleet.client.get_schedule_handle(close_schedule_id(fleet.account_id)).describe()).schedule


async def next_times(fleet: Fleet) -> list[str]:
    description = await fleet.client.get_schedule_handle(close_schedule_id(fleet.account_id)).describe()
    return [f"{in_seoul(at):%a %Y-%m-%d %H:%M:%S}" for at in description.info.next_action_times]


@pytest.fixture
def live(fleet: Fleet) -> Fleet:
    """A fleet in real time."""
    return replace(fleet, clock=LIVE_CLOCK)


async def test_a_live_close_starts_each_workday_a_quarter_before_the_end(live: Fleet) -> None:
    await schedule_close(live, RULES, kst("2026-11-23 08:00"))

    times = await next_times(live)
    assert len(times) == 10
    changed = {day.isoformat() for day in live.calendar.changed_hours}
    assert {line.split()[2] for line in times if line.split()[1] not in changed} == {"15:15:00"}
    assert not any(line.startswith(("Sat", "Sun")) for line in times)


def test_a_day_with_other_hours_has_its_own_time(fleet: Fleet) -> None:
    spec = close_times(replace(fleet, clock=LIVE_CLOCK), kst("2026-11-16 08:00"), 5)

    (csat,) = [calendar for calendar in spec.calendars if calendar.comment == "session 2026-11-19"]
    (skipped,) = [calendar for calendar in spec.skip if calendar.day_of_month[0].start == 19]
    assert (csat.hour[0].start, csat.minute[0].start) == (16, 15)
    assert (skipped.month[0].start, skipped.hour[0].start, skipped.minute[0].start) == (11, 15, 15)


async def test_a_larger_fleet_or_a_slower_account_starts_its_close_earlier(live: Fleet) -> None:
    def begins(workers: int, calls_per_second: int) -> dict[str, tuple[int, int]]:
        fleet = replace(live, leads=CloseLeads(calls_per_second=calls_per_second))
        spec = close_times(fleet, kst("2026-11-16 08:00"), workers)
        return {each.comment or "": (each.hour[0].start, each.minute[0].start) for each in spec.calendars}

    assert begins(5, 18) == {"regular sessions": (15, 15), "session 2026-11-19": (16, 15)}
    assert begins(1_000, 18) == {"regular sessions": (15, 5), "session 2026-11-19": (16, 5)}
    assert begins(30, 1) == {"regular sessions": (15, 12), "session 2026-11-19": (16, 12)}


async def test_the_close_is_scheduled_for_all_workers_that_were_started(live: Fleet) -> None:
    slow = replace(live, leads=CloseLeads(calls_per_second=1))
    await start_workers(slow, 30, RULES)

    await schedule_close(slow, RULES, kst("2026-11-23 08:00"))

    assert (await next_times(slow))[0].endswith("15:12:00")


async def test_neither_a_stuck_close_nor_a_long_outage_starts_one_at_the_wrong_time(live: Fleet) -> None:
    await schedule_close(live, RULES, kst("2026-11-23 08:00"))

    schedule = await scheduled(live)
    assert schedule.policy.overlap is ScheduleOverlapPolicy.ALLOW_ALL
    assert schedule.policy.catchup_window == timedelta(minutes=10)
    assert schedule.policy.pause_on_failure is False
    assert isinstance(schedule.action, ScheduleActionStartWorkflow)
    assert schedule.action.id == close_workflow_id(live.account_id)
    assert schedule.action.execution_timeout == timedelta(hours=12)


async def test_scheduling_again_brings_the_schedule_up_to_date(fleet: Fleet) -> None:
    await schedule_close(fleet, RULES, fleet.market_now())
    before = await next_times(fleet)

    await schedule_close(replace(fleet, clock=LIVE_CLOCK), RULES, kst("2026-11-23 08:00"))

    assert await next_times(fleet) != before


@pytest.mark.parametrize("speed", [1, 10, 180, 1000])
def test_a_compressed_close_starts_within_a_second_after_liquidation_begins(fleet: Fleet, speed: int) -> None:
    clock = MarketClock(datetime(2026, 11, 22, 5, 0, 0, 123456, UTC), kst("2026-11-23 08:58"), speed)
    compressed = replace(fleet, clock=clock)

    spec = close_times(compressed, kst("2026-11-23 09:00"), 1)

    session = fleet.calendar.session_at_or_after(kst("2026-11-23 09:00"))
    due = clock.real_time(plan_session(session, CloseLeads(), speed).liquidation_at)
    assert timedelta(0) <= instant_of(spec.calendars[0]) - due < timedelta(seconds=1)


def test_sessions_that_are_being_liquidated_already_are_not_scheduled_again(fleet: Fleet) -> None:
    clock = MarketClock(datetime(2026, 11, 22, 5, 0, tzinfo=UTC), kst("2026-11-23 08:58"), 180)

    spec = close_times(replace(fleet, clock=clock), kst("2026-11-23 15:10"), 1)

    assert spec.calendars[0].comment == "session 2026-11-24"


async def test_the_schedule_starts_the_close_of_a_compressed_day(hosted: Hosted) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - the test's own anchor
    clock = MarketClock(now, kst("2026-11-23 15:11"), 60)
    hosted.desk.clock = clock
    fleet = replace(hosted.fleet, clock=clock)

    await schedule_close(fleet, RULES, fleet.market_now())

    async with asyncio.timeout(40):
        while True:
            handle = await latest_close(fleet)
            if handle is not None:
                break
            await asyncio.sleep(0.2)
    started = (await handle.describe()).start_time
    assert clock.market_time(started) >= kst("2026-11-23 15:15")
    assert handle.id.startswith(close_workflow_id(fleet.account_id))


async def test_before_the_first_close_there_is_none_to_be_found(fleet: Fleet) -> None:
    await schedule_close(fleet, RULES, fleet.market_now())

    assert await latest_close(fleet) is None


async def test_an_operator_may_close_now_and_finds_the_same_close_when_asking_twice(fleet: Fleet) -> None:
    first = await close_now(fleet, RULES)
    second = await close_now(fleet, RULES)

    assert first.id == second.id == close_workflow_id(fleet.account_id)
    assert first.result_run_id == second.result_run_id


async def test_a_close_at_the_opening_may_sell_to_the_end_of_the_evening(fleet: Fleet) -> None:
    description = await (await close_now(fleet, RULES)).describe()

    session = session_of(date(2026, 11, 23), REGULAR_HOURS)
    assert session.after_market is not None
    longest = description.raw_description.execution_config.workflow_execution_timeout.ToTimedelta()
    assert longest > session.after_market.until - session.opens_at


async def first_outcome(fleet: Fleet) -> CloseOutcome:
    """Return the outcome of the first close that the schedule has started."""
    async with asyncio.timeout(40):
        while (handle := await latest_close(fleet)) is None:
            await asyncio.sleep(0.2)
        return await handle.result()


async def test_a_backfilled_close_acts_for_its_own_day_and_leaves_today_alone(hosted: Hosted) -> None:
    fleet = hosted.fleet
    await schedule_close(replace(fleet, clock=LIVE_CLOCK), RULES, kst("2026-11-23 08:00"))
    hosted.desk.clock = LIVE_CLOCK
    handle = fleet.client.get_schedule_handle(close_schedule_id(fleet.account_id))
    today = in_seoul(LIVE_CLOCK.market_time(datetime.now(UTC))).date()  # noqa: TID251 - the server's own day
    day = fleet.calendar.session_before(SessionDate(today)).date
    due = plan_session(session_of(day, REGULAR_HOURS), CloseLeads(), 1).liquidation_at

    await handle.backfill(ScheduleBackfill(due - timedelta(minutes=1), due + timedelta(minutes=1)))
    outcome = await first_outcome(fleet)

    assert outcome.session_date == day
    assert outcome.not_proven == "the day was over"
    assert outcome.summary is not None
    calls = hosted.desk.calls
    assert calls["shut_entries"] == calls["await_flat"] == calls["seize_position"] == calls["prove_flat"] == 0
    assert calls["write_summaries"] == 1


async def test_a_close_of_a_stale_schedule_waits_for_the_deadline(hosted: Hosted) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - the test's own anchor
    clock = MarketClock(now, kst("2026-11-23 15:04"), 60)
    hosted.desk.clock = clock
    fleet = replace(hosted.fleet, clock=clock)
    await schedule_close(fleet, RULES, fleet.market_now())

    await fleet.client.get_schedule_handle(close_schedule_id(fleet.account_id)).trigger()
    async with asyncio.timeout(60):
        while hosted.desk.shut_at is None:
            await asyncio.sleep(0.1)

    deadline = plan_session(session_of(date(2026, 11, 23), REGULAR_HOURS), CloseLeads(), 1).liquidation_at
    assert hosted.desk.shut_at >= deadline


async def test_the_times_are_laid_again_for_more_workers_and_what_the_operator_set_stays(live: Fleet) -> None:
    slow = replace(live, leads=CloseLeads(calls_per_second=2), clock=LIVE_CLOCK)
    await schedule_close(slow, RULES, kst("2026-11-23 08:00"))
    handle = slow.client.get_schedule_handle(close_schedule_id(slow.account_id))
    await handle.pause(note="an unexpected holiday")
    before = await next_times(slow)
    for number in range(1, 101):
        worker = WorkerId(f"worker-{number}")
        await slow.database.workers.register(slow.account_id, worker, f"trading-worker/{slow.account_id}/{worker}")

    for _ in range(2):
        await lay_close_times(slow, RULES, kst("2026-11-23 08:00"))

    after = await scheduled(slow)
    assert after.state.paused
    assert [each.minute[0].start for each in after.spec.calendars if each.comment == "regular sessions"] != [15]
    assert await next_times(slow) != before
    assert isinstance(after.action, ScheduleActionStartWorkflow)
    assert after.action.task_queue == f"{slow.account_id}/trading"


async def test_each_host_lays_the_times_once_for_each_plan_and_creates_a_schedule_that_is_gone(
    hosted: Hosted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "haru.hosting")
    fleet = hosted.fleet
    hosts = [ScheduleDuty(fleet, RULES), ScheduleDuty(fleet, RULES)]
    for host in hosts:
        await host.look()
    assert caplog.messages == []

    await fleet.database.workers.register(fleet.account_id, WORKER, f"trading-worker/{fleet.account_id}/{WORKER}")
    for host in [*hosts, *hosts]:
        await host.look()

    assert caplog.messages == ["close_times_laid", "close_times_laid"]
    assert (await scheduled(fleet)).spec.calendars
