"""The application role's rights to the books, whatever SQL it runs."""

import re
from pathlib import Path

import asyncpg
import psycopg
import pytest

from database.database import Database
from database.migrations import apply
from database.rights import DELETED, INSERT_ONLY
from runtime.embedded.roles import APPLICATION
from tests.support.application_role import as_application

SOURCES = [path.read_text() for path in (Path(__file__).resolve().parents[2] / "database").glob("*.py")]
APPENDED = ("events", "lock_acquisitions", "lease_lapses", "trade_corrections")


@pytest.fixture
def application_url(database_url: str, database: Database) -> str:
    """URL of the books of an account for the application's role."""
    return as_application(database_url)


def refusal(url: str, statement: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            connection.execute(statement.encode())
        except psycopg.Error as error:
            return type(error).__name__
    return "done"


@pytest.mark.parametrize(
    "statement",
    [
        *(f"UPDATE {table} SET account_id = account_id" for table in (*APPENDED, "fills", "trades")),
        *(f"DELETE FROM {table}" for table in (*APPENDED, "orders", "positions", "fills", "trades", "risk_state")),
        *(f"TRUNCATE {table} CASCADE" for table in ("events", "orders", "closed_entries")),
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "DROP TRIGGER events_are_append_only ON events",
        "ALTER TABLE orders DROP CONSTRAINT orders_pkey CASCADE",
        "DROP TABLE events",
        "CREATE OR REPLACE FUNCTION refuse_change_of_events() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
        "CREATE TABLE mine (a int)",
        "SET session_replication_role = replica",
        "DELETE FROM _yoyo_migration",
        "INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('f', '9999_later')",
        "COPY events TO PROGRAM 'cat'",
        "COPY events FROM '/etc/passwd'",
        "SELECT pg_read_file('/etc/passwd')",
        "ALTER SYSTEM SET fsync = off",
        "ALTER ROLE haru_app SUPERUSER",
        "CREATE ROLE mine SUPERUSER",
        "SET ROLE haru",
        "CREATE DATABASE mine",
    ],
)
def test_the_application_is_refused(application_url: str, statement: str) -> None:
    assert refusal(application_url, statement) == "InsufficientPrivilege"


def test_the_application_is_no_superuser_and_owns_nothing(application_url: str) -> None:
    with psycopg.connect(application_url) as connection:
        row = connection.execute(
            "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls, "
            "(SELECT count(*) FROM pg_class WHERE relowner = pg_roles.oid) FROM pg_roles WHERE rolname = current_user"
        ).fetchone()

    assert row == (False, 0)


async def test_the_application_knows_the_lineage_that_proves_a_permit_kept(application_url: str) -> None:
    connection = await asyncpg.connect(application_url)

    lineage = await connection.fetchval("SELECT server_lineage()")
    checkpointer = await connection.fetchval(
        "SELECT backend_start FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
    )
    await connection.execute("CHECKPOINT")
    await connection.close()

    assert re.fullmatch(r"\d+/[0-9A-F]{8}", lineage)
    assert checkpointer is not None


def test_the_code_deletes_from_the_listed_tables_only() -> None:
    """A table missing from the list would cause a permission error in the middle of a day."""
    deleting = {table for text in SOURCES for table in re.findall(r"DELETE\s+FROM\s+(\w+)", text)}

    assert deleting == set(DELETED)


def test_the_code_changes_no_table_that_is_insert_only() -> None:
    changing = {table for text in SOURCES for table in re.findall(r"UPDATE\s+(\w+)(?:\s+AS\s+\w+)?\s+SET\b", text)}
    upserting = {
        table
        for text in SOURCES
        for table, rest in re.findall(r'INSERT INTO (\w+)((?:(?!INSERT INTO|"""|"\n).)*)', text, re.DOTALL)
        if re.search(r"DO\s+UPDATE", rest)
    }

    assert (changing | upserting).isdisjoint({*INSERT_ONLY, *APPENDED})
    assert {"orders", "positions", "workers"} <= changing | upserting


def test_a_later_table_gets_its_rights_and_what_is_too_much_is_taken_back(database_url: str) -> None:
    url = as_application(database_url)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE notes (note text)")
        owner.execute(
            "CREATE FUNCTION refuse_change_of_notes() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN RAISE EXCEPTION ''no''; END'"
        )
        owner.execute(
            "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON notes EXECUTE FUNCTION refuse_change_of_notes()"
        )
        owner.execute(f"GRANT ALL ON events, notes TO {APPLICATION}".encode())
    try:
        apply(database_url, url)

        assert refusal(url, "INSERT INTO notes VALUES ('a')") == "done"
        assert refusal(url, "UPDATE notes SET note = 'b'") == "InsufficientPrivilege"
        assert refusal(url, "TRUNCATE events") == "InsufficientPrivilege"
    finally:
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute("DROP TABLE notes")
            owner.execute("DROP FUNCTION refuse_change_of_notes")
