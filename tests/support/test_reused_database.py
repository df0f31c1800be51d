"""The database that tests use in turn is as good as new at the start of each."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.reused_database import ReusedDatabase

RATE_SLOTS = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'rate_slots'"
OWNER = "INSERT INTO accounts (account_id, environment, fingerprint) VALUES ('A', 'simulated', '3f9a1c')"
EVENT = "INSERT INTO events (account_id, kind, level, at) VALUES ('A', 'x', 'info', now()) RETURNING event_id"


@pytest.fixture(scope="module")
def made(postgres_server: str, migrated_template: str) -> Iterator[ReusedDatabase]:
    yield ReusedDatabase(postgres_server, migrated_template, "test_reused")
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute("DROP DATABASE test_reused WITH (FORCE)")


@pytest.fixture
def used(made: ReusedDatabase) -> ReusedDatabase:
    made.restore()
    return made


def run(used: ReusedDatabase, *statements: str) -> Any:
    with psycopg.connect(used.url, autocommit=True) as connection:
        cursor = [connection.execute(statement.encode()) for statement in statements][-1]
        return cursor.fetchone() if cursor.description else None


def test_rows_and_numbers_start_from_the_beginning(used: ReusedDatabase) -> None:
    first = run(used, OWNER, EVENT)

    used.restore()

    assert run(used, "SELECT count(*) FROM events") == (0,)
    assert run(used, OWNER, EVENT) == first == (1,)


def test_without_a_change_of_the_schema_it_is_the_same_database(used: ReusedDatabase) -> None:
    before = run(used, "SELECT oid FROM pg_database WHERE datname = current_database()")
    run(used, OWNER, "ANALYZE accounts", "VACUUM accounts")

    used.restore()

    assert run(used, "SELECT oid FROM pg_database WHERE datname = current_database()") == before


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE rate_slots CASCADE",
        "CREATE TABLE mine (a int)",
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "ALTER TABLE accounts ADD COLUMN mine int DEFAULT 1",
        "ALTER TABLE events DROP CONSTRAINT events_level_check",
        "ALTER TABLE accounts ALTER COLUMN environment SET DEFAULT 'paper'",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
        "UPDATE _yoyo_migration SET migration_id = '9999_later' WHERE migration_id = '0001_accounts'",
        "DELETE FROM _yoyo_migration",
    ],
)
def test_a_changed_schema_is_copied_again(used: ReusedDatabase, change: str) -> None:
    before = run(used, "SELECT oid FROM pg_database WHERE datname = current_database()")
    run(used, change)

    used.restore()

    assert run(used, "SELECT oid FROM pg_database WHERE datname = current_database()") != before
    assert run(used, RATE_SLOTS) == (1,)


def test_a_database_that_refuses_sessions_is_copied_again(used: ReusedDatabase, postgres_server: str) -> None:
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute("ALTER DATABASE test_reused ALLOW_CONNECTIONS false")

    used.restore()

    assert run(used, "SELECT 1") == (1,)


def test_a_session_that_was_left_open_is_ended(used: ReusedDatabase) -> None:
    with psycopg.connect(used.url) as forgotten:
        forgotten.execute(OWNER.encode())

        used.restore()

        with pytest.raises(psycopg.OperationalError):
            forgotten.execute("SELECT 1")
    assert run(used, "SELECT count(*) FROM accounts") == (0,)
