"""The dead-man's switch: pinged while everything works, silent otherwise, never blocking."""

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from temporalio.client import Client

from database.database import open_database
from domain.market import Symbol
from fleet.duties.heartbeat import Heartbeat
from fleet.fleet import Fleet
from tests.support.builders import SAMSUNG
from tests.support.webhook import Webhook
from tools.chaos.network import network_to


async def nothing_unwatched() -> Collection[Symbol]:
    return ()


async def samsung_unwatched() -> Collection[Symbol]:
    return (SAMSUNG,)


async def test_it_is_pinged_while_all_is_well(fleet: Fleet, webhook: Webhook) -> None:
    assert await Heartbeat(fleet, webhook.ping_url, nothing_unwatched).beat()

    assert webhook.pings == 1


async def test_shares_without_a_watch_withhold_it_while_the_market_is_open(
    fleet: Fleet, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    evening = replace(fleet, clock=replace(fleet.clock, market_anchor=fleet.clock.market_anchor + timedelta(hours=9)))

    with caplog.at_level(logging.WARNING, "haru.alerts"):
        assert not await Heartbeat(fleet, webhook.ping_url, samsung_unwatched).beat()
    assert [record.message for record in caplog.records if record.name == "haru.alerts"] == ["heartbeat_withheld"]
    assert webhook.pings == 0
    assert await Heartbeat(evening, webhook.ping_url, samsung_unwatched).beat()


async def test_without_postgresql_or_temporal_it_is_withheld(
    fleet: Fleet, webhook: Webhook, database_url: str, postgres_server: str, temporal_dev_server: str
) -> None:
    async with network_to({"temporal": temporal_dev_server}) as (network, ways):
        relayed = replace(fleet, client=await Client.connect(ways["temporal"]))
        network.cut()
        assert not await Heartbeat(relayed, webhook.ping_url, nothing_unwatched).beat()

    database = await open_database(database_url, 1)

    async def unwatched() -> Collection[Symbol]:
        return await database.locks.locked_symbols(fleet.account_id)

    beating = Heartbeat(fleet, webhook.ping_url, unwatched)
    assert await beating.beat()
    name = database_url.rsplit("/", 1)[-1]
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        assert not await beating.beat()
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await database.aclose()
    assert webhook.pings == 1


async def test_an_address_that_refuses_or_is_away_is_logged_without_its_secret(
    fleet: Fleet, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    beating = Heartbeat(fleet, webhook.ping_url, nothing_unwatched)
    webhook.answers = 503
    with caplog.at_level(logging.WARNING):
        assert not await beating.beat()
        webhook.close()
        assert not await beating.beat()

    causes = [vars(record)["cause"] for record in caplog.records if record.message == "heartbeat_not_delivered"]
    assert causes == ["HTTP 503", "ConnectError"]
    assert "T0KEN" not in caplog.text
