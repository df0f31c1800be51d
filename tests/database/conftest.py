"""The book of record on a real PostgreSQL, with one account pinned."""

import uuid
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psycopg
import pytest

from database.database import Database, open_database
from domain.identity import Environment
from tests.builders import ACCOUNT
from tests.database.books import FINGERPRINT, Books
from tests.database.emptying import EMPTY_EVERYTHING


@pytest.fixture(scope="session")
def ledger_url(postgres_server: str, migrated_template: str) -> str:
    """URL of the one database that the tests of this folder use in turn; copying one for each takes too long."""
    name = f"ledger_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_template}".encode())
    return urlunsplit(urlsplit(postgres_server)._replace(path=f"/{name}"))


@pytest.fixture
def database_url(ledger_url: str) -> Iterator[str]:
    """URL of a database with our schema and nothing in it."""
    yield ledger_url
    with psycopg.connect(ledger_url) as connection:
        connection.execute(EMPTY_EVERYTHING)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The facade on a fresh database that belongs to ``ACCOUNT``."""
    opened = await open_database(database_url)
    await opened.accounts.pin(ACCOUNT, Environment.SIMULATED, FINGERPRINT)
    yield opened
    await opened.aclose()


@pytest.fixture
def books(database: Database) -> Books:
    """A driver that walks orders through their life."""
    return Books(database)


@pytest.fixture
async def connection(books: Books, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection beside the facade, to look and to break things with plain SQL."""
    plain = await asyncpg.connect(database_url)
    yield plain
    await plain.close()
