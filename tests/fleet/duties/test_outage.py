"""PostgreSQL is down: an alarm during the outage, an event afterwards (F8); a long stream outage is reported."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from activities.closing import CLOSER
from activities.support.host_gate import HostGate
from database.database import open_database
from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.identity import Environment
from domain.order import OrderRecord
from domain.rules import TradingRules
from domain.worker_state import WorkerLife
from fleet.alerting.channels import channels_of
from fleet.alerting.direct import DirectAlerts
from fleet.alerting.outbox import AlertRules
from fleet.duties.close import is_closing
from fleet.duties.lost_workers import LostWorkersDuty
from fleet.duties.outage import OutageDuty
from fleet.duties.stream import StreamDuty
from fleet.fleet import Fleet
from fleet.schedule import close_now
from fleet.starting import start_worker
from tests.database.books import Books
from tests.support.webhook import Webhook


async def test_an_outage_is_an_alarm_at_once_and_an_event_when_it_is_over(
    fleet: Fleet, database_url: str, postgres_server: str, caplog: pytest.LogCaptureFixture, webhook: Webhook
) -> None:
    database = await open_database(database_url, 1)
    direct = DirectAlerts(Environment.SIMULATED, channels_of([webhook.url]), AlertRules(str))
    sending = asyncio.create_task(direct.keep())
    duty = OutageDuty(replace(fleet, database=database), direct, HostGate(), long=0)
    name = database_url.rsplit("/", 1)[-1]
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        await duty.look()
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        with caplog.at_level(logging.CRITICAL, "haru.hosting"):
            for _ in range(3):
                await duty.look()
        async with asyncio.timeout(20):
            while not webhook.messages:
                await asyncio.sleep(0.05)
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    for _ in range(2):
        await duty.look()

    assert [record.message for record in caplog.records] == ["database_away"]
    reported = await database.events.latest(fleet.account_id, 10)
    assert [(event.kind, event.level) for event in reported] == [(EventKind.DATABASE_WAS_AWAY, EventLevel.ERROR)]
    assert [alert["title"] for alert in webhook.messages] == ["HARU · SIMULATED · critical: PostgreSQL is unreachable"]
    sending.cancel()
    await database.aclose()


async def test_a_stream_that_is_long_away_is_reported_once_for_all_processes(fleet: Fleet) -> None:
    await fleet.database.stream_leases.take(fleet.account_id, "host-1")
    await fleet.database.stream_leases.report_lost(fleet.account_id, "host-1", "cut")
    patient, one, two = StreamDuty(fleet), StreamDuty(fleet, 0), StreamDuty(fleet, 0)

    for duty in (patient, one, two, one):
        await duty.look()

    (event,) = await fleet.database.events.latest(fleet.account_id, 10)
    assert (event.kind, event.level, event.detail) == (
        EventKind.STREAM_AWAY,
        EventLevel.WARNING,
        {"cause": "cut"},
    )


async def test_nothing_is_reported_while_the_stream_is_heard_or_the_market_is_closed(fleet: Fleet) -> None:
    evening = replace(fleet, clock=replace(fleet.clock, market_anchor=fleet.clock.market_anchor + timedelta(hours=9)))
    await StreamDuty(evening, 0).look()
    await fleet.database.stream_leases.take(fleet.account_id, "host-1")
    await fleet.database.stream_leases.report(fleet.account_id, "host-1", [])
    await StreamDuty(fleet, 0).look()

    assert await fleet.database.events.latest(fleet.account_id, 10) == ()


async def unguarded(fleet: Fleet, database_url: str) -> OrderRecord:
    """Hold shares under a lease that has ended."""
    held = await Books(fleet.database, fleet.account_id).held()
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE stock_locks SET expires_at = clock_timestamp()")
    return held


async def test_a_worker_that_runs_is_not_said_to_be_brought_back(fleet: Fleet, database_url: str) -> None:
    held = await unguarded(fleet, database_url)
    await start_worker(fleet, WorkerLife(fleet.account_id, held.intent.worker_id, TradingRules(), fleet.clock))

    await LostWorkersDuty(fleet, TradingRules()).look()

    assert await fleet.database.events.latest(fleet.account_id, 10) == ()


async def test_what_a_running_close_has_seized_is_left_to_it(fleet: Fleet, database_url: str) -> None:
    held = await unguarded(fleet, database_url)
    await fleet.database.locks.take_over(fleet.account_id, held.intent.symbol, CLOSER, timedelta(0))
    close = await close_now(fleet, TradingRules())
    async with asyncio.timeout(20):
        while not await is_closing(fleet):
            await asyncio.sleep(0.05)

    await LostWorkersDuty(fleet, TradingRules()).look()
    assert await fleet.running_workers() == frozenset()

    await close.terminate()
    async with asyncio.timeout(20):
        while await is_closing(fleet):
            await asyncio.sleep(0.05)
    await LostWorkersDuty(fleet, TradingRules()).look()
    (event,) = await fleet.database.events.latest(fleet.account_id, 10)
    assert (event.kind, event.worker_id) == ("worker_brought_back", held.intent.worker_id)


async def test_a_worker_that_is_brought_back_is_reported(fleet: Fleet, database_url: str) -> None:
    held = await unguarded(fleet, database_url)
    for _ in range(2):
        await LostWorkersDuty(fleet, TradingRules()).look()
    reported = await fleet.database.events.latest(fleet.account_id, 10)

    assert {(event.kind, event.symbol, event.worker_id) for event in reported} == {
        ("worker_brought_back", held.intent.symbol, held.intent.worker_id)
    }
