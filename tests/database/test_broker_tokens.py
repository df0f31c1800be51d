"""One token for the fleet: one process requests it, the others read it."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest
from cryptography.fernet import Fernet

from broker.protocol import AccessToken, TokenStore
from database.broker_tokens import BrokerTokens
from database.database import Database, open_database

END = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
TOKEN = AccessToken("eyJ0eXAi.secret", END)


def tokens_of(database: Database, key: bytes | None = None) -> BrokerTokens[AccessToken]:
    """Return the store of the one app key of these tests."""
    return database.tokens("app-key", AccessToken, key)


async def test_it_is_what_the_broker_asks_for(database: Database) -> None:
    store: TokenStore = tokens_of(database)

    assert await store.current() is None


async def test_a_stored_token_is_found_by_everybody(database: Database) -> None:
    async with tokens_of(database).issuing() as issue:
        assert await issue.current() is None
        assert await issue.last_issued_at() is None
        await issue.record_attempt()
        await issue.store(TOKEN)
        await issue.store(TOKEN)

    assert await tokens_of(database).current() == TOKEN
    async with tokens_of(database).issuing() as issue:
        assert await issue.last_issued_at() is not None
    assert await database.tokens("another-key", AccessToken).current() is None


async def test_an_attempt_that_never_left_is_as_if_it_had_not_been(database: Database) -> None:
    async with tokens_of(database).issuing() as issue:
        await issue.record_attempt()
        first = await issue.last_issued_at()
        await issue.record_attempt()
        await issue.withdraw_attempt(first)

        assert await issue.last_issued_at() == first


async def test_of_many_who_want_one_exactly_one_asks(database_url: str, database: Database) -> None:
    second = await open_database(database_url, pool_size=3)
    asked: list[int] = []

    async def renew(store: BrokerTokens[AccessToken], who: int) -> AccessToken | None:
        async with store.issuing() as issue:
            if await issue.current() is None:
                await issue.record_attempt()
                asked.append(who)
                await asyncio.sleep(0.05)
                await issue.store(TOKEN)
            return await issue.current()

    stores = [tokens_of(database), tokens_of(second)]
    found = await asyncio.gather(*(renew(stores[who % 2], who) for who in range(20)))

    assert len(asked) == 1
    assert found == [TOKEN] * 20
    await second.aclose()


async def test_an_attempt_that_failed_is_remembered(database: Database) -> None:
    store = tokens_of(database)

    async def fail() -> None:
        async with store.issuing() as issue:
            await issue.record_attempt()
            raise ConnectionError("KIS is away")

    with pytest.raises(ConnectionError):
        await fail()

    async with store.issuing() as issue:
        assert await issue.last_issued_at() is not None
        assert await issue.current() is None


async def test_with_a_key_the_token_is_not_readable_in_the_table(
    database: Database, connection: asyncpg.Connection
) -> None:
    key = Fernet.generate_key()
    async with tokens_of(database, key).issuing() as issue:
        await issue.store(TOKEN)

    stored = await connection.fetchval("SELECT value FROM broker_tokens")

    assert TOKEN.value.encode() not in stored
    assert await tokens_of(database, key).current() == TOKEN


@pytest.mark.parametrize("key", [None, Fernet.generate_key()], ids=["no key", "another key"])
async def test_a_token_that_the_key_does_not_open_counts_as_none(database: Database, key: bytes | None) -> None:
    async with tokens_of(database, Fernet.generate_key()).issuing() as issue:
        await issue.store(TOKEN)

    assert await tokens_of(database, key).current() is None
