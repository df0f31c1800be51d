"""Time in long activities: heartbeats stop when the work hangs; a draining process hands over at once."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

import activities.support.heart
from activities.support.heart import Heart
from activities.support.pace import RealPace
from domain.clock import LIVE_CLOCK, MarketClock


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Send a heartbeat a hundred times a second, and collect the details."""
    monkeypatch.setattr(activities.support.heart, "_BEAT", 0.01)
    monkeypatch.setattr(activities.support.heart, "_LONGEST_SILENCE", 0.1)
    return []


async def lives(beats: list[tuple[object, ...]], seconds: float, progress_every: float) -> None:
    """Run an activity that makes progress in steps."""

    async def work() -> None:
        async with Heart("start") as heart:
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                await asyncio.sleep(progress_every)
                heart.progress("step")

    env = ActivityEnvironment()
    env.on_heartbeat = lambda *details: beats.append(details)
    await env.run(work)


async def test_work_that_is_over_at_once_costs_no_heartbeat(beats: list[tuple[object, ...]]) -> None:
    async def work() -> None:
        async with Heart("start"):
            pass

    env = ActivityEnvironment()
    env.on_heartbeat = lambda *details: beats.append(details)
    await env.run(work)

    assert beats == []


async def test_a_heart_beats_beside_work_that_takes_its_time(beats: list[tuple[object, ...]]) -> None:
    await lives(beats, seconds=0.2, progress_every=0.05)

    assert beats[0] == ("start",)
    assert beats.count(("step",)) > 4


async def test_a_heart_stops_when_the_work_hangs(beats: list[tuple[object, ...]]) -> None:
    await lives(beats, seconds=0.5, progress_every=0.5)

    assert 3 <= beats.count(("start",)) <= 12


async def test_a_heart_is_still_after_its_work() -> None:
    before = len(asyncio.all_tasks())
    await lives([], seconds=0.02, progress_every=0.01)

    assert len(asyncio.all_tasks()) == before


async def test_a_pause_lasts_as_long_as_it_was_asked_to() -> None:
    pace, began = RealPace(LIVE_CLOCK), time.monotonic()

    await ActivityEnvironment().run(pace.pause, timedelta(milliseconds=50))

    assert 0.045 <= time.monotonic() - began < 2


async def test_a_draining_process_hands_over_at_once() -> None:
    pace, env = RealPace(LIVE_CLOCK), ActivityEnvironment()
    pausing = asyncio.create_task(env.run(pace.pause, timedelta(hours=1)))
    await asyncio.sleep(0)

    env.worker_shutdown()

    with pytest.raises(ApplicationError) as handed_over:
        await pausing
    assert handed_over.value.next_retry_delay == timedelta(milliseconds=1)
    assert handed_over.value.category is ApplicationErrorCategory.BENIGN
    assert not handed_over.value.non_retryable


async def test_what_was_waited_counts_from_the_first_scheduling_whatever_this_machines_clock_says() -> None:
    pace, env = RealPace(LIVE_CLOCK), ActivityEnvironment()
    scheduled = datetime(2026, 11, 23, tzinfo=UTC)
    env.info = replace(env.info, scheduled_time=scheduled, started_time=scheduled + timedelta(seconds=7))

    async def look() -> tuple[timedelta, timedelta]:
        first = pace.waited()
        await asyncio.sleep(0.05)
        return first, pace.waited()

    began = time.monotonic()
    first, then = await env.run(look)
    took = timedelta(seconds=time.monotonic() - began)

    assert timedelta(seconds=7) <= first <= timedelta(seconds=7) + took
    assert timedelta(seconds=0.045) <= then - first <= took


async def test_each_attempt_has_a_stopwatch_of_its_own() -> None:
    pace = RealPace(LIVE_CLOCK)

    async def look() -> timedelta:
        return pace.waited()

    for attempt in (b"first", b"second"):
        env = ActivityEnvironment()
        env.info = replace(env.info, task_token=attempt)
        await env.run(look)
        await env.run(look)
    assert list(pace._begun) == [b"first", b"second"]


def test_the_market_runs_at_its_own_speed() -> None:
    anchor = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    pace = RealPace(MarketClock(real_anchor=_now(), market_anchor=anchor, speed=60))

    assert timedelta(0) <= pace.now() - anchor < timedelta(minutes=5)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - real time is what is tested
