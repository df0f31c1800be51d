"""Comparing the broker with the ledger: finding an order whose reply was lost, and naming differences."""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from domain.identity import IntentId, PositionId
from domain.market import Side, Symbol
from domain.money import NO_SHARES, Quantity
from domain.order import (
    WORKING_STATUSES,
    BrokerOrder,
    BrokerOrderRef,
    OrderIntent,
    OrderRecord,
    OrderType,
    is_same_order,
)
from domain.position import OpenPosition
from domain.session import SessionDate
from domain.unreadable import UnreadableRow, unreadable_of

CLOCK_ALLOWANCE: Final = timedelta(seconds=2)
"""KIS stamps whole seconds by its own clock (docs/kis.md §5.3)."""

LATEST_ENTRY: Final = timedelta(minutes=10)
"""How long after our decision (market time) a network may still deliver a request that was given up."""


@dataclass(frozen=True, slots=True)
class Found:
    """Exactly one broker order can be ours, and it has our fingerprint: adopt it."""

    order: BrokerOrder
    kind: Literal["found"] = "found"


@dataclass(frozen=True, slots=True)
class Absent:
    """This list has no such order. The list lags, so one read proves nothing."""

    kind: Literal["absent"] = "absent"


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """There are several matches, or the list cannot be read: an operator must decide.

    ``may_be_listed_yet`` is true if all matches are stamped before our order: ours may still be missing from the list.
    """

    orders: tuple[BrokerOrder, ...]
    may_be_listed_yet: bool = False
    kind: Literal["ambiguous"] = "ambiguous"


@dataclass(frozen=True, slots=True)
class Hidden:
    """An unreadable row may be the order: neither its presence nor its absence is proven."""

    row: UnreadableRow
    kind: Literal["hidden"] = "hidden"


LostOrderMatch = Found | Absent | Ambiguous | Hidden


def match_lost_order(
    intent: OrderIntent, orders: Sequence[BrokerOrder], not_ours: AbstractSet[BrokerOrderRef], sent_after: datetime
) -> LostOrderMatch:
    """Find the order of an intent that got no reply and was sent at or after a market instant.

    ``not_ours`` are the orders that other intents own, and those listed before this intent was written. Any other order
    with our fingerprint may be ours: the broker never changes quantity, type or price of an order it received. A single
    match stamped since then is ours. A match stamped earlier is the owner's, or ours with a wrong clock. A stamp proves
    no absence, so an operator must decide. An unreadable row hides the order unless its readable parts exclude it.
    """
    alike = tuple(
        order
        for order in orders
        if _goes_the_same_way(order, intent) and order.ref not in not_ours and _could_be_ours(order, intent)
    )
    hiding = [row for row in unreadable_of(orders) if row.may_be_order_of(intent) and row.ref not in not_ours]
    twin = next((row for row in hiding if row.symbol and row.side and row.quantity is not None), None)
    if hiding and (twin or not alike):
        return Hidden(twin or hiding[0])
    if not alike:
        return Absent()
    suspects = tuple(order for order in alike if order.ordered_at >= sent_after - CLOCK_ALLOWANCE)
    if len(suspects) == 1 and _has_fingerprint(suspects[0], intent):
        return Found(suspects[0])
    return Ambiguous(suspects or alike, may_be_listed_yet=not suspects)


def could_be_the_order_of(intent: OrderIntent, order: BrokerOrder) -> bool:
    """Return whether a listed order matches an intent, as far as it can be read, whatever its time stamp."""
    return _goes_the_same_way(order, intent) and _could_be_ours(order, intent)


def is_no_older(intent: OrderIntent, order: BrokerOrder) -> bool:
    """Return whether a listed order is stamped after the intent's decision; this explains shares but proves nothing."""
    return order.ordered_at >= intent.decided_at - CLOCK_ALLOWANCE


def late_matches(
    given_up: Sequence[OrderRecord],
    unbound: Sequence[BrokerOrder],
    not_theirs: Mapping[IntentId, AbstractSet[BrokerOrderRef]] = MappingProxyType({}),
) -> tuple[tuple[OrderRecord, BrokerOrder], ...]:
    """Return the orders that were proven absent, each with the listed order that turns out to be its own.

    Each has our fingerprint, was entered soon after our decision, and matches no other order on either side.
    ``not_theirs`` are by intent the orders that were listed before the intent was written.
    """
    pairs = [
        (record, row)
        for record in given_up
        for row in unbound
        if could_be_the_order_of(record.intent, row)
        and row.ref not in not_theirs.get(record.intent.intent_id, ())
        and row.order_type is not None
        and row.ordered_at <= record.intent.decided_at + LATEST_ENTRY
    ]
    records = Counter(record.intent.intent_id for record, _ in pairs)
    rows = Counter(row.ref for _, row in pairs)
    return tuple(pair for pair in pairs if records[pair[0].intent.intent_id] == rows[pair[1].ref] == 1)


def _goes_the_same_way(order: BrokerOrder, intent: OrderIntent) -> bool:
    ours = (intent.session_date, intent.symbol, intent.side)
    if order.on_credit or order.in_fractions:
        return False
    return (order.ref.order_date, order.symbol, order.side) == ours and order.original is None


def _could_be_ours(order: BrokerOrder, intent: OrderIntent) -> bool:
    """Return whether the fingerprint matches, as far as it can be read."""
    if order.order_type is None:
        return order.quantity == intent.quantity
    return _has_fingerprint(order, intent)


def _has_fingerprint(order: BrokerOrder, intent: OrderIntent) -> bool:
    if (order.quantity, order.order_type) != (intent.quantity, intent.order_type):
        return False
    # An order at the close has no price when sent, and may be listed with the closing price.
    return intent.order_type is OrderType.POST_CLOSE or order.limit_price == intent.limit_price


def foreign_orders(listed: Sequence[BrokerOrder], bound: AbstractSet[BrokerOrderRef | None]) -> tuple[BrokerOrder, ...]:
    """Return the listed orders that belong to none of our intents."""
    return tuple(order for order in listed if order.ref not in bound)


def orders_of_another_program(listed: Sequence[BrokerOrder], records: Sequence[OrderRecord]) -> tuple[BrokerOrder, ...]:
    """Return the listed API orders that none of our intents explains.

    ``records`` are all intents of the day, read after the list: orders of ours in the list were permitted before. One
    of our orders without a known number may be any row of its stock and side while it is active, and any matching row
    afterwards.
    """
    numbered: dict[tuple[SessionDate, str], list[OrderRecord]] = {}
    for record in records:
        if record.ref is not None:
            numbered.setdefault((record.ref.order_date, record.ref.number), []).append(record)
    open_ends = [record for record in records if record.ref is None]
    return tuple(
        row
        for row in listed
        if row.by_api
        and row.original is None
        and not any(is_same_order(each, row) for each in numbered.get((row.ref.order_date, row.ref.number), ()))
        and not any(_may_be_the_row_of(record, row) for record in open_ends)
    )


def _may_be_the_row_of(record: OrderRecord, row: BrokerOrder) -> bool:
    if record.is_active:
        return (row.symbol, row.side) == (record.intent.symbol, record.intent.side)
    return could_be_the_order_of(record.intent, row)


class DiscrepancyKind(StrEnum):
    """The kinds of differences between broker and ledger."""

    MISSING_FILL = "missing_fill"  # the broker has more fills than the ledger
    EXCESS_FILL = "excess_fill"  # the ledger has more fills than the broker
    ORDER_OVER = "order_over"  # active in the ledger, over at the broker
    MISSING_ORDER = "missing_order"  # active in the ledger, not listed by the broker
    UNRESOLVED_ORDER = "unresolved_order"  # sent, existence unknown
    UNKNOWN_ORDER = "unknown_order"  # active at the broker, not ours
    FOREIGN_HOLDING = "foreign_holding"  # held at the broker, not in the ledger
    EXCESS_HOLDING = "excess_holding"  # the broker holds more than the ledger
    MISSING_HOLDING = "missing_holding"  # the broker holds less than the ledger


OUR_OWN: Final = frozenset(
    {
        DiscrepancyKind.MISSING_FILL,
        DiscrepancyKind.EXCESS_FILL,
        DiscrepancyKind.MISSING_ORDER,
        DiscrepancyKind.MISSING_HOLDING,
    }
)
"""Differences in our own positions and orders; with one of them open no buy is allowed (R3)."""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One difference: the ledger's and the broker's number of shares, and the order concerned, if any."""

    kind: DiscrepancyKind
    symbol: Symbol
    ledger: Quantity
    broker: Quantity
    ref: BrokerOrderRef | None = None

    @property
    def in_words(self) -> str:
        """Return the difference as the text that the ledger stores."""
        order = f" order {self.ref.number}" if self.ref else ""
        return f"{self.kind}: {self.symbol}{order}, ledger {self.ledger:,}, broker {self.broker:,}"


def discrepancies(
    open_positions: Sequence[OpenPosition],
    working_orders: Sequence[OrderRecord],
    broker_orders: Sequence[BrokerOrder],
    holdings: Mapping[Symbol, Quantity],
) -> tuple[Discrepancy, ...]:
    """Return every difference: our orders first, then unknown orders, then holdings by symbol.

    ``OpenPosition.quantity`` is our holding after all booked fills. Fills that the broker has and the ledger lacks are
    reported once, as fills, and not again as holdings.
    """
    listed = {order.ref: order for order in broker_orders}
    about_ours = [found for record in working_orders if (found := _order_discrepancy(record, listed)) is not None]
    ours = {record.ref for record in working_orders}
    unknown = [_unknown(order) for order in broker_orders if _works(order) and order.ref not in ours]
    expected = _expected_holdings(open_positions, working_orders, listed)
    about_shares = [
        _holding_discrepancy(symbol, Quantity(expected[symbol]), holdings.get(symbol, NO_SHARES))
        for symbol in sorted(expected.keys() | holdings.keys())
        if expected[symbol] != holdings.get(symbol, NO_SHARES)
    ]
    return (*about_ours, *unknown, *about_shares)


def _order_discrepancy(record: OrderRecord, listed: Mapping[BrokerOrderRef, BrokerOrder]) -> Discrepancy | None:
    order = None if record.ref is None else listed.get(record.ref)
    kind = _order_kind(record, order)
    if kind is None:
        return None
    filled = NO_SHARES if order is None else order.filled_quantity
    return Discrepancy(kind, record.intent.symbol, record.filled_quantity, filled, record.ref)


def _order_kind(record: OrderRecord, order: BrokerOrder | None) -> DiscrepancyKind | None:
    works_for_us = record.status in WORKING_STATUSES
    if record.ref is None:
        return DiscrepancyKind.UNRESOLVED_ORDER if record.is_active else None
    if order is None:
        return DiscrepancyKind.MISSING_ORDER if works_for_us else None
    if order.filled_quantity != record.filled_quantity:
        more = order.filled_quantity > record.filled_quantity
        return DiscrepancyKind.MISSING_FILL if more else DiscrepancyKind.EXCESS_FILL
    return DiscrepancyKind.ORDER_OVER if works_for_us and order.is_over else None


def _works(order: BrokerOrder) -> bool:
    return order.original is None and not order.is_over


def _unknown(order: BrokerOrder) -> Discrepancy:
    return Discrepancy(DiscrepancyKind.UNKNOWN_ORDER, order.symbol, NO_SHARES, order.quantity, order.ref)


def _expected_holdings(
    open_positions: Sequence[OpenPosition],
    working_orders: Sequence[OrderRecord],
    listed: Mapping[BrokerOrderRef, BrokerOrder],
) -> Counter[Symbol]:
    expected: Counter[Symbol] = Counter()
    for position in open_positions:
        expected[position.symbol] += position.quantity
    opened = {position.position_id for position in open_positions}
    for record in working_orders:
        expected[record.intent.symbol] += _not_yet_held(record, opened, listed)
    return expected


def _not_yet_held(
    record: OrderRecord, opened: AbstractSet[PositionId], listed: Mapping[BrokerOrderRef, BrokerOrder]
) -> int:
    """Return the traded shares of the order that the position does not show yet."""
    order = None if record.ref is None else listed.get(record.ref)
    unbooked = 0 if order is None else max(order.filled_quantity - record.filled_quantity, 0)
    if record.intent.side is Side.SELL:
        return -unbooked
    return unbooked if record.intent.position_id in opened else unbooked + record.filled_quantity


def _holding_discrepancy(symbol: Symbol, ledger: Quantity, broker: Quantity) -> Discrepancy:
    if broker < ledger:
        return Discrepancy(DiscrepancyKind.MISSING_HOLDING, symbol, ledger, broker)
    kind = DiscrepancyKind.EXCESS_HOLDING if ledger else DiscrepancyKind.FOREIGN_HOLDING
    return Discrepancy(kind, symbol, ledger, broker)
