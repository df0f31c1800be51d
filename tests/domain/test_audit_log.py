"""An audit log reveals tampering; with a key, also by an attacker who can recompute the chain."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from domain.audit_log import GENESIS, Anchor, AuditLog, Row, digest_of, flaws, key_id_of
from tests.database.books import another
from tests.support.audit_rows import EVENTS, FIVE, KEY, SEEN, TAMPERED, Tamper, a_command, chained, cut
from tests.support.builders import ACCOUNT

OLD_KEY = b"o" * 32


def words_of(rows: Sequence[Row], *, key: bytes | None = KEY, anchor: Anchor | None = SEEN) -> set[str]:
    return {flaw.what for flaw in flaws(AuditLog(ACCOUNT, rows), key, anchor)}


def test_a_whole_log_has_no_flaw() -> None:
    assert words_of(FIVE) == set()
    assert words_of([], anchor=None) == set()
    assert words_of(FIVE, key=None) == set()


@pytest.mark.parametrize(("tamper", "what"), TAMPERED)
def test_a_log_that_was_tampered_with_is_found(tamper: Tamper, what: str) -> None:
    assert what in words_of(tamper(FIVE))


def test_a_cut_is_not_found_without_a_row_that_was_seen() -> None:
    assert words_of(cut(FIVE), anchor=None) == set()


@pytest.mark.parametrize("forged_with", [None, b"guessed" * 5])
def test_a_chain_that_was_computed_again_is_found_by_its_seals(forged_with: bytes | None) -> None:
    forged = chained([a_command(1), a_command(2, "never said"), *EVENTS[2:]], forged_with)

    assert words_of(forged, key=None, anchor=None) == set(), "anyone can compute the chain"
    assert words_of(forged, anchor=None) == {"no row is sealed by our key"}
    assert words_of(forged, key=None) == {"not the row that this machine has seen"}


def test_a_tail_that_was_computed_again_is_found_by_its_seals() -> None:
    forged = chained([a_command(4, "never said"), *EVENTS[4:]], None, FIVE[:3])

    assert words_of(forged, anchor=None) == {"a row that our key has not sealed"}


def test_a_seal_of_another_row_does_not_fit() -> None:
    forged = chained([a_command(4, "never said"), *EVENTS[4:]], None, FIVE[:3])
    pairs = zip(forged[3:], FIVE[3:], strict=True)
    stolen = [*forged[:3], *(replace(row, key_id=old.key_id, seal=old.seal) for row, old in pairs)]

    assert words_of(stolen, anchor=None) == {"a row that our key has not sealed"}


def test_after_a_change_of_key_the_new_seals_cover_the_older_rows() -> None:
    rows = chained(EVENTS[3:], KEY, chained(EVENTS[:3], OLD_KEY))

    assert words_of(rows, anchor=None) == set()
    forged = chained([a_command(1), a_command(2, "never said"), a_command(3)], OLD_KEY)
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
    event = a_command(1)

    assert digest_of(GENESIS, 1, event, at) == digest_of(GENESIS, 1, event, at.astimezone(seoul))
    assert key_id_of(KEY) != key_id_of(OLD_KEY)


def test_values_that_we_never_write_are_flaws_and_no_crash() -> None:
    odd_seal = [*FIVE[:4], replace(FIVE[4], seal="봉인")]
    odd_time = [*FIVE[:4], replace(FIVE[4], recorded_at=datetime.max.replace(tzinfo=timezone(timedelta(hours=-9))))]

    assert words_of(odd_seal) == {"a row that our key has not sealed"}
    assert words_of(odd_time) == {"a row was changed, or does not follow the row before it"}
