"""Reporting may fail or hang: no sale depends on data that only people read."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

import asyncpg
import psycopg
import pytest

import database.reports
from activities.cycles import AdoptionRequest, CycleRequest, Held
from activities.selling import PreparedExit
from activities.settling import CloseRequest
from activities.support.requests import SessionRequest
from activities.unsold import UnsoldActivities
from database.reports import Reports
from domain.event_kind import EventKind
from domain.exits import ExitSignal
from domain.identity import WorkerId
from domain.position import ExitReason
from tests.activities.desk import PLAN, Desk
from tests.support.builders import SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT

RIVAL = WorkerId("worker-2")
_FULL = """
CREATE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$
"""


@contextmanager
def disk_full_for(url: str, *tables: str) -> Iterator[None]:
    """Let every write to some tables fail as on a full disk; ``table:column`` limits this to changes of that column."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_FULL)
        for each in tables:
            table, _, column = each.partition(":")
            events = f"UPDATE OF {column}" if column else "INSERT OR UPDATE"
            trigger = f"CREATE TRIGGER full_disk BEFORE {events} ON {table} EXECUTE FUNCTION disk_is_full()"
            connection.execute(trigger.encode())
    try:
        yield
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP FUNCTION disk_is_full() CASCADE")


@asynccontextmanager
async def held_up(url: str, table: str) -> AsyncIterator[None]:
    """Block every write to a table for the duration of the block."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN SHARE MODE")
            yield
    finally:
        await connection.close()


def steady(desk: Desk) -> None:
    desk.simulation.force_price(SAMSUNG, desk.price(), natural=False)


async def states(desk: Desk) -> list[str]:
    return [each.state.value for each in await desk.database.workers.all_of(ACCOUNT)]


@pytest.mark.parametrize("table", ["price_marks", "workers:last_event", "positions:sale_begins_at", "stock_locks"])
async def test_a_stop_fires_although_nothing_can_be_reported_of_it(
    desk: Desk, database_url: str, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    steady(desk)
    entry = await desk.buys()
    desk.pace.meanwhile.append(lambda: desk.price_moves(-0.04))

    with disk_full_for(database_url, table):
        signal: ExitSignal = await desk.watches(entry)

    assert signal.reason is ExitReason.STOP_LOSS
    message = {"stock_locks": "lease_not_renewed"}.get(table, "report_not_written")
    assert message in {record.getMessage() for record in caplog.records}


@pytest.mark.parametrize("table", ["price_marks", "workers"])
async def test_a_stop_does_not_wait_for_a_report_that_hangs(desk: Desk, database_url: str, table: str) -> None:
    steady(desk)
    entry = await desk.buys()
    desk.pace.meanwhile.append(lambda: desk.price_moves(-0.04))

    async with held_up(database_url, table), asyncio.timeout(20):
        signal: ExitSignal = await desk.watches(entry)

    assert signal.reason is ExitReason.STOP_LOSS


async def test_a_report_that_hung_is_written_when_it_can_be(desk: Desk, database_url: str) -> None:
    steady(desk)
    entry = await desk.buys()
    desk.pace.meanwhile.append(lambda: desk.price_moves(-0.04))

    async with held_up(database_url, "price_marks"):
        signal: ExitSignal = await desk.watches(entry)
    async with asyncio.timeout(20):
        while (await desk.holding(entry.position_id)).last_price != signal.price:
            await asyncio.sleep(0.02)


async def test_a_sale_is_decided_and_booked_although_its_worker_cannot_be_shown(desk: Desk, database_url: str) -> None:
    steady(desk)
    entry = await desk.buys()

    with disk_full_for(database_url, "workers:last_event"):
        record = await desk.sells(entry)
        result = await desk.settles(CloseRequest(entry.position_id, ExitReason.OPERATOR, entry.lease, timedelta(0)))

    assert result.quantity == record.filled_quantity
    assert await desk.database.positions.held_in(ACCOUNT) == ()


async def test_a_worker_begins_its_cycle_although_it_cannot_be_shown(desk: Desk, database_url: str) -> None:
    await desk.registers()

    with disk_full_for(database_url, "workers:last_event"):
        workflow = f"trading-worker/{ACCOUNT}/{WORKER}"
        cycle = await desk.does(desk.cycles.begin_cycle, CycleRequest(ACCOUNT, WORKER, workflow))

    assert cycle.held is None


async def test_the_close_seizes_and_a_worker_adopts_although_no_event_can_be_written(
    desk: Desk, database_url: str
) -> None:
    entry = await desk.buys()
    await desk.registers(RIVAL)

    with disk_full_for(database_url, "events"):
        seized = await desk.does(desk.closing.seize_position, entry.position_id)
        assert isinstance(seized, Held)
        decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2, lease=seized.lease))
        await desk.database.locks.renew(seized.lease, timedelta(0))
        request = AdoptionRequest(ACCOUNT, RIVAL, SAMSUNG, PLAN)
        adopted = await desk.does(desk.cycles.adopt_orphan, request)

    assert isinstance(decision, PreparedExit)
    assert isinstance(adopted, Held)


async def test_what_the_session_has_not_taken_is_reported_once_events_can_be_written(
    desk: Desk, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database.reports, "_EVENT_PAUSES", (0.1,) * 200)
    entry = await desk.buys()
    unsold = UnsoldActivities(desk.broker, desk.database, desk.pace)

    with disk_full_for(database_url, "events"):
        words = await desk.does(unsold.report_unsold, SessionRequest(ACCOUNT, PLAN.session.date))
    async with asyncio.timeout(20):
        while EventKind.POSITION_UNSOLD_AT_CLOSE not in [
            each.kind for each in await desk.database.events.latest(ACCOUNT, 9)
        ]:
            await asyncio.sleep(0.02)

    assert str(entry.quantity) in words[0]


async def test_of_reports_about_the_same_thing_the_newest_is_written_last() -> None:
    reports = Reports()
    written: list[int] = []
    may_go_on = asyncio.Event()

    async def write(number: int) -> None:
        if number == 1:
            await may_go_on.wait()
        written.append(number)

    for number in (1, 2, 3):
        await reports.write("state", "worker-1", lambda number=number: write(number))  # type: ignore[misc]
    may_go_on.set()
    await reports.write("state", "worker-2", lambda: write(4))
    async with asyncio.timeout(20):
        while len(written) < 3:
            await asyncio.sleep(0.01)

    assert sorted(written) == [1, 3, 4], "what is no longer true is not written"
    assert written.index(1) < written.index(3)


async def test_a_write_that_hangs_is_given_up_when_its_process_ends() -> None:
    reports, begun, given_up = Reports(patience=0), asyncio.Event(), asyncio.Event()

    async def hangs() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    await reports.write("price_mark", "position", hangs)
    await begun.wait()

    await reports.aclose()

    assert given_up.is_set()
