"""I11: an intact audit log is no violation, and tampering with one is."""

from dataclasses import replace

import pytest

from domain.audit_log import AuditLog
from tests.support.audit_rows import FIVE, KEY, LOG, SEEN, TAMPERED, Tamper
from tests.support.builders import ACCOUNT
from tests.verifier.a_day import a_clean_day
from verifier.books import Audit
from verifier.invariants import violations


def found_with(audit: Audit | None) -> set[str]:
    return {each.what for each in violations(replace(a_clean_day(), audit=audit))["I11"]}


def test_a_whole_log_is_no_violation() -> None:
    assert found_with(Audit(LOG, KEY, SEEN)) == set()
    assert found_with(None) == set(), "books that were read without a log"


@pytest.mark.parametrize(("tamper", "what"), TAMPERED)
def test_a_log_that_was_tampered_with_is_a_violation(tamper: Tamper, what: str) -> None:
    assert what in found_with(Audit(AuditLog(ACCOUNT, tamper(FIVE)), KEY, SEEN))


def test_the_key_is_not_shown_with_the_books() -> None:
    assert repr(KEY) not in repr(Audit(LOG, KEY, SEEN))
