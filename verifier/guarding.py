"""I5, I6, I7, I9 and I10: holdings are watched and sold in time, no buy passed a shut gate, no guard blocked a sale."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from database.audit import Acquisition, AuditedOrder, BookedPosition, SoldLater
from domain.event_kind import EventKind
from domain.identity import PositionId
from domain.market import Side, Symbol
from domain.order import OrderPurpose, OrderStatus
from domain.risk import Denial
from verifier.books import Books, Violation
from verifier.money import owners_shares
from verifier.named import Named, named_in

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Gap:
    """A period of real time in which a held position had no watcher, with its evidence."""

    length: timedelta
    symbol: Symbol
    position_id: PositionId
    why: str


def always_watched(books: Books) -> tuple[Violation, ...]:
    """I5: from the first booked share to the decision to sell, a running worker watched every position."""
    return tuple(
        Violation(
            "I5", f"unwatched for {gap.length.total_seconds():.1f} s", f"{gap.symbol} {gap.position_id}: {gap.why}"
        )
        for gap in gaps(books)
        if gap.length > books.longest_unwatched
    )


def gaps(books: Books) -> tuple[Gap, ...]:
    """Return every gap, longest first."""
    found = [
        Gap(length, symbol, position_id, why)
        for position_id, symbol, held in _held_spans(books)
        for length, why in (*_gaps_in_histories(books, position_id, held), *_lapses(books, symbol, held))
    ]
    return tuple(sorted(found, key=lambda gap: gap.length, reverse=True))


def longest_gap(books: Books) -> timedelta:
    """Return the longest period of real time in which a held position had no watcher."""
    return max((gap.length for gap in gaps(books)), default=timedelta(0))


def _held_spans(books: Books) -> Iterator[tuple[PositionId, Symbol, Span]]:
    """Yield each position with the real time from its first booked fill until the decision for its first sale."""
    yield from _never_booked(books)
    first_fill: dict[str, datetime] = {}
    for fill in books.ledger.fills:
        first_fill.setdefault(fill.intent_id, fill.recorded_at)
    sales = _exits_by_position(books)
    for order in books.ledger.orders:
        intent = order.record.intent
        if intent.purpose is OrderPurpose.ENTRY and intent.intent_id in first_fill:
            sold = sales.get(intent.position_id, [])
            until = sold[0].created_at if sold else _closed_at(books, intent.position_id)
            yield intent.position_id, intent.symbol, (first_fill[intent.intent_id], until)


def _never_booked(books: Books) -> Iterator[tuple[PositionId, Symbol, Span]]:
    """Yield shares that the broker bought for us and the ledger has no fill for. They are held, but no worker knows."""
    last = min(books.read_at, books.clock.real_time(books.plan.session.ends_at))
    for row in books.new_rows:
        if row.by_hand or row.side is not Side.BUY or not row.fills:
            continue
        order = books.bound.get(row.number)
        if order is None or not order.record.filled_quantity:
            position_id = PositionId(f"order {row.number}") if order is None else order.record.intent.position_id
            since = books.clock.real_time(row.fills[0].at)
            yield position_id, row.symbol, (min(since, last), last)


def _closed_at(books: Books, position_id: PositionId) -> datetime:
    last = min(books.read_at, books.clock.real_time(books.plan.session.ends_at))
    for position in books.ledger.positions:
        if position.position_id == position_id and not position.quantity:
            return min(position.changed_at, last)
    return last


def _gaps_in_histories(books: Books, position_id: PositionId, held: Span) -> Iterator[tuple[timedelta, str]]:
    if not books.histories.runs:
        return
    watches = (each for each in books.histories.watches if each.position_id == position_id)
    seen_until = held[0]
    for watch in sorted(watches, key=lambda each: each.since):
        if seen_until < min(watch.since, held[1]):
            yield min(watch.since, held[1]) - seen_until, f"no watch in the histories from {seen_until:%H:%M:%S.%f}"
        seen_until = max(seen_until, watch.until or books.read_at)
    if seen_until < held[1]:
        yield held[1] - seen_until, f"no watch in the histories from {seen_until:%H:%M:%S.%f}"


def _lapses(books: Books, symbol: Symbol, held: Span) -> Iterator[tuple[timedelta, str]]:
    for lapse in books.ledger.lapses:
        since, until = max(lapse.since, held[0]), min(lapse.until, held[1])
        if lapse.symbol == symbol and since < until:
            yield until - since, f"its lease was not renewed from {since:%H:%M:%S.%f}"


def flat_at_the_end(books: Books) -> tuple[Violation, ...]:
    """I6: after the session no holding, working order or unexplained share remains, except those that an event names.

    The account owner's holdings and manual orders are excluded. Positions left by the session may be for sale until the
    day's last market ends. After that they must be sold, or named as carried.
    """
    if not books.is_over:
        return ()
    named = named_in(books)
    found = (*_held(books, named), *_working(books, named), *_left_open(books, named), *_unexplained(books, named))
    return tuple(Violation("I6", what, evidence) for what, evidence in found)


def _held(books: Books, named: Named) -> Iterator[tuple[str, str]]:
    """Yield positions with shares that no event names. Shares of ours that the owner sold do not count as held."""
    allowed = Counter(named.left)
    for symbol, shares in owners_shares(books).items():
        allowed[symbol] += max(-shares, 0)
    for position in books.ledger.positions:
        late = books.ledger.sold_later.get(position.position_id, SoldLater()).quantity
        covered = min(position.quantity, allowed[position.symbol] + late)
        allowed[position.symbol] -= max(covered - late, 0)
        if position.quantity > covered:
            named_part = f", {covered} of them named" if covered else ""
            yield "shares held after the session", f"{position.position_id} holds {position.quantity}{named_part}"


def _working(books: Books, named: Named) -> Iterator[tuple[str, str]]:
    for row in books.new_rows:
        for_sale = row.side is Side.SELL and row.remaining <= named.left[row.symbol]
        if row.remaining and not row.by_hand and not for_sale and not named.may_be_lost(row):
            evidence = f"{row.number} {row.side} {row.symbol} ×{row.remaining}"
            yield "an order still active after the session", evidence


def _left_open(books: Books, named: Named) -> Iterator[tuple[str, str]]:
    for record in (order.record for order in books.ledger.orders if order.record.is_active):
        intent = record.intent
        rest = intent.quantity - record.filled_quantity
        for_sale = intent.side is Side.SELL and 0 < rest <= named.left[intent.symbol]
        if not for_sale and not named.quarantines(intent):
            yield "an order left open after the session", intent.intent_id


def _unexplained(books: Books, named: Named) -> Iterator[tuple[str, str]]:
    """Yield shares at the broker beyond our positions and the owner's own."""
    owned, ours = owners_shares(books), Counter[Symbol]()
    for position in books.ledger.positions:
        ours[position.symbol] += position.quantity
    for symbol, shown in books.broker.holdings.items():
        unexplained = shown - ours[symbol] - max(owned.get(symbol, 0), 0)
        if unexplained > named.more[symbol]:
            yield "shares of unknown origin after the session", f"{symbol}: {unexplained} of {shown}"


def no_entry_past_the_gate(books: Books) -> tuple[Violation, ...]:
    """I7: no buy was sent with the kill switch on, after the entries were closed, or after the cut-off."""
    shut = tuple(_shut_spans(books))
    return tuple(
        Violation("I7", what, f"{order.record.intent.intent_id} sent at {order.sent_at:%H:%M:%S.%f} (real)")
        for order in _sent(books, OrderPurpose.ENTRY)
        for (since, until), what in shut
        if order.sent_at is not None and since <= order.sent_at < until
    )


def _shut_spans(books: Books) -> Iterator[tuple[Span, str]]:
    pressed_at: datetime | None = None
    for each in books.ledger.events:
        if each.event.kind == EventKind.KILL_SWITCH_PRESSED:
            pressed_at = pressed_at or each.recorded_at
        if each.event.kind == EventKind.KILL_SWITCH_LIFTED and pressed_at is not None:
            yield (pressed_at, each.recorded_at), "a buy sent with the kill switch on"
            pressed_at = None
    if pressed_at is not None:
        yield (pressed_at, books.read_at), "a buy sent with the kill switch on"
    if books.ledger.entries_closed_at is not None:
        yield (books.ledger.entries_closed_at, books.read_at), "a buy sent after the entries were closed"
    yield (books.clock.real_time(books.plan.entries_until), books.read_at), "a buy sent after the cut-off"


def fenced(books: Books) -> tuple[Violation, ...]:
    """I9: each order was sent under the fencing token that was current at that instant."""
    tokens: defaultdict[Symbol, list[Acquisition]] = defaultdict(list)
    for acquisition in books.ledger.acquisitions:
        tokens[acquisition.symbol].append(acquisition)
    return tuple(
        Violation("I9", why, f"{order.record.intent.intent_id} under token {order.record.intent.fencing_token}")
        for order in _sent(books)
        if (why := _not_current(order, tokens[order.record.intent.symbol])) is not None
    )


def _not_current(order: AuditedOrder, given: Iterable[Acquisition]) -> str | None:
    token, sent_at = order.record.intent.fencing_token, order.sent_at
    at_token = {each.fencing_token: each.acquired_at for each in given}
    if sent_at is None:
        return None
    if token not in at_token:
        return "an order sent under a token that was never issued"
    if sent_at < at_token[token]:
        return "an order sent before its token was issued"
    newer = [acquired_at for other, acquired_at in at_token.items() if other > token and acquired_at <= sent_at]
    return f"an order sent under a token that was stale since {min(newer):%H:%M:%S.%f}" if newer else None


def exits_go_through(books: Books) -> tuple[Violation, ...]:
    """I10: no sale was denied except for a lost lease; each exit signal or command led to a sale or a named carry."""
    denied = (
        Violation("I10", f"a sale denied: {order.denial}", order.record.intent.intent_id)
        for order in books.ledger.orders
        if order.record.intent.purpose is OrderPurpose.EXIT
        and order.record.status is OrderStatus.DENIED
        and order.denial != Denial.LEASE_LOST
    )
    return (*denied, *(Violation("I10", what, evidence) for what, evidence in _unheeded(books)))


def _unheeded(books: Books) -> Iterator[tuple[str, str]]:
    sales, positions = _exits_by_position(books), {each.position_id: each for each in books.ledger.positions}
    for watch in books.histories.watches:
        position = positions.get(watch.position_id)
        if watch.signalled and position is not None and not _is_heeded(books, position, sales):
            yield "a signal to sell without a sale", f"{watch.symbol} {watch.position_id} at {watch.until:%H:%M:%S}"
    for position_id, symbol, held in _held_spans(books):
        owner = positions.get(position_id)
        commands = [each for each in books.histories.commands if held[0] <= each.at < held[1]]
        for each in commands:
            if owner is not None and each.worker_id == owner.worker_id and not _is_heeded(books, owner, sales):
                yield (
                    "a command to sell without a sale",
                    f"{each.command} to {each.worker_id} at {each.at}, {symbol}",
                )


def _is_heeded(books: Books, position: BookedPosition, sales: dict[PositionId, list[AuditedOrder]]) -> bool:
    if sales.get(position.position_id) or position.quantity <= named_in(books).left[position.symbol]:
        return True
    # The command is recent: the sale may not be recorded yet.
    return not books.is_over and books.read_at - position.changed_at < books.longest_unwatched


def _exits_by_position(books: Books) -> dict[PositionId, list[AuditedOrder]]:
    sales: defaultdict[PositionId, list[AuditedOrder]] = defaultdict(list)
    for order in books.ledger.orders:
        if order.record.intent.purpose is OrderPurpose.EXIT:
            sales[order.record.intent.position_id].append(order)
    return dict(sales)


def _sent(books: Books, purpose: OrderPurpose | None = None) -> Iterator[AuditedOrder]:
    return (
        order
        for order in books.ledger.orders
        if order.sent_at is not None and purpose in (None, order.record.intent.purpose)
    )
