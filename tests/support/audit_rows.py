"""Rows of an audit log as the database writes them, and ways to tamper with them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from domain.audit_log import (
    GENESIS,
    Anchor,
    AuditLog,
    Client,
    Command,
    Outcome,
    Row,
    digest_of,
    event_of,
    key_id_of,
    seal_of,
)
from domain.event import Event
from tests.support.builders import ACCOUNT, NOW

KEY = b"k" * 32
KIM = Client(1000, "김", "desk", "starter.py 0.1.0", 4711)
Tamper = Callable[[list[Row]], list[Row]]


def a_command(number: int, words: str = "pause", outcome: Outcome = Outcome.ACCEPTED) -> Event:
    """Return the event of a command, so many seconds after ten o'clock."""
    command = Command(f"c{number}", words, KIM, NOW, outcome, "1 done")
    return event_of(command, ACCOUNT, NOW + timedelta(seconds=number))


def chained(events: Sequence[Event], key: bytes | None = KEY, after: Sequence[Row] = ()) -> list[Row]:
    """Return rows as the database writes them."""
    rows = list(after)
    for event in events:
        sequence, recorded_at = len(rows) + 1, event.at + timedelta(milliseconds=3)
        digest = digest_of(rows[-1].digest if rows else GENESIS, sequence, event, recorded_at)
        seal = ("", "") if key is None else (key_id_of(key), seal_of(key, digest))
        rows.append(Row(sequence, event, recorded_at, digest, *seal))
    return rows


EVENTS = [a_command(number) for number in range(1, 6)]
FIVE = chained(EVENTS)
SEEN = Anchor(5, FIVE[-1].digest)
LOG = AuditLog(ACCOUNT, FIVE)


def changed(rows: list[Row]) -> list[Row]:
    return [*rows[:2], replace(rows[2], event=a_command(3, "resume")), *rows[3:]]


def retimed(rows: list[Row]) -> list[Row]:
    return [*rows[:2], replace(rows[2], recorded_at=NOW + timedelta(days=1)), *rows[3:]]


def deleted(rows: list[Row]) -> list[Row]:
    return [*rows[:2], *rows[3:]]


def deleted_and_renumbered(rows: list[Row]) -> list[Row]:
    return [*rows[:2], *(replace(row, sequence=row.sequence - 1) for row in rows[3:])]


def without_its_event(rows: list[Row]) -> list[Row]:
    return [*rows[:2], replace(rows[2], event=None, recorded_at=None), *rows[3:]]


def reordered(rows: list[Row]) -> list[Row]:
    return [*rows[:1], replace(rows[2], sequence=2), replace(rows[1], sequence=3), *rows[3:]]


def inserted(rows: list[Row]) -> list[Row]:
    later = [replace(row, sequence=row.sequence + 1) for row in rows[3:]]
    return [*rows[:3], replace(rows[3], event=a_command(9, "liquidate")), *later]


def cut(rows: list[Row]) -> list[Row]:
    return rows[:-1]


TAMPERED: list[tuple[Tamper, str]] = [
    (changed, "a row was changed, or does not follow the row before it"),
    (retimed, "a row was changed, or does not follow the row before it"),
    (deleted, "rows are missing"),
    (deleted_and_renumbered, "a row was changed, or does not follow the row before it"),
    (without_its_event, "the event of a row is gone or cannot be read"),
    (reordered, "a row was changed, or does not follow the row before it"),
    (inserted, "a row was changed, or does not follow the row before it"),
    (cut, "the last rows are missing"),
]


def rows_in(database_url: str) -> list[dict[str, Any]]:
    """Return the commands in a database, oldest first, with their details beside their times."""
    searched = """
    SELECT detail, at, recorded_at, session_date FROM events WHERE kind = 'operator_command' ORDER BY event_id
    """
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        found = connection.execute(searched).fetchall()
    return [{**row, **row["detail"]} for row in found]
