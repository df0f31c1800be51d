"""Judge a day: the verifier's ten invariants, and checks that need a day known in advance."""

from collections.abc import Iterator

from domain.market import Side
from domain.money import total
from domain.order import OrderStatus
from tests.trials.crash_points.day import Case
from verifier.books import Books
from verifier.invariants import violations

_ENDED_UNKNOWN = frozenset({OrderStatus.NEVER_PLACED, OrderStatus.QUARANTINED})


def wrong_with(case: Case) -> list[str]:
    """Return all faults of a day, one line each."""
    broken = [
        f"{name} {each.what}: {each.evidence}" for name, found in violations(case.books).items() for each in found
    ]
    return [*broken, *_loose_ends(case), *_money(case), *_trading(case)]


def _loose_ends(case: Case) -> Iterator[str]:
    if not case.outcome.flat or case.books.broker.holdings:
        yield f"not flat: {dict(case.books.broker.holdings)}"
    if case.outcome.differences:
        yield f"broker and ledger differ at the end: {case.outcome.differences}"
    yield from loose_orders(case.books)


def loose_orders(books: Books) -> Iterator[str]:
    """Yield orders without a known end, and a difference in the number of orders between the two books."""
    for row in books.broker.orders:
        if row.remaining:
            yield f"still works at the broker: {row}"
    for order in books.ledger.orders:
        if order.record.is_active and order.record.status not in _ENDED_UNKNOWN:
            yield f"{order.record.intent.intent_id} ends as {order.record.status}"
    placed = sum(row.is_new for row in books.broker.orders)
    known = sum(order.record.ref is not None for order in books.ledger.orders)
    if placed != known:
        yield f"{placed} orders at the broker, {known} in the ledger"


def _money(case: Case) -> Iterator[str]:
    ledger, broker = case.books.ledger, case.books.broker
    net = total([trade.net_pnl for trade in ledger.trades])
    earned = broker.cash - (broker.opening_cash or 0)
    if net != earned:
        yield f"trades earned {net:,} won, the account {earned:,}"
    if case.outcome.seized == 0 and case.worker.realised_pnl != net:
        yield f"trades earned {net:,} won, the worker knows of {case.worker.realised_pnl:,}"
    amounts = [
        *(each.quantity for each in ledger.positions),
        *(amount for each in ledger.fills for amount in (each.quantity, each.amount)),
    ]
    if any(amount < 0 for amount in amounts) or broker.cash < 0:
        yield "something is negative"


def _trading(case: Case) -> Iterator[str]:
    for row in case.books.new_rows:
        if row.side is Side.BUY and not case.books.plan.entries_allowed_at(row.placed_at):
            yield f"bought at {row.placed_at}, after the cut-off"
    if len(case.books.ledger.trades) > 1:
        yield "a stock that rests was traded again"
