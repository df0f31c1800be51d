"""The database fails between the broker request and the record of its reply: the order is found and never resent."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from activities.entries import PreparedEntry
from activities.resolving import ResolveRequest
from activities.selling import PreparedExit
from database.errors import DATABASE_FAULTS
from domain.identity import IntentId
from domain.market import Side
from domain.order import OrderPurpose, OrderRecord, OrderStatus
from simulator.orders import Order
from tests.activities.desk import Desk


class Plug:
    """Cuts every connection of a database and accepts none until it is restored."""

    def __init__(self, url: str) -> None:
        self._name = urlsplit(url).path[1:]
        self._admin = urlunsplit(urlsplit(url)._replace(path="/postgres"))

    def pull(self) -> None:
        self._say("ALTER DATABASE {} ALLOW_CONNECTIONS false")
        with psycopg.connect(self._admin, autocommit=True) as admin:
            cut = admin.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s", (self._name,)
            ).fetchone()
        assert cut is not None
        assert cut[0] > 0

    def put_in(self) -> None:
        self._say("ALTER DATABASE {} ALLOW_CONNECTIONS true")

    def _say(self, statement: str) -> None:
        with psycopg.connect(self._admin, autocommit=True) as admin:
            admin.execute(sql.SQL(statement).format(sql.Identifier(self._name)))


@pytest.fixture
def plug(database_url: str) -> Iterator[Plug]:
    plug = Plug(database_url)
    yield plug
    plug.put_in()


def pulled_once_the_broker_has_the_order(desk: Desk, plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    place = desk.simulation.place_order

    def placed(*about: object, **how: object) -> Order:
        order = place(*about, **how)  # type: ignore[arg-type]
        plug.pull()
        return order

    monkeypatch.setattr(desk.simulation, "place_order", placed)


async def recorded(desk: Desk, intent_id: IntentId) -> OrderRecord:
    """Read the order; retry over dead connections that the pool has not detected, as activities do."""
    async with asyncio.timeout(10):
        while True:
            with suppress(*DATABASE_FAULTS):
                record = await desk.database.orders.get(intent_id)
                assert record is not None
                return record
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
async def test_a_database_that_dies_between_the_request_and_its_record_loses_no_order(
    desk: Desk, plug: Plug, monkeypatch: pytest.MonkeyPatch, side: Side
) -> None:
    entry = await (desk.prepared() if side is Side.BUY else desk.buys())
    purpose = OrderPurpose.ENTRY if side is Side.BUY else OrderPurpose.EXIT
    order = entry if side is Side.BUY else await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert isinstance(order, PreparedEntry | PreparedExit)
    with monkeypatch.context() as only_now:
        pulled_once_the_broker_has_the_order(desk, plug, only_now)
        with pytest.raises(DATABASE_FAULTS):
            await desk.submits(order, purpose)
    plug.put_in()

    assert (await recorded(desk, order.intent_id)).status is OrderStatus.SENDING
    again = await desk.submits(order, purpose)
    assert again.status is OrderStatus.SENDING, "a second attempt sends nothing"
    found = await desk.does(desk.resolving.resolve_order, ResolveRequest(order.intent_id))

    assert found.status is OrderStatus.ACCEPTED
    assert (await desk.follows(order.intent_id)).status is OrderStatus.FILLED
    assert len(desk.side_of(side)) == 1
