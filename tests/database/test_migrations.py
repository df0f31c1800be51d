"""The schema is created once, whichever process starts first, and agrees with the types."""

import re
import shutil
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psycopg
import pytest

from database import migrations, schema_level
from database.database import open_database
from database.errors import DatabaseTooNewError, DatabaseTooOldError
from database.migrations import apply
from database.schema_level import MIGRATIONS
from domain.event import EventLevel
from domain.identity import Environment
from domain.market import Market, Side
from domain.order import ACTIVE_STATUSES, OrderPurpose, OrderStatus, OrderType
from domain.position import ExitReason, PositionStatus
from domain.worker_state import WorkerState
from runtime.embedded.roles import APPLICATION
from tests.support.application_role import as_application

ROOT = Path(__file__).resolve().parents[2]
APPLY = "import sys; from database.migrations import apply; print(apply(sys.argv[1]))"


@pytest.fixture
async def empty_url(postgres_server: str) -> str:
    """URL of a database without any table."""
    admin = await asyncpg.connect(postgres_server)
    await admin.execute("DROP DATABASE IF EXISTS unmigrated WITH (FORCE)")
    await admin.execute("CREATE DATABASE unmigrated TEMPLATE template0")
    await admin.close()
    return urlunsplit(urlsplit(postgres_server)._replace(path="/unmigrated"))


def test_three_processes_that_start_at_once_apply_each_migration_once(empty_url: str) -> None:
    starts = [
        subprocess.Popen([sys.executable, "-c", APPLY, empty_url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]

    applied = sorted(int(start.communicate(timeout=50)[0]) for start in starts)

    assert applied == [0, 0, len(list(MIGRATIONS.glob("*.sql")))]
    assert [start.returncode for start in starts] == [0, 0, 0]


def test_applying_again_changes_nothing(database_url: str) -> None:
    assert apply(database_url) == 0


async def test_a_database_without_what_the_code_uses_is_refused(empty_url: str) -> None:
    apply(empty_url)
    connection = await asyncpg.connect(empty_url)
    await connection.execute(
        "INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc) "
        "VALUES ('f', '9999_contract_later', now())"
    )
    await connection.close()

    with pytest.raises(DatabaseTooNewError, match="9999_contract_later"):
        apply(empty_url)


@pytest.fixture
def older_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Give the code the version before the latest migration, until it is undone."""
    folder = shutil.copytree(MIGRATIONS, tmp_path / "migrations")
    max(folder.glob("*.sql")).unlink()
    for module in (migrations, schema_level):
        monkeypatch.setattr(module, "MIGRATIONS", folder)
    return monkeypatch


async def test_code_that_is_newer_than_the_database_asks_for_a_migration_and_that_fixes_it(
    empty_url: str, older_code: pytest.MonkeyPatch
) -> None:
    latest = max(MIGRATIONS.glob("*.sql")).stem
    apply(empty_url)
    older_code.undo()

    with pytest.raises(DatabaseTooOldError, match=f"older than this program, and lacks {latest}: restart `python work"):
        await open_database(empty_url)

    assert apply(empty_url) == 1
    await (await open_database(empty_url)).aclose()


async def test_code_that_is_older_works_beside_a_migration_that_only_adds(
    database_url: str, older_code: pytest.MonkeyPatch
) -> None:
    assert apply(database_url) == 0

    database = await open_database(database_url)

    assert len((await database.server.schema_level()).unknown) == 1
    await database.aclose()


async def test_a_database_that_was_never_migrated_lacks_everything(empty_url: str) -> None:
    with pytest.raises(DatabaseTooOldError, match=r"lacks \d+ migrations \(0001_accounts to "):
        await open_database(empty_url)


def test_a_url_of_another_database_is_reported_at_once() -> None:
    with pytest.raises(ValueError, match="postgresql://"):
        apply("mysql://localhost/haru")


@pytest.mark.parametrize(
    ("table", "column", "enum"),
    [
        ("accounts", "environment", Environment),
        ("positions", "status", PositionStatus),
        ("positions", "market", Market),
        ("positions", "exit_reason", ExitReason),
        ("trades", "market", Market),
        ("trades", "exit_reason", ExitReason),
        ("orders", "status", OrderStatus),
        ("orders", "side", Side),
        ("orders", "order_type", OrderType),
        ("orders", "purpose", OrderPurpose),
        ("workers", "state", WorkerState),
        ("events", "level", EventLevel),
    ],
)
async def test_the_schema_allows_exactly_the_values_of_the_type(
    connection: asyncpg.Connection, table: str, column: str, enum: type[StrEnum]
) -> None:
    definition = await connection.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1", f"{table}_{column}_check"
    )

    assert set(re.findall(r"'(\w+)'::text", definition)) == {member.value for member in enum}


async def test_the_schema_calls_the_same_orders_active_as_the_domain(connection: asyncpg.Connection) -> None:
    expression = await connection.fetchval(
        "SELECT generation_expression FROM information_schema.columns WHERE table_name = 'orders' "
        "AND column_name = 'is_active'"
    )

    assert set(re.findall(r"'(\w+)'::text", expression)) == {status.value for status in ACTIVE_STATUSES}


async def test_every_column_of_money_and_time_says_what_it_is(connection: asyncpg.Connection) -> None:
    silent = await connection.fetch(
        """
        SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname !~ '^_?yoyo' AND attnum > 0
            AND (atttypid = 'timestamptz'::regtype
                OR atttypid = 'bigint'::regtype AND attname ~ 'price|amount|cost|pnl|proceeds|commission|tax')
            AND col_description(attrelid, attnum) IS NULL
        """
    )

    assert [tuple(row) for row in silent] == []


def test_a_host_of_the_older_release_leaves_the_rights_that_the_newer_one_has_granted(
    database_url: str, older_code: pytest.MonkeyPatch
) -> None:
    url = as_application(database_url)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE later_notes (note text)")
        owner.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON later_notes TO {APPLICATION}".encode())
    try:
        apply(database_url, url)

        with psycopg.connect(url, autocommit=True) as application:
            application.execute("DELETE FROM later_notes")
    finally:
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute("DROP TABLE later_notes")
