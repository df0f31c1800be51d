"""Failover to another server: writes go to it, and an order is not given up when its permit may be missing there."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from database.database import Database, open_database
from database.errors import DATABASE_FAULTS
from database.migrations import apply
from database.orders import Orders
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import Environment, IntentId, WorkerId
from domain.order import OrderStatus
from tests.database.books import Books
from tests.database.two_servers import TwoServers, asked, become_read_only, two_servers
from tests.support.builders import ACCOUNT, HYNIX, NOW

pytestmark = pytest.mark.slow
POOL = 4
OTHER = WorkerId("worker-2")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoServers]:
    """Return both servers; the last test promotes the replica."""
    with two_servers(tmp_path_factory.mktemp("servers")) as servers:
        apply(servers.primary)
        yield servers


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """Open a database in which every connection has written."""
    database = await open_database(url, POOL)
    try:
        await database.accounts.pin(ACCOUNT, Environment.SIMULATED, "keys")
        await asyncio.gather(*(write(database) for _ in range(3 * POOL)))
        yield database
    finally:
        await database.aclose()


async def write(database: Database) -> None:
    await database.events.append(Event(ACCOUNT, EventKind.HOST_DIED, EventLevel.INFO, NOW))


async def written_again(database: Database) -> None:
    """Write until it succeeds, as activities do."""
    async with asyncio.timeout(60):
        while True:
            with suppress(*DATABASE_FAULTS):
                return await write(database)
            await asyncio.sleep(0.05)


async def refused(database: Database) -> None:
    """Write until an open session receives the server's refusal of writes."""
    async with asyncio.timeout(60):
        try:
            while True:
                await write(database)
        except DATABASE_FAULTS:
            return


async def test_a_replica_alone_is_refused_with_the_fix(servers: TwoServers) -> None:
    with pytest.raises(ConnectionError, match=r"refuses writes: it is a replica.*point DATABASE_URL at the primary"):
        await open_database(servers.replica)


async def test_writes_go_on_once_the_only_server_takes_them_again(servers: TwoServers) -> None:
    async with opened(servers.primary) as database:
        await become_read_only(servers.primary)
        await refused(database)
        for _ in range(12):
            with pytest.raises(DATABASE_FAULTS):
                await write(database)

        await become_read_only(servers.primary, on=False)

        await written_again(database)


async def test_what_a_replica_that_takes_over_has_not_heard_of_is_looked_for_and_writes_find_it(
    servers: TwoServers,
) -> None:
    async with opened(servers.both) as database:
        orders, books = database.orders, Books(database)
        decided = await books.decided(books.a_buy(await books.locked()))
        await servers.catch_up()
        await servers.separate()
        assert (await books.sent(decided.intent)).status is OrderStatus.SENDING

        await servers.promote()
        await become_read_only(servers.primary)
        await refused(database)

        await written_again(database)
        async with asked(servers.replica) as new:
            before = await new.fetchval("SELECT count(*) FROM events")
            await asyncio.gather(*(write(database) for _ in range(12)))
            assert await new.fetchval("SELECT count(*) FROM events") == before + 12
        assert await status(orders, decided.intent.intent_id) is OrderStatus.INTENDED, "the permit is forgotten"
        assert not await orders.withdraw(decided.intent.intent_id)
        assert await status(orders, decided.intent.intent_id) is OrderStatus.UNKNOWN

        written_here = await books.decided(books.a_buy(await books.locked(OTHER, HYNIX)))
        assert await orders.withdraw(written_here.intent.intent_id), "the new primary has forgotten nothing of it"


async def status(orders: Orders, intent_id: IntentId) -> OrderStatus:
    record = await orders.get(intent_id)
    assert record is not None
    return record.status
