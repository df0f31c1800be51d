"""The verdict as text and JSON: one line per invariant, then the evidence."""

from collections.abc import Iterator
from typing import Any, Final

from domain.plain_text import one_line
from reporting.spoken import padded, say
from verifier.books import Books
from verifier.guarding import gaps, longest_gap
from verifier.invariants import INVARIANTS
from verifier.verdict import Verdict

_NOUN: Final = len("violations")
_MOST_SHOWN: Final = 5
"""How many gaps are reported, longest first."""


def report_lines(verdict: Verdict) -> Iterator[str]:
    """Yield the counts of the session, then a line per invariant with its violations below."""
    books, found = verdict.books, verdict.found
    yield say(f"session {books.date}{'' if books.is_over else ' (not over)'}: {_counts(books)}")
    for invariant in INVARIANTS:
        count = len(found[invariant.name])
        noun = padded(say("violation" if count == 1 else "violations"), _NOUN)
        yield f"{invariant.name:>4}  {count:3d} {noun}  {say(invariant.says)}"
        for violation in found[invariant.name]:
            yield f"        {say(violation.what)}: {violation.evidence}"
    for workflow_id in books.histories.unreadable:
        yield say(f"not read: events of {one_line(workflow_id)} that are not ours")
    yield say(f"longest stretch unwatched: {longest_gap(books).total_seconds():.1f} s (at most {_limit(books)} s)")


def report_json(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict as plain values."""
    books, found = verdict.books, verdict.found
    return {
        "session_date": books.date.isoformat(),
        "over": books.is_over,
        "orders": len(books.ledger.orders),
        "fills": len(books.ledger.fills),
        "trades": len(books.ledger.trades),
        "broker_orders": len(books.new_rows),
        "runs": books.histories.runs,
        "unreadable_runs": [one_line(each) for each in books.histories.unreadable],
        "longest_unwatched_seconds": round(longest_gap(books).total_seconds(), 1),
        "gaps": [
            f"{gap.length.total_seconds():.1f} s {gap.symbol} {gap.position_id}: {gap.why}"
            for gap in gaps(books)[:_MOST_SHOWN]
        ],
        "violations": verdict.count,
        "invariants": {
            invariant.name: {
                "says": invariant.says,
                "violations": [{"what": each.what, "evidence": each.evidence} for each in found[invariant.name]],
            }
            for invariant in INVARIANTS
        },
    }


def _counts(books: Books) -> str:
    ledger = books.ledger
    return (
        f"{len(ledger.orders)} orders, {len(books.new_rows)} at the broker, {len(ledger.fills)} fills, "
        f"{len(ledger.trades)} trades, {books.histories.runs} runs read"
    )


def _limit(books: Books) -> str:
    return f"{books.longest_unwatched.total_seconds():.0f}"
