"""Attempts of a buy: once a later one has begun, the statements of earlier ones change no row."""

import asyncio

import asyncpg
import pytest

from domain.errors import OvertakenError
from domain.identity import IntentId, WorkerId
from domain.lock import EntryAttempt, Lease, LockHeld
from domain.risk import Approved, Spending
from tests.database.books import LEASE, Books, an_opening
from tests.support.builders import ACCOUNT, HYNIX, SAMSUNG, WORKER

FIRST, SECOND, THIRD = (EntryAttempt(IntentId("run.1"), number) for number in (1, 2, 3))
OF_ANOTHER_BUY = EntryAttempt(IntentId("run.5"), 1)


async def locked(books: Books, attempt: EntryAttempt = FIRST) -> Lease:
    lease = await books.database.locks.acquire(ACCOUNT, SAMSUNG, WORKER, LEASE, attempt)
    assert isinstance(lease, Lease)
    return lease


async def test_the_first_attempt_writes_nothing(books: Books, connection: asyncpg.Connection) -> None:
    await books.database.entry_attempts.begin(ACCOUNT, FIRST)

    assert await connection.fetchval("SELECT count(*) FROM entry_attempts") == 0


async def test_an_overtaken_attempt_takes_no_lock(books: Books) -> None:
    await books.database.entry_attempts.begin(ACCOUNT, SECOND)

    with pytest.raises(OvertakenError, match=r"a later attempt of run\.1 has begun"):
        await locked(books, FIRST)

    assert await books.database.locks.locked_symbols(ACCOUNT) == set()


async def test_an_overtaken_attempt_extends_no_lock_that_it_has_taken(
    books: Books, connection: asyncpg.Connection
) -> None:
    await locked(books, FIRST)
    await books.database.entry_attempts.begin(ACCOUNT, SECOND)
    before = await connection.fetchrow("SELECT xmin, ctid, xmax FROM stock_locks")

    with pytest.raises(OvertakenError):
        await locked(books, FIRST)

    assert await connection.fetchrow("SELECT xmin, ctid, xmax FROM stock_locks") == before


async def test_an_overtaken_attempt_learns_of_a_holder_that_it_is_overtaken(books: Books) -> None:
    await books.locked(WorkerId("worker-2"))
    await books.database.entry_attempts.begin(ACCOUNT, SECOND)

    with pytest.raises(OvertakenError):
        await books.database.locks.acquire(ACCOUNT, SAMSUNG, WORKER, LEASE, FIRST)

    lost = await books.database.locks.acquire(ACCOUNT, SAMSUNG, WORKER, LEASE, SECOND)
    assert isinstance(lost, LockHeld)


async def test_an_overtaken_attempt_gives_back_no_lock(books: Books) -> None:
    lease = await locked(books, FIRST)
    await books.database.entry_attempts.begin(ACCOUNT, SECOND)

    assert not await books.database.locks.give_back(lease, FIRST)

    assert await books.database.locks.locked_symbols(ACCOUNT) == {SAMSUNG}
    assert await books.database.locks.give_back(lease, SECOND)
    assert await books.database.locks.locked_symbols(ACCOUNT) == set()


async def test_an_overtaken_attempt_records_no_buy(books: Books) -> None:
    buy = books.a_buy(await locked(books, FIRST))
    attempt = EntryAttempt(buy.intent_id, 2)
    await books.database.entry_attempts.begin(ACCOUNT, attempt)
    asked_at = await books.database.server.now()

    with pytest.raises(OvertakenError):
        await books.database.orders.record_entry(buy, an_opening(buy), Spending(asked_at, lambda _: Approved(), 1))
    assert await books.database.orders.get(buy.intent_id) is None

    await books.database.orders.record_entry(buy, an_opening(buy), Spending(asked_at, lambda _: Approved(), 2))
    assert await books.database.orders.get(buy.intent_id) is not None


async def test_a_later_attempt_waits_for_the_one_that_is_recording(
    books: Books, connection: asyncpg.Connection
) -> None:
    """Afterwards it sees the recorded buy: nothing is decided between the two."""
    buy = books.a_buy(await locked(books, FIRST))
    async with connection.transaction():
        await connection.fetchval("SELECT kill_switch_on FROM risk_state WHERE account_id = $1 FOR UPDATE", ACCOUNT)
        begun = asyncio.create_task(books.database.entry_attempts.begin(ACCOUNT, EntryAttempt(buy.intent_id, 2)))
        done, _ = await asyncio.wait([begun], timeout=0.3)
    await begun

    assert not done


async def test_another_buy_is_not_shut_out(books: Books) -> None:
    await books.database.entry_attempts.begin(ACCOUNT, SECOND)

    lease = await books.database.locks.acquire(ACCOUNT, HYNIX, WORKER, LEASE, OF_ANOTHER_BUY)

    assert isinstance(lease, Lease)


async def test_an_attempt_that_begins_after_a_later_one_is_refused_and_a_repeated_begin_is_not(books: Books) -> None:
    await books.database.entry_attempts.begin(ACCOUNT, THIRD)
    await books.database.entry_attempts.begin(ACCOUNT, THIRD)

    with pytest.raises(OvertakenError):
        await books.database.entry_attempts.begin(ACCOUNT, SECOND)
