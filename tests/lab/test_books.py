"""The books of a day in virtual time do not depend on how fast the machine plays it."""

import asyncpg

from database.database import open_database
from lab.books import ACCOUNT, frozen_books
from tests.trials.crash_points.day import PLAN
from verifier.books import BrokerBook


async def test_a_lease_that_lapsed_while_the_machine_was_slow_is_no_gap(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO lease_lapses (account_id, symbol, worker_id, fencing_token, since, until) "
        "VALUES ($1, '005930', 'worker-1', 1, now(), now() + interval '1 hour')",
        ACCOUNT,
    )
    await connection.close()
    database = await open_database(database_url)

    books = await frozen_books(database, BrokerBook(), PLAN)

    assert books.ledger.lapses == ()
    await database.aclose()
