"""I1 to I3: no order sent twice or unaccounted for, one at a time per side, and never more sold than bought."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Final

from database.audit import AuditedOrder
from domain.identity import PositionId
from domain.market import Side, Symbol
from domain.order import OrderStatus
from domain.position import ExitReason
from verifier.books import Books, BrokerFill, BrokerRow, Violation
from verifier.late_fills import late_fills

_BY_OTHERS: Final = frozenset({ExitReason.FOREIGN_SALE})
"""The owner sold the rest of such a position, in orders that are not ours."""
_NOT_ENOUGH_SHARES: Final = frozenset({"APBK0400", "40240000"})


def each_order_once(books: Books) -> tuple[Violation, ...]:
    """I1: at most one broker order per intent, and the ledger has every order of ours at the broker or in a history."""
    return tuple(
        Violation("I1", what, evidence)
        for what, evidence in (
            *_without_intent(books),
            *_without_order(books),
            *_not_in_the_ledger(books),
            *_sent_again(books),
        )
    )


def _without_intent(books: Books) -> Iterator[tuple[str, str]]:
    for row in books.new_rows:
        if not row.by_hand and row.number not in books.bound:
            twins = [each for each in books.ledger.orders if _looks_like(each, row)]
            near = ", ".join(f"{each.record.intent.intent_id} ({each.record.status})" for each in twins) or "none"
            yield "an order at the broker without an intent", f"{_text_of(row)}; intents like it: {near}"


def _without_order(books: Books) -> Iterator[tuple[str, str]]:
    numbers = Counter(each.record.ref.number for each in books.ledger.orders if each.record.ref is not None)
    for number, count in numbers.items():
        intent = books.bound[number].record.intent
        if number not in books.row_of:
            yield "an accepted intent without an order at the broker", f"{intent.intent_id} says {number}"
        if count > 1:
            yield "one broker order for several intents", f"{number} belongs to {count} intents"
        if number in books.row_of and books.row_of[number].by_hand:
            yield (
                "an order of the owner adopted as Haru's",
                f"{intent.intent_id} says {_text_of(books.row_of[number])}",
            )


def _not_in_the_ledger(books: Books) -> Iterator[tuple[str, str]]:
    """Yield orders that a history shows as sent or accepted and the ledger lacks, as after a lossy failover."""
    records = {order.record.intent.intent_id: order.record for order in books.ledger.orders}
    for submit in books.histories.submits:
        record = records.get(submit.intent_id)
        if record is None:
            yield "a sent order that is not in the ledger", submit.intent_id
        elif submit.accepted and (record.ref is None or record.ref.number != submit.accepted):
            evidence = f"{submit.intent_id} was accepted as {submit.accepted} and is {record.status}"
            yield "an accepted order that was never booked", evidence


def _sent_again(books: Books) -> Iterator[tuple[str, str]]:
    attempts: Counter[str] = Counter()
    for submit in books.histories.submits:
        attempts[submit.intent_id] += submit.attempts
    for intent_id, count in attempts.items():
        if count > 1:
            yield "an intent submitted twice", f"{intent_id}: {count} attempts in the histories"


def _looks_like(order: AuditedOrder, row: BrokerRow) -> bool:
    intent = order.record.intent
    return (intent.symbol, intent.side, intent.quantity) == (row.symbol, row.side, row.quantity)


def one_at_a_time(books: Books) -> tuple[Violation, ...]:
    """I2: at any moment at most one order of ours works per symbol and side, and one position per symbol is open."""
    return tuple(
        Violation("I2", what, evidence)
        for what, evidence in (*_active_twice(books), *_working_together(books), *_open_together(books))
    )


def _active_twice(books: Books) -> Iterator[tuple[str, str]]:
    active: defaultdict[tuple[Symbol, Side], list[str]] = defaultdict(list)
    for order in books.ledger.orders:
        if order.record.is_active:
            active[order.record.intent.symbol, order.record.intent.side].append(order.record.intent.intent_id)
    for (symbol, side), intents in active.items():
        if len(intents) > 1:
            yield "two active intents on one side", f"{side} {symbol}: {', '.join(intents)}"
    held = Counter(position.symbol for position in books.ledger.positions if position.quantity)
    for symbol, count in held.items():
        if count > 1:
            yield "two open positions in one symbol", f"{symbol}: {count} positions hold shares"


def _working_together(books: Books) -> Iterator[tuple[str, str]]:
    cancelled_at = {row.original: row.placed_at for row in books.broker.orders if row.original}
    sides: defaultdict[tuple[Symbol, Side], list[BrokerRow]] = defaultdict(list)
    for row in books.new_rows:
        if not row.by_hand:
            sides[row.symbol, row.side].append(row)
    for rows in sides.values():
        rows.sort(key=lambda row: (row.placed_at, row.number))
        for earlier, later in pairwise(rows):
            ended_at = _ended_at(earlier, cancelled_at.get(earlier.number))
            if ended_at is None or ended_at > later.placed_at:
                yield (
                    "two orders active at once on one side",
                    f"{_text_of(earlier)} until {ended_at}, {_text_of(later)}",
                )


def _ended_at(row: BrokerRow, cancelled_at: datetime | None) -> datetime | None:
    """Return when the order could no longer trade; None while it still can."""
    if row.remaining:
        return None
    last_fill = row.fills[-1].at if row.fills else row.placed_at
    if row.filled == row.quantity:
        return last_fill
    return cancelled_at or last_fill


def _open_together(books: Books) -> Iterator[tuple[str, str]]:
    ended = {each.position_id: each.closed_at for each in books.ledger.trades if each.exit_reason in _BY_OTHERS}
    late = late_fills(books)
    for symbol, fills in _own_fills(books).items():
        held: Counter[PositionId] = Counter()
        for position_id, row, fill in fills:
            known = {each: shares - late.unknown_at(fill.at, each, Side.BUY) for each, shares in held.items()}
            open_now = [each for each, shares in known.items() if shares > 0 and ended.get(each, fill.at) >= fill.at]
            others = [each for each in open_now if each != position_id]
            if row.side is Side.BUY and others:
                yield (
                    "a position opened while another was open",
                    f"{symbol} at {fill.at}: {position_id} beside {others}",
                )
            held[position_id] += fill.quantity if row.side is Side.BUY else -fill.quantity


def never_oversold(books: Books) -> tuple[Violation, ...]:
    """I3: no position ever sold more than it had bought, and no order ever attempted it."""
    return tuple(Violation("I3", what, evidence) for what, evidence in (*_sold_too_much(books), *_refused(books)))


def _sold_too_much(books: Books) -> Iterator[tuple[str, str]]:
    bought_before = {each.position_id: each.bought for each in books.ledger.positions if each.session_date < books.date}
    for symbol, fills in _own_fills(books).items():
        held: Counter[PositionId] = Counter(bought_before)
        for position_id, row, fill in fills:
            held[position_id] += fill.quantity if row.side is Side.BUY else -fill.quantity
            if held[position_id] < 0:
                yield "more sold than bought", f"{symbol} {position_id}: {_text_of(row)} leaves {held[position_id]}"
    for position in books.ledger.positions:
        if position.sold > position.bought:
            yield "more sold than bought in the ledger", f"{position.position_id}: {position.sold} of {position.bought}"


def _refused(books: Books) -> Iterator[tuple[str, str]]:
    """Yield sales of missing shares, except those that an own order sold and the list omitted: we could not know."""
    late = late_fills(books)
    for order in books.ledger.orders:
        record = order.record
        intent, refused = record.intent, record.reject_code in _NOT_ENOUGH_SHARES
        if record.status is not OrderStatus.REJECTED or intent.side is not Side.SELL or not refused:
            continue
        sold_unseen = late.unknown_at(intent.decided_at, intent.position_id, Side.SELL)
        if intent.symbol not in books.traded_by_hand and sold_unseen < intent.quantity:
            yield (
                "a sale that the broker refused for lack of shares",
                f"{record.intent.intent_id}: {record.reject_message}",
            )


def _own_fills(books: Books) -> dict[Symbol, list[tuple[PositionId, BrokerRow, BrokerFill]]]:
    """Return the broker's fills of our orders by symbol, in trading order; simultaneous fills by order number."""
    by_symbol: defaultdict[Symbol, list[tuple[PositionId, BrokerRow, BrokerFill]]] = defaultdict(list)
    for row in _ours(books):
        position_id = books.bound[row.number].record.intent.position_id
        by_symbol[row.symbol].extend((position_id, row, fill) for fill in row.fills)
    for fills in by_symbol.values():
        fills.sort(key=lambda each: (each[2].at, each[1].number))
    return dict(by_symbol)


def _ours(books: Books) -> Iterable[BrokerRow]:
    return (row for row in books.new_rows if row.number in books.bound)


def _text_of(row: BrokerRow) -> str:
    return f"{row.number} {row.side} {row.symbol} ×{row.quantity} placed {row.placed_at:%H:%M:%S}, filled {row.filled}"
