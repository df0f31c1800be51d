"""A recorded day on real processes: worker.py with its embedded parts, the simulator playing the bars in less time."""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from temporalio.api.enums.v1 import EventType

from cli.demo.worker_process import worker_process
from domain.clock import MarketClock, in_seoul
from domain.identity import SIMULATED_ACCOUNT, WorkerId
from domain.rules import TradingRules
from domain.session import Session
from fleet.errors import NothingRunsError, OperationError
from fleet.fleet import Fleet
from fleet.schedule import latest_close, schedule_close
from fleet.starting import start_workers
from lab.steps import Step
from runtime.embedded.endpoints import read_endpoints
from runtime.embedded.stage import set_stage
from runtime.opening import open_fleet
from runtime.settings import load_settings
from tools.parity.played import Played, Scans
from verifier.books import Books
from verifier.broker_truth import Simulated
from verifier.histories import Run, read_runs
from verifier.reading import Sources, read_books

_STARTING_UP: Final = (25.0, 150.0)
"""Real seconds for parts and workers to start before the session opens; a busy machine gets the second one."""
_CLOSED_WITHIN: Final = 240.0
_HOURS: Final = "HARU_CALENDAR__HOURS"
_SHARED: Final = "HARU_WATCH__SHARED"
"""As in a backtest, each worker scans and watches by steps of its own, which are compared."""
_LOOK: Final = 0.05
"""Real seconds between two looks at the number of scans."""


class _TooLateError(OperationError):
    """The session has opened before everything was ready."""


@dataclass(frozen=True, slots=True)
class RealDay:
    """What is played: the session, its bars, and how many market seconds pass in one real second."""

    session: Session
    bars: Path
    rules: TradingRules
    workers: int
    capital: int
    speed: int
    hours: str = ""
    """Changed hours of the session, such as ``2025-11-17=09:00-10:30-10:40``; empty: those of the calendar."""


async def play_on_processes(day: RealDay, folder: Path) -> Played:
    """Play the day in an empty folder, and return its books and the steps of its workflows.

    Raises:
        OperationError: a process fails, or the close does not end in time.
    """
    for early in _STARTING_UP[:-1]:
        with suppress(_TooLateError):
            return await _play(day, folder, early)
    return await _play(day, folder, _STARTING_UP[-1])


async def _play(day: RealDay, folder: Path, early: float) -> Played:
    start = in_seoul(day.session.opens_at) - timedelta(seconds=early) * day.speed
    begins = start.replace(microsecond=0).isoformat()
    await set_stage(folder, day.rules, bars=day.bars, speed=day.speed, start=begins, opening_cash=day.capital)
    os.environ[_HOURS] = day.hours
    os.environ[_SHARED] = "false"
    async with worker_process(folder / "worker.log") as worker:
        await worker.until_ready()
        async with open_fleet(load_settings()) as fleet:
            return await _trade(day, fleet, folder)


async def _trade(day: RealDay, fleet: Fleet, folder: Path) -> Played:
    names = await start_workers(fleet, day.workers, day.rules)
    if fleet.market_now() >= day.session.opens_at:
        raise _TooLateError("the session has opened before the workers were ready: choose a lower --speed")
    await schedule_close(fleet, day.rules, fleet.market_now())
    scans = Scans()
    counting = asyncio.create_task(_count(fleet, day.session, scans))
    try:
        await _until_closed(fleet, day.session)
    finally:
        counting.cancel()
        with suppress(asyncio.CancelledError):
            await counting
    return await _read(day, fleet, folder, scans, names)


async def _until_closed(fleet: Fleet, session: Session) -> None:
    left = fleet.clock.real_duration(session.ends_at - fleet.market_now())
    try:
        async with asyncio.timeout(left.total_seconds() + _CLOSED_WITHIN):
            handle = await latest_close(fleet)
            while handle is None:
                await asyncio.sleep(1)
                handle = await latest_close(fleet)
            await handle.result()
    except TimeoutError:
        raise OperationError("the market close has not finished in time") from None


async def _count(fleet: Fleet, session: Session, scans: Scans) -> None:
    """Note when each worker's number of scans rises."""
    while True:
        began = time.monotonic()
        found = await fleet.database.events.scans_on(fleet.account_id, session.date)
        scans.note(fleet.market_now(), {name: count for name, (count, _) in found.items() if name != "fleet"})
        await asyncio.sleep(_LOOK)
        scans.slowest = max(scans.slowest, timedelta(seconds=time.monotonic() - began))


async def _read(day: RealDay, fleet: Fleet, folder: Path, scans: Scans, names: tuple[WorkerId, ...]) -> Played:
    endpoints = read_endpoints(folder)
    if endpoints is None or endpoints.simulator_url is None:
        raise NothingRunsError(f"no simulator runs in {folder}")
    simulated = Simulated(endpoints.simulator_url, SIMULATED_ACCOUNT, endpoints.control_headers)
    sources = Sources(fleet.client, fleet.database, simulated, fleet.account_id, fleet.clock)
    books: Books = await read_books(sources, fleet.plan_of_the_day(day.session.opens_at, day.workers))
    workers = {each.workflow_id: each.worker_id for each in await fleet.database.workers.all_of(fleet.account_id)}
    since = fleet.clock.real_time(day.session.opens_at) - timedelta(hours=1)
    runs = await read_runs(fleet.client, workers, fleet.account_id, since)
    steps = tuple(step for run in runs for step in _steps_of(run, fleet.clock))
    seen = await fleet.database.day_seen.bars_of([trade.position_id for trade in books.ledger.trades])
    return Played("processes", books, tuple(sorted(steps, key=lambda step: step.ended)), names, scans, seen)


def _steps_of(run: Run, clock: MarketClock) -> Iterator[Step]:
    """Yield the finished activities of a run's history."""
    scheduled: dict[int, tuple[str, datetime, Any]] = {}
    for event in run.events:
        at = clock.market_time(event.event_time.ToDatetime(tzinfo=UTC))
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            about = event.activity_task_scheduled_event_attributes
            scheduled[event.event_id] = about.activity_type.name, at, _value(about.input.payloads)
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            done = event.activity_task_completed_event_attributes
            name, began, asked = scheduled.pop(done.scheduled_event_id)
            yield Step(run.workflow_id, name, began, at, asked, _value(done.result.payloads))


def _value(payloads: Any) -> Any:
    return json.loads(payloads[0].data or b"null") if payloads else None
