"""Temporal or the broker is down: an alarm during the outage, an incident with its duration afterwards."""

import asyncio
from dataclasses import replace

import httpx
import psycopg
import pytest
from temporalio.client import Client

from broker.kis.calls import Call
from broker.kis.sockets import kis_transport
from broker.kis.wire import Wire
from broker.protocol import AccessToken
from database.database import open_database
from domain.event import EventLevel
from domain.identity import Environment
from fleet.alerting.channels import channels_of
from fleet.alerting.direct import DirectAlerts
from fleet.alerting.outbox import AlertRules
from fleet.duties.reach import BROKER, TEMPORAL, BrokerDuty, TemporalDuty
from fleet.fleet import Fleet
from reporting.sentences import words
from tests.broker.parts import NOON, a_connection
from tests.support.webhook import Webhook
from tools.chaos.network import network_to


def silent() -> DirectAlerts:
    return DirectAlerts(Environment.SIMULATED, (), AlertRules(str))


async def reported(fleet: Fleet) -> list[tuple[str, EventLevel]]:
    return [(event.kind, event.level) for event in reversed(await fleet.database.events.latest(fleet.account_id, 10))]


async def test_temporal_away_is_reported_once_and_its_return_with_the_length(
    fleet: Fleet, temporal_dev_server: str
) -> None:
    async with network_to({"temporal": temporal_dev_server}) as (network, ways):
        relayed = replace(fleet, client=await Client.connect(ways["temporal"]))
        duty = TemporalDuty(relayed, silent(), replace(TEMPORAL, long=0.0))
        await duty.look()
        network.cut()
        for _ in range(2):
            await duty.look()
        network.restore()
        async with asyncio.timeout(60):
            while len(await reported(fleet)) < 2:
                await duty.look()

    assert await reported(fleet) == [("temporal_away", EventLevel.CRITICAL), ("temporal_was_away", EventLevel.ERROR)]
    back, away = await fleet.database.events.latest(fleet.account_id, 2)
    assert {"seconds", "host"} <= set(back.detail)
    for event in (back, away):
        assert words("ko").say(str(event.detail["why"])) != event.detail["why"]


async def test_a_short_absence_is_no_outage(fleet: Fleet, temporal_dev_server: str) -> None:
    async with network_to({"temporal": temporal_dev_server}) as (network, ways):
        relayed = replace(fleet, client=await Client.connect(ways["temporal"]))
        duty = TemporalDuty(relayed, silent(), replace(TEMPORAL, long=1e6))
        network.cut()
        await duty.look()
        network.restore()
        for _ in range(3):
            await duty.look()

    assert await reported(fleet) == []


async def test_the_brokers_silence_is_reported_with_its_measured_length(fleet: Fleet) -> None:
    measured = iter((0.0, 12.0, BROKER.long - 1, BROKER.long, 700.0, 0.0))
    duty = BrokerDuty(fleet, silent(), lambda: next(measured))
    for _ in range(6):
        await duty.look()

    assert await reported(fleet) == [("broker_away", EventLevel.CRITICAL), ("broker_was_away", EventLevel.ERROR)]


async def test_while_postgresql_is_away_too_the_alert_is_sent_directly(
    fleet: Fleet, webhook: Webhook, database_url: str, postgres_server: str
) -> None:
    database = await open_database(database_url, 1)
    direct = DirectAlerts(Environment.SIMULATED, channels_of([webhook.url]), AlertRules(str))
    sending = asyncio.create_task(direct.keep())
    duty = BrokerDuty(replace(fleet, database=database), direct, lambda: 45.0)
    name = database_url.rsplit("/", 1)[-1]
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        await duty.look()
        async with asyncio.timeout(30):
            while not webhook.messages:
                await asyncio.sleep(0.05)
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    assert webhook.messages[0]["title"] == "HARU · SIMULATED · critical: the broker does not answer"
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await database.aclose()


async def test_the_clients_silence_grows_with_failures_alone_and_an_answer_ends_it(unused_port: int) -> None:
    answers = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"rt_cd": "1", "msg_cd": "EGW00123"}'
        writer.write(b"HTTP/1.1 500 Error\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        answers.set()
        writer.close()

    wire = Wire(replace(a_connection(), trading_url=f"http://127.0.0.1:{unused_port}"), kis_transport())
    token = AccessToken("token", NOON)
    lengths = []
    for _ in range(3):
        with pytest.raises(httpx.ConnectError):
            await wire.get(Call.BALANCE, {}, token)
        lengths.append(wire.reach.silent_for)
    async with await asyncio.start_server(serve, "127.0.0.1", unused_port):
        await wire.get(Call.BALANCE, {}, token)
    await wire.aclose()

    assert lengths[0] == 0.0
    assert lengths[0] < lengths[1] < lengths[2]
    assert wire.reach.silent_for == 0.0
    assert answers.is_set()
