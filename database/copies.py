"""Whole copies of the database: a consistent snapshot for `pg_dump`, and checks of the database that gets one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.sql import SQL, Identifier

from database.errors import DatabaseAwayError, libpq_cause
from database.schema_level import APPLIED

SECRET_ROWS: Final = ("broker_tokens",)
"""Tables whose rows stay out of a copy: the broker's access tokens, which a restored fleet requests again.

The rows of unlogged tables stay out too: the code fills such a table again after a crash.
"""
_NOT_THE_OWNER: Final = "the role lacks a right; set HARU_DATABASE_MIGRATION_URL to the same database as its owner"
_TABLES: Final = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relpersistence = 'p' AND relnamespace = current_schema()::regnamespace ORDER BY relname
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An instant of the database that other connections can read."""

    name: str
    applied: tuple[str, ...]
    """Ids of the applied migrations."""
    rows: dict[str, int]
    """Rows of each table in a copy."""


@contextmanager
def snapshot(database_url: str) -> Iterator[Snapshot]:
    """Hold an instant of the database while the block runs. No writer waits for it.

    Raises:
        DatabaseAwayError: no server answers, or it refuses the login.
    """
    with _connected(database_url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        (name,) = connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        try:
            applied = sorted(str(row[0]) for row in connection.execute(APPLIED))
            rows = _rows(connection)
        except psycopg.errors.UndefinedTable as error:
            raise DatabaseAwayError("its tables are missing; run `python starter.py migrate`") from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise DatabaseAwayError(_NOT_THE_OWNER) from error
        yield Snapshot(str(name), tuple(applied), rows)


def rows_of(database_url: str) -> dict[str, int]:
    """Return the rows of each table, and refresh the planner's statistics, which a restored database lacks."""
    with _connected(database_url) as connection:
        connection.execute("ANALYZE")
        return _rows(connection)


def forget_fleet(database_url: str) -> None:
    """Release the account in restored books: the fleet that held it at the backup trades by other books, or is lost."""
    with _connected(database_url) as connection:
        connection.execute("UPDATE accounts SET fleet = NULL, fleet_expires_at = NULL")


def tables_in(database_url: str) -> int:
    """Return the number of tables.

    Raises:
        DatabaseAwayError: no server answers, or it refuses the login.
    """
    with _connected(database_url) as connection:
        return len(connection.execute(_TABLES).fetchall())


def client_environment(database_url: str) -> dict[str, str]:
    """Return the variables by which PostgreSQL's programs connect, so that no password is in a list of processes."""
    options = psycopg.pq.Conninfo.parse(database_url.encode())
    return {each.envvar.decode(): each.val.decode() for each in options if each.envvar and each.val}


@contextmanager
def _connected(database_url: str) -> Iterator[psycopg.Connection]:
    try:
        opened = psycopg.connect(database_url)
    except psycopg.OperationalError as error:
        raise DatabaseAwayError(libpq_cause(str(error))) from error
    with opened as connection:
        yield connection


def _rows(connection: psycopg.Connection) -> dict[str, int]:
    names = [str(row[0]) for row in connection.execute(_TABLES) if row[0] not in SECRET_ROWS]
    return {name: _count(connection, name) for name in names}


def _count(connection: psycopg.Connection, table: str) -> int:
    (number,) = connection.execute(SQL("SELECT count(*) FROM {}").format(Identifier(table))).fetchone() or (0,)
    return int(number)
