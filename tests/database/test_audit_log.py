"""The audit log in PostgreSQL: chained under concurrent writes, append-only, and tampering is detected."""

import asyncio

import asyncpg
import pytest

from database.database import Database, open_database
from domain.audit_log import Anchor, flaws
from tests.support.audit_rows import KEY, a_command
from tests.support.builders import ACCOUNT

OFF, ON = "SET session_replication_role = replica", "SET session_replication_role = origin"
"""As a superuser can: triggers and foreign keys are off."""


async def five(database: Database) -> Anchor:
    rows = [await database.audit_logs.append(a_command(number), KEY) for number in range(1, 6)]
    return rows[-1]


async def found(database: Database, seen: Anchor | None = None) -> list[tuple[str, str]]:
    log = await database.audit_logs.whole(ACCOUNT)
    return [(flaw.what, flaw.evidence) for flaw in flaws(log, KEY, seen)]


async def test_commands_are_chained_and_come_back_as_written(database: Database) -> None:
    last = await five(database)

    log = await database.audit_logs.whole(ACCOUNT)
    assert [row.sequence for row in log.rows] == [1, 2, 3, 4, 5]
    assert [row.event for row in log.rows] == [a_command(number) for number in range(1, 6)]
    assert log.head == last
    assert await database.audit_logs.holds(ACCOUNT, last)
    assert await found(database, last) == []


async def test_a_command_that_is_written_twice_is_one_row(database: Database) -> None:
    first = await database.audit_logs.append(a_command(1), KEY)
    await database.audit_logs.append(a_command(2), KEY)

    assert await database.audit_logs.append(a_command(1), KEY) == first
    assert len((await database.audit_logs.whole(ACCOUNT)).rows) == 2


async def test_many_writers_at_once_make_one_chain(database: Database, database_url: str) -> None:
    others = [await open_database(database_url, 4) for _ in range(3)]
    writers = [database, *others]

    await asyncio.gather(*(writers[number % 4].audit_logs.append(a_command(number), KEY) for number in range(40)))

    log = await database.audit_logs.whole(ACCOUNT)
    assert [row.sequence for row in log.rows] == list(range(1, 41))
    assert await found(database) == []
    for each in others:
        await each.aclose()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_chain SET digest = repeat('0', 64)",
        "DELETE FROM audit_chain",
        "TRUNCATE audit_chain",
        "TRUNCATE events CASCADE",
        "DELETE FROM events",
        "UPDATE events SET kind = 'nothing'",
    ],
)
async def test_the_log_is_append_only(database: Database, connection: asyncpg.Connection, statement: str) -> None:
    await five(database)

    with pytest.raises(asyncpg.CheckViolationError, match="append-only"):
        await connection.execute(statement)

    assert await found(database) == []


EVENT_OF_ROW_3 = "event_id = (SELECT event_id FROM audit_chain WHERE sequence = 3)"
SWAP = [(2, 9), (3, 2), (9, 3)]
FORGED = f"""
INSERT INTO events (account_id, kind, level, at, event_key)
VALUES ('{ACCOUNT}', 'operator_command', 'info', clock_timestamp(), 'command/forged')
"""
CHAIN_IT = f"INSERT INTO audit_chain SELECT '{ACCOUNT}', 6, event_id, repeat('a', 64) FROM forged"
WITHOUT_CHECK = "ALTER TABLE events DROP CONSTRAINT events_level_check"
LEVELS = "level IN ('info', 'warning', 'error', 'critical')"
WITH_CHECK = f"ALTER TABLE events ADD CONSTRAINT events_level_check CHECK ({LEVELS}) NOT VALID"
TAMPERED = [
    ("changed", f'UPDATE events SET detail = detail || \'{{"user": "lee"}}\' WHERE {EVENT_OF_ROW_3}', "row 3"),
    ("retimed", f"UPDATE events SET recorded_at = recorded_at - interval '1 s' WHERE {EVENT_OF_ROW_3}", "row 3"),
    ("event deleted", f"DELETE FROM events WHERE {EVENT_OF_ROW_3}", "row 3"),
    (
        "made unreadable",
        f"{WITHOUT_CHECK}; UPDATE events SET level = 'odd' WHERE {EVENT_OF_ROW_3}; {WITH_CHECK}",
        "row 3",
    ),
    ("row deleted", "DELETE FROM audit_chain WHERE sequence = 3", "between row 2 and row 4"),
    ("last row deleted", "DELETE FROM audit_chain WHERE sequence = 5", "this machine has seen row 5 of 4"),
    (
        "reordered",
        "; ".join(f"UPDATE audit_chain SET sequence = {new} WHERE sequence = {old}" for old, new in SWAP),
        "row 2",
    ),
    (
        "inserted",
        FORGED,
        "command/forged",
    ),
    (
        "inserted at the end of the chain",
        f"WITH forged AS ({FORGED} RETURNING event_id) {CHAIN_IT}",
        "row 6",
    ),
    ("all gone", "DELETE FROM audit_chain; DELETE FROM events WHERE kind = 'operator_command'", "row 5 of 0"),
]


@pytest.mark.parametrize(("statement", "where"), [each[1:] for each in TAMPERED], ids=[each[0] for each in TAMPERED])
async def test_what_a_superuser_does_to_the_log_is_found(
    database: Database, connection: asyncpg.Connection, statement: str, where: str
) -> None:
    last = await five(database)

    await connection.execute(f"{OFF}; {statement}; {ON}")

    assert any(where in evidence for _, evidence in await found(database, last))


async def test_a_log_that_was_cut_does_not_hold_the_row_that_was_seen(
    database: Database, connection: asyncpg.Connection
) -> None:
    last = await five(database)
    await connection.execute(f"{OFF}; DELETE FROM audit_chain WHERE sequence = 5; {ON}")

    assert not await database.audit_logs.holds(ACCOUNT, last)
    another = await database.audit_logs.append(a_command(6), KEY)
    assert another.sequence == 5
    assert not await database.audit_logs.holds(ACCOUNT, last)
    assert ("not the row that this machine has seen", "row 5") in await found(database, last)
