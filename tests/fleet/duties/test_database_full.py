"""PostgreSQL's disk is full while shares are held: nothing is bought, people hear of it, and sales go on with room."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import asyncpg
import psycopg
import pytest

from activities.selling import PreparedExit
from activities.support.host_gate import HostGate
from database.database import Database, open_database
from domain.event_kind import EventKind
from domain.identity import Environment
from domain.market import Side
from domain.order import OrderPurpose, OrderStatus
from fleet.alerting.channels import channels_of
from fleet.alerting.direct import DirectAlerts
from fleet.alerting.outbox import AlertRules
from fleet.duties import outage
from fleet.duties.outage import FULL, OutageDuty
from fleet.fleet import Fleet
from tests.activities.conftest import desk
from tests.activities.desk import Desk
from tests.support.webhook import Webhook

__all__ = ["desk"]
FILL: Final = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'could not extend file "base/5/16384": No space left on device' USING ERRCODE = '53100';
END
$$;
CREATE TRIGGER aa_no_room BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION no_room();
CREATE TRIGGER aa_no_room BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION no_room();
"""
FREE: Final = """
DROP TRIGGER aa_no_room ON orders;
DROP TRIGGER aa_no_room ON events;
DROP FUNCTION no_room;
"""
"""A server without room refuses new rows in this way; it still reads, and changes rows where a page has room."""


def run(url: str, statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statements.encode())


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.aclose()


async def test_a_full_database_shuts_entries_and_alerts_at_once_and_opens_again(
    fleet: Fleet, database_url: str, books: Database, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct = DirectAlerts(Environment.SIMULATED, channels_of([webhook.url]), AlertRules(str))
    sending, gate = asyncio.create_task(direct.keep()), HostGate()
    duty = OutageDuty(replace(fleet, database=books), direct, gate)

    run(database_url, FILL)
    with pytest.raises(asyncpg.DiskFullError):
        await books.risk.press_kill_switch(fleet.account_id, "operator", "")
    await duty.look()
    await duty.look()

    assert gate.objection == FULL
    async with asyncio.timeout(20):
        while not webhook.messages:
            await asyncio.sleep(0.05)
    (alert,) = webhook.messages
    assert alert["title"] == "HARU · SIMULATED · critical: PostgreSQL's disk is full"
    assert "free some room" in alert["message"]

    monkeypatch.setattr(outage, "_FULL_FOR", 0.0)
    await duty.look()  # nothing was refused lately, but the event of the outage still finds no room
    assert await books.events.latest(fleet.account_id, 9) == ()
    run(database_url, FREE)
    await duty.look()

    assert gate.objection == ""
    events = await books.events.latest(fleet.account_id, 9)
    assert [each.kind for each in events] == [EventKind.DATABASE_WAS_AWAY]
    sending.cancel()


async def test_a_sale_waits_for_room_and_then_goes_on(desk: Desk, database_url: str) -> None:
    entry = await desk.buys()
    run(database_url, FILL)

    with pytest.raises(asyncpg.DiskFullError):
        await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert desk.database.disk.is_full(60.0)
    assert desk.side_of(Side.SELL) == []
    run(database_url, FREE)
    order = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert isinstance(order, PreparedExit)
    await desk.submits(order, OrderPurpose.EXIT)

    assert (await desk.follows(order.intent_id)).status is OrderStatus.FILLED
    assert len(desk.side_of(Side.SELL)) == 1


async def test_a_buy_that_is_recorded_already_is_not_sent_meanwhile(desk: Desk) -> None:
    prepared = await desk.prepared()
    desk.host.database_full = FULL

    await desk.submits(prepared, OrderPurpose.ENTRY)

    assert desk.side_of(Side.BUY) == []
