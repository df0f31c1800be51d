"""The book of record on a real PostgreSQL, with one account pinned."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from database.database import Database, open_database
from domain.identity import Environment
from tests.database.books import FINGERPRINT, Books
from tests.support.application_role import as_application
from tests.support.builders import ACCOUNT


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The facade on a fresh database that belongs to ``ACCOUNT``."""
    opened = await open_database(as_application(database_url))
    await opened.accounts.pin(ACCOUNT, Environment.SIMULATED, FINGERPRINT)
    yield opened
    await opened.aclose()


@pytest.fixture
def books(database: Database) -> Books:
    """A driver that moves orders through their states."""
    return Books(database)


@pytest.fixture
async def connection(books: Books, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A separate connection to read and to change data with plain SQL."""
    plain = await asyncpg.connect(database_url)
    yield plain
    await plain.close()
