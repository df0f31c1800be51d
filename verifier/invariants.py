"""The eleven invariants in order, each with its check."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from domain.audit_log import flaws
from verifier.books import Books, Violation
from verifier.guarding import always_watched, exits_go_through, fenced, flat_at_the_end, no_entry_past_the_gate
from verifier.limits import within_host_limits
from verifier.money import books_are_the_brokers, every_won_traces
from verifier.orders import each_order_once, never_oversold, one_at_a_time


@dataclass(frozen=True, slots=True)
class Invariant:
    """A condition that must always hold, and the check that finds violations."""

    name: str
    says: str
    check: Callable[[Books], tuple[Violation, ...]]


def _let_in(books: Books) -> tuple[Violation, ...]:
    """I7: the gate was open when a buy was sent, and the limits of its host were respected."""
    return (*no_entry_past_the_gate(books), *within_host_limits(books))


def _commands_on_record(books: Books) -> tuple[Violation, ...]:
    """I11: no row of the audit log was changed, removed, added or reordered."""
    if books.audit is None:
        return ()
    audit = books.audit
    return tuple(Violation("I11", flaw.what, flaw.evidence) for flaw in flaws(audit.log, audit.key, audit.seen))


INVARIANTS: Final = (
    Invariant("I1", "at most one broker order per intent", each_order_once),
    Invariant("I2", "one active intent per side, one open position per symbol", one_at_a_time),
    Invariant("I3", "never sold more than bought", never_oversold),
    Invariant("I4", "the ledger matches the broker, or the symbol is quarantined", books_are_the_brokers),
    Invariant("I5", "every held position is watched", always_watched),
    Invariant("I6", "flat after the close, or every remaining share is recorded", flat_at_the_end),
    Invariant("I7", "no entry while entries are shut or beyond its host's limits", _let_in),
    Invariant("I8", "every won of PnL follows from fills and costs", every_won_traces),
    Invariant("I9", "only the current fencing token sends orders", fenced),
    Invariant("I10", "entry guards never stop an exit", exits_go_through),
    Invariant("I11", "every command stays on record", _commands_on_record),
)


def violations(books: Books) -> dict[str, tuple[Violation, ...]]:
    """Return the violations found by each invariant's check."""
    return {invariant.name: invariant.check(books) for invariant in INVARIANTS}
