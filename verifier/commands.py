"""I11: the audit log holds every recorded command, unchanged."""

from domain.audit_log import flaws
from verifier.books import Books, Violation


def commands_on_record(books: Books) -> tuple[Violation, ...]:
    """I11: no row of the audit log was changed, removed, added or reordered."""
    if books.audit is None:
        return ()
    audit = books.audit
    return tuple(Violation("I11", flaw.what, flaw.evidence) for flaw in flaws(audit.log, audit.key, audit.seen))
