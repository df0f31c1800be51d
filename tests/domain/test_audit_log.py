"""A log of commands shows what was done to it; under a key, also to one who can compute the chain."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

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
    flaws,
    key_id_of,
    seal_of,
)
from domain.event import Event
from tests.builders import ACCOUNT, NOW
from tests.database.books import another

KEY, OLD_KEY = b"k" * 32, b"o" * 32
KIM = Client(1000, "kim", "desk", "starter.py 0.1.0", 4711)


def an_event(number: int, words: str = "pause") -> Event:
    return event_of(Command(f"c{number}", words, KIM, NOW, Outcome.ACCEPTED), ACCOUNT, NOW + timedelta(seconds=number))


def chained(events: Sequence[Event], key: bytes | None = KEY, after: Sequence[Row] = ()) -> list[Row]:
    """Return rows as the database writes them."""
    rows = list(after)
    for event in events:
        sequence, recorded_at = len(rows) + 1, event.at + timedelta(milliseconds=3)
        digest = digest_of(rows[-1].digest if rows else GENESIS, sequence, event, recorded_at)
        seal = ("", "") if key is None else (key_id_of(key), seal_of(key, digest))
        rows.append(Row(sequence, event, recorded_at, digest, *seal))
    return rows


EVENTS = [an_event(number) for number in range(1, 6)]
FIVE = chained(EVENTS)
SEEN = Anchor(5, FIVE[-1].digest)


def words_of(rows: Sequence[Row], *, key: bytes | None = KEY, anchor: Anchor | None = SEEN) -> set[str]:
    return {flaw.what for flaw in flaws(AuditLog(ACCOUNT, rows), key, anchor)}


def test_a_whole_log_has_no_flaw() -> None:
    assert words_of(FIVE) == set()
    assert words_of([], anchor=None) == set()
    assert words_of(FIVE, key=None) == set()


def changed(rows: list[Row]) -> list[Row]:
    return [*rows[:2], replace(rows[2], event=an_event(3, "resume")), *rows[3:]]


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
    return [*rows[:3], replace(rows[3], event=an_event(9, "liquidate")), *later]


def cut(rows: list[Row]) -> list[Row]:
    return rows[:-1]


TAMPERED: list[tuple[Callable[[list[Row]], list[Row]], str]] = [
    (changed, "a row was changed, or does not follow the row before it"),
    (retimed, "a row was changed, or does not follow the row before it"),
    (deleted, "rows are missing"),
    (deleted_and_renumbered, "a row was changed, or does not follow the row before it"),
    (without_its_event, "the event of a row is gone"),
    (reordered, "a row was changed, or does not follow the row before it"),
    (inserted, "a row was changed, or does not follow the row before it"),
    (cut, "the last rows are missing"),
]


@pytest.mark.parametrize(("tamper", "what"), TAMPERED)
def test_a_log_that_was_tampered_with_is_found(tamper: Callable[[list[Row]], list[Row]], what: str) -> None:
    assert what in words_of(tamper(FIVE))


def test_a_cut_is_not_found_without_a_row_that_was_seen() -> None:
    assert words_of(cut(FIVE), anchor=None) == set()


@pytest.mark.parametrize("forged_with", [None, b"guessed" * 5])
def test_a_chain_that_was_computed_anew_is_found_by_its_seals(forged_with: bytes | None) -> None:
    forged = chained([an_event(1), an_event(2, "never said"), *EVENTS[2:]], forged_with)

    assert words_of(forged, key=None, anchor=None) == set(), "anyone can compute the chain"
    assert words_of(forged, anchor=None) == {"no row is sealed by our key"}
    assert words_of(forged, key=None) == {"not the row that this machine has seen"}


def test_a_tail_that_was_computed_anew_is_found_by_its_seals() -> None:
    forged = chained([an_event(4, "never said"), *EVENTS[4:]], None, FIVE[:3])

    assert words_of(forged, anchor=None) == {"a row that our key has not sealed"}


def test_a_seal_of_another_row_does_not_fit() -> None:
    forged = chained([an_event(4, "never said"), *EVENTS[4:]], None, FIVE[:3])
    pairs = zip(forged[3:], FIVE[3:], strict=True)
    stolen = [*forged[:3], *(replace(row, key_id=old.key_id, seal=old.seal) for row, old in pairs)]

    assert words_of(stolen, anchor=None) == {"a row that our key has not sealed"}


def test_after_a_change_of_key_the_new_seals_cover_the_older_rows() -> None:
    rows = chained(EVENTS[3:], KEY, chained(EVENTS[:3], OLD_KEY))

    assert words_of(rows, anchor=None) == set()
    forged = chained([an_event(1), an_event(2, "never said"), an_event(3)], OLD_KEY)
    assert words_of([*forged, *rows[3:]], anchor=None) == {"a row was changed, or does not follow the row before it"}


def test_a_log_of_another_account_is_not_ours() -> None:
    assert {flaw.what for flaw in flaws(AuditLog(another(), FIVE), KEY)} == {
        "a row was changed, or does not follow the row before it"
    }


def test_a_command_beside_the_chain_is_found() -> None:
    log = AuditLog(ACCOUNT, FIVE, unchained=["event 9 (command/x)"])

    assert [(flaw.what, flaw.evidence) for flaw in flaws(log, KEY)] == [
        ("a command outside the chain", "event 9 (command/x)")
    ]


def test_the_zone_in_which_an_instant_is_written_does_not_change_a_row() -> None:
    seoul = timezone(timedelta(hours=9))
    at = datetime(2026, 11, 23, 1, 2, 3, 4, UTC)
    event = an_event(1)

    assert digest_of(GENESIS, 1, event, at) == digest_of(GENESIS, 1, event, at.astimezone(seoul))
    assert key_id_of(KEY) != key_id_of(OLD_KEY)
