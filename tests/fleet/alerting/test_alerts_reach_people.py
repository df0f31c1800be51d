"""From the fault to the message: each outage reaches a real webhook through the host's own duties, at their own pace.

Each test prints its duration; `docs/operations.md` gives these figures.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

import psycopg
import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.support.host_gate import HostGate
from database.database import open_database
from domain.event import Event, EventLevel
from domain.event_kind import EventKind, kind_of
from domain.identity import Environment
from domain.market import Symbol
from fleet.alerting.channels import channels_of
from fleet.alerting.direct import DirectAlerts
from fleet.alerting.outbox import Alerting, AlertRules
from fleet.alerting.text import message_of
from fleet.duties.data_disk import DataDisk
from fleet.duties.disk import DiskDuty, DiskSaleDuty
from fleet.duties.duty import Duty
from fleet.duties.failing import FailingDuty
from fleet.duties.heartbeat import Heartbeat
from fleet.duties.host import HostDuty
from fleet.duties.outage import OutageDuty
from fleet.duties.reach import BrokerDuty, TemporalDuty
from fleet.duties.runner import DutyRunner
from fleet.fleet import Fleet
from fleet.together import first_to_end
from reporting.sentences import Language
from tests.database.books import Books
from tests.fleet.duties.hearing import a_market, a_process
from tests.fleet.duties.test_disk import BALLAST, LEVELS
from tests.fleet.duties.test_failing import BadRelease
from tests.support.builders import NOW
from tests.support.small_disk import MEGABYTE, small_disk
from tests.support.stepping import ACCOUNT, CALENDAR
from tests.support.turns import TURNS, WHOLE_DAYS
from tests.support.webhook import Webhook
from tools.chaos.network import network_to
from workflows.identity import task_queues, worker_name, worker_workflow_id
from workflows.payloads import DATA_CONVERTER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.in_turn(TURNS, WHOLE_DAYS)]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "ko")
_LONGEST_WAIT = 400.0
"""Seconds; only a missing message takes this long."""


class Host:
    """The part of a hosting process that sends alerts."""

    def __init__(self, fleet: Fleet, webhook: Webhook) -> None:
        self.fleet, self.webhook = fleet, webhook
        channels, self.rules = channels_of([webhook.url]), AlertRules(str)
        self.direct = DirectAlerts(fleet.environment, channels, self.rules)
        self.alerting = Alerting((fleet.account_id, fleet.environment), fleet.database, channels, self.rules)

    @asynccontextmanager
    async def running(self, *duties: Duty) -> AsyncIterator[None]:
        """Run the duties beside the alerts."""
        await self.alerting._register()
        tasks = asyncio.create_task(
            first_to_end(self.alerting.keep(), self.direct.keep(), DutyRunner(self.fleet, duties).run())
        )
        try:
            yield
        finally:
            tasks.cancel()
            await asyncio.gather(tasks, return_exceptions=True)

    async def received(self, title: str, since: float) -> float:
        """Wait for a message with this title, print the duration, and return it in seconds."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_LONGEST_WAIT):
            while not any(title in message["title"] for message in self.webhook.messages):
                await asyncio.sleep(0.02)
        took = loop.time() - since
        sys.stdout.write(f"\n{title}: {took:.1f} s\n")
        return took


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("kind", "english", "korean"),
    [
        ("host_died", "a host has died", "호스트가 비정상 종료됨"),
        ("database_away", "PostgreSQL is unreachable", "PostgreSQL 연결 끊김"),
        ("temporal_away", "Temporal is unreachable", "Temporal 연결 끊김"),
        ("price_untrusted", "no trusted price for held shares", "보유 종목의 시세를 신뢰할 수 없음"),
        ("workflow_failing", "a workflow cannot progress", "워크플로 진행 불가"),
        ("broker_away", "the broker does not answer", "증권사 무응답"),
        ("disk_low", "the disk is filling up", "디스크 여유 공간 부족"),
        ("duty_failed", "a background duty of a host failed", "호스트의 백그라운드 작업 실패"),
        (
            "alert_channel_unknown",
            "no host has the address of an alert channel",
            "주소가 설정된 호스트가 없는 알림 채널",
        ),
    ],
)
def test_what_an_operator_reads(kind: str, english: str, korean: str) -> None:
    event = Event(ACCOUNT, kind_of(kind), EventLevel.CRITICAL, NOW)

    titles = [message_of(Environment.LIVE, [event], language, str).title for language in LANGUAGES]

    assert titles == [f"HARU · LIVE · critical: {english}", f"HARU · LIVE · 심각: {korean}"]


async def test_a_host_that_dies_while_shares_are_held(fleet: Fleet, webhook: Webhook) -> None:
    await Books(fleet.database, fleet.account_id).held()
    dying, other, host = HostDuty(fleet), HostDuty(fleet), Host(fleet, webhook)
    beating = asyncio.create_task(DutyRunner(fleet, [dying]).run())
    async with host.running(other):
        async with asyncio.timeout(_LONGEST_WAIT):
            while other._well_since is None or now() - other._well_since < other._silence.total_seconds():
                await asyncio.sleep(0.2)
        beating.cancel()
        took = await host.received("critical: a host has died", now())

    assert took >= 30 - 2 * HostDuty.terms.every


async def test_a_database_that_is_away(fleet: Fleet, webhook: Webhook, database_url: str, postgres_server: str) -> None:
    database = await open_database(database_url, 2)
    host = Host(replace(fleet, database=database), webhook)
    name = database_url.rsplit("/", 1)[-1]
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        async with host.running(OutageDuty(host.fleet, host.direct, HostGate())):
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            took = await host.received("critical: PostgreSQL is unreachable", now())
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            await host.received("error: PostgreSQL is reachable again", now())
    await database.aclose()

    assert took >= 15


async def test_temporal_that_is_away(fleet: Fleet, webhook: Webhook, temporal_dev_server: str) -> None:
    async with network_to({"temporal": temporal_dev_server}) as (network, ways):
        client = await Client.connect(ways["temporal"], data_converter=DATA_CONVERTER)
        host = Host(replace(fleet, client=client), webhook)
        async with host.running(
            TemporalDuty(host.fleet, host.direct), BrokerDuty(host.fleet, host.direct, lambda: 0.0)
        ):
            await asyncio.sleep(0)
            network.cut()
            took = await host.received("critical: Temporal is unreachable", now())
            network.restore()

    assert took >= 15


async def test_held_shares_without_a_price(webhook: Webhook, database_url: str) -> None:
    async with a_market() as market, a_process(market, database_url) as process:
        entry = await process.desk.buys()
        database, clock = process.desk.database, process.desk.pace.clock
        host = Host(Fleet(cast("Any", None), database, ACCOUNT, Environment.SIMULATED, clock, CALENDAR), webhook)
        await process.hears_of()
        async with host.running():
            watching = asyncio.create_task(process.desk.watches(entry))
            market.simulation.add_fault(kind="http_error", path="intstock-multprice", count=0)
            market.simulation.add_fault(kind="stream_silent", path="stream", count=0)
            took = await host.received("critical: no trusted price", now())
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    assert took >= 29


async def test_a_workflow_that_cannot_progress(fleet: Fleet, webhook: Webhook) -> None:
    queue, host = task_queues(fleet.account_id).trading, Host(fleet, webhook)
    async with (
        Worker(fleet.client, task_queue=queue, workflows=[BadRelease]),
        host.running(FailingDuty(fleet)),
    ):
        since = now()
        name = worker_workflow_id(fleet.account_id, worker_name(1))
        await fleet.database.workers.register(fleet.account_id, worker_name(1), name)
        handle = await fleet.client.start_workflow(BadRelease.run, id=name, task_queue=queue)
        await host.received("critical: a workflow cannot progress", since)
        await handle.terminate()


async def test_a_disk_that_fills(fleet: Fleet, webhook: Webhook, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 96) as disk:
        host = Host(fleet, webhook)
        duty = DiskDuty(fleet, DataDisk(disk.folder, ballast=BALLAST), HostGate(), host.direct, LEVELS)
        async with host.running(duty, DiskSaleDuty(duty)):
            since = now()
            disk.leaves(8 * MEGABYTE)
            await host.received("critical: the disk is filling up", since)


async def test_a_second_host_without_channels_silences_no_other(fleet: Fleet, webhook: Webhook) -> None:
    host = Host(fleet, webhook)
    async with host.running():
        await Alerting((fleet.account_id, fleet.environment), fleet.database, [], AlertRules(str))._register()
        since, at = now(), fleet.market_now()
        await fleet.database.events.append(
            Event(fleet.account_id, EventKind.ORDER_QUARANTINED, EventLevel.CRITICAL, at)
        )
        await host.received("critical: order quarantined", since)


async def test_a_ping_that_stays_away_while_temporal_is_away(
    fleet: Fleet, webhook: Webhook, temporal_dev_server: str
) -> None:
    async def all_is_watched() -> list[Symbol]:
        return []

    async with network_to({"temporal": temporal_dev_server}) as (network, ways):
        client = await Client.connect(ways["temporal"], data_converter=DATA_CONVERTER)
        relayed = replace(fleet, client=client)
        duty = Heartbeat(relayed, webhook.ping_url, all_is_watched)
        duty.terms = replace(duty.terms, every=1.0)
        pinging = asyncio.create_task(DutyRunner(relayed, [duty]).run())
        async with asyncio.timeout(_LONGEST_WAIT):
            while not webhook.pings:
                await asyncio.sleep(0.02)
            network.cut()
            while await pings_within(webhook, 8.0):
                pass
            network.restore()
            while not await pings_within(webhook, 8.0):
                pass
        pinging.cancel()
        await asyncio.gather(pinging, return_exceptions=True)


async def pings_within(webhook: Webhook, seconds: float) -> bool:
    before = webhook.pings
    await asyncio.sleep(seconds)
    return webhook.pings > before
