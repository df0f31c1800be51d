"""Why both days paid or received another price, or got another number of shares."""

from collections.abc import Sequence
from typing import Final

from database.audit import AuditedOrder
from domain.clock import in_seoul
from domain.costs import cost_rates
from domain.market import Side
from domain.money import Price, Quantity, Won
from domain.order import OrderIntent, OrderRecord
from domain.position import ClosedTrade
from domain.pricing import size_entry
from simulator.exchange import second_of
from simulator.liquidity import LEVELS
from tools.parity.book import Book, clock
from tools.parity.causes import Cause, Difference, Sides, Why
from verifier.books import BrokerFill

_PLENTY: Final = Quantity(10**9)
_RICH: Final = Won(10**12)


def other_price(sides: Sides, real: ClosedTrade, lab: ClosedTrade, side: Side) -> Difference | None:
    """Return why both days paid or received another average price, None if they did not."""
    bought = side is Side.BUY
    ours, theirs = ((one.entry_amount if bought else one.exit_amount) / one.quantity for one in (real, lab))
    if ours == theirs:
        return None
    what, at = ("paid", real.opened_at) if bought else ("received", real.closed_at)
    why = _why_price(sides, real, lab, side)
    return Difference(real.symbol, at, what, f"{ours:,.1f}", f"{theirs:,.1f}", *why)


def other_size(sides: Sides, real: ClosedTrade, lab: ClosedTrade) -> Difference | None:
    """Return why both days bought another number of shares, None if they did not."""
    if real.quantity == lab.quantity:
        return None
    records = sides.real.entry(real).record, sides.lab.entry(lab).record
    got = [each.filled_quantity for each in records]
    if got == [real.quantity, lab.quantity]:
        why = _why_size(sides, *records)
    else:
        why = Why(Cause.UNEXPLAINED, f"the purchases got {got[0]:,} and {got[1]:,}")
    return Difference(real.symbol, real.opened_at, "shares", f"{real.quantity:,}", f"{lab.quantity:,}", *why)


def _why_price(sides: Sides, real: ClosedTrade, lab: ClosedTrade, side: Side) -> Why:
    """Compare the market's price at both orders; beyond that, only the depth at the orders differs."""
    marks = []
    for book, trade in ((sides.real, real), (sides.lab, lab)):
        orders = [book.entry(trade)] if side is Side.BUY else book.sales(trade)
        for order in orders:
            if (problem := _strange_fill(sides, book, order)) is not None:
                return Why(Cause.UNEXPLAINED, problem)
        row = book.row(orders[0])
        placed = row.placed_at if row is not None else orders[0].record.intent.decided_at
        marks.append((placed, sides.oracle.price(trade.symbol, placed, simulated=book is sides.real)))
    (at_real, mark_real), (at_lab, mark_lab) = marks
    if mark_real == mark_lab:
        return Why(Cause.BOOK, f"{mark_real:,} at both orders, {clock(at_real)} and {clock(at_lab)}; the depth differs")
    same = f"{in_seoul(at_real):%H:%M:%S}" == f"{in_seoul(at_lab):%H:%M:%S}"
    evidence = f"{mark_real:,} at {clock(at_real)}, {mark_lab:,} at {clock(at_lab)}"
    return Why(Cause.PRICES if same else Cause.MOVED, evidence)


def _strange_fill(sides: Sides, book: Book, order: AuditedOrder) -> str | None:
    """Return the first fill of an order that the recorded prices and its limit cannot give."""
    intent, row = order.record.intent, book.row(order)
    if row is None:
        return f"{book.how}: the broker does not list the order of {clock(intent.decided_at)}"
    return next((why for fill in row.fills if (why := _strange(sides, book, intent, fill))), None)


def _strange(sides: Sides, book: Book, intent: OrderIntent, fill: BrokerFill) -> str | None:
    session, limit = sides.oracle.session, intent.limit_price
    if limit and (fill.price > limit if intent.side is Side.BUY else fill.price < limit):
        return f"{book.how}: filled at {fill.price:,}, beyond the limit {limit:,}"
    if fill.price == limit or fill.at >= session.auction_at:
        return None
    exchange = (sides.oracle.simulator if book is sides.real else sides.oracle.lab).exchange
    path = exchange.path(intent.symbol, sides.oracle.session_there)
    low = high = price = path.price_at(second_of(sides.oracle.session_there, fill.at))
    for _ in range(LEVELS):
        low, high = path.limits.grid.next_below(low), path.limits.grid.next_above(high)
    if low <= fill.price <= high:
        return None
    return f"{book.how}: filled at {fill.price:,} at {clock(fill.at)}, while the price was {price:,}"


def _why_size(sides: Sides, real: OrderRecord, lab: OrderRecord) -> Why:
    records = (real, lab)
    asked = [each.intent.quantity for each in records]
    if any(each.filled_quantity != each.intent.quantity for each in records):
        return _why_unfilled(sides, records)
    limits = [each.intent.limit_price or Price(0) for each in records]
    rates = cost_rates(sides.oracle.session.date)
    most = [size_entry(limit, _PLENTY, _RICH, sides.rules.risk, rates) for limit in limits]
    if asked == most:
        return Why(Cause.SIZE, f"≤ {limits[0]:,} and ≤ {limits[1]:,}")
    if all(quantity <= greatest for quantity, greatest in zip(asked, most, strict=True)):
        return Why(Cause.VOLUME, f"{most[0]:,} and {most[1]:,} affordable; {asked[0]:,} and {asked[1]:,} sellable")
    return Why(Cause.UNEXPLAINED, f"asked for {asked[0]:,} and {asked[1]:,}; {most[0]:,} and {most[1]:,} affordable")


def _why_unfilled(sides: Sides, records: Sequence[OrderRecord]) -> Why:
    """Return why a purchase did not get all its shares: a backtest gives no more than the minute traded."""
    said = []
    for book, record in zip((sides.real, sides.lab), records, strict=True):
        path = sides.oracle.lab.exchange.path(record.intent.symbol, sides.oracle.session_there)
        traded = path.bar(second_of(sides.oracle.session_there, record.intent.decided_at) // 60).volume
        got = f"{record.filled_quantity:,} of {record.intent.quantity:,}"
        said.append(f"{book.how} {got} in a minute of {traded:,}")
    return Why(Cause.TRADED, "; ".join(said))
