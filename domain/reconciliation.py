"""Comparing the broker with the ledger: finding an order whose reply was lost, and naming what differs."""

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
"""KIS stamps whole seconds, by a clock of its own (docs/kis.md §5.3)."""

LATEST_ENTRY: Final = timedelta(minutes=10)
"""How long after our decision (market time) a network may still deliver a request that we gave up."""


@dataclass(frozen=True, slots=True)
class Found:
    """Exactly one order of the broker's can be ours, and it has our fingerprint: adopt it."""

    order: BrokerOrder
    kind: Literal["found"] = "found"


@dataclass(frozen=True, slots=True)
class Absent:
    """This list has no such order. The list lags, so one look proves nothing."""

    kind: Literal["absent"] = "absent"


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """There are twins, or what is listed cannot be read: a person has to decide.

    ``may_be_listed_yet`` says that all of them are stamped before our order: ours may be missing from the list still.
    """

    orders: tuple[BrokerOrder, ...]
    may_be_listed_yet: bool = False
    kind: Literal["ambiguous"] = "ambiguous"


@dataclass(frozen=True, slots=True)
class Hidden:
    """A row that cannot be read may be the order: neither its presence nor its absence is proven."""

    row: UnreadableRow
    kind: Literal["hidden"] = "hidden"


LostOrderMatch = Found | Absent | Ambiguous | Hidden


def match_lost_order(
    intent: OrderIntent, orders: Sequence[BrokerOrder], not_ours: AbstractSet[BrokerOrderRef], sent_after: datetime
) -> LostOrderMatch:
    """Look for the order of an intent that got no reply and was sent at or after a market instant.

    ``not_ours`` are the orders that other intents own, and those that were listed before this intent was written. Any
    other order with our fingerprint may be ours: the broker never changes quantity, type or price of what it was sent.
    A single one that is stamped since then is ours. One that is stamped earlier is the owner's, or ours by a clock
    that is off; a stamp proves nothing absent, so a person has to decide. A row that cannot be read hides the order
    where nothing that could be read of it says otherwise.
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
    """Tell whether a listed order looks like an intent's, as far as it can be read, whatever its time stamp says."""
    return _goes_the_same_way(order, intent) and _could_be_ours(order, intent)


def is_no_older(intent: OrderIntent, order: BrokerOrder) -> bool:
    """Tell whether a listed order is stamped after the intent's decision; that explains shares, and proves nothing."""
    return order.ordered_at >= intent.decided_at - CLOCK_ALLOWANCE


def late_matches(
    given_up: Sequence[OrderRecord],
    unbound: Sequence[BrokerOrder],
    not_theirs: Mapping[IntentId, AbstractSet[BrokerOrderRef]] = MappingProxyType({}),
) -> tuple[tuple[OrderRecord, BrokerOrder], ...]:
    """Return the orders that were proven absent with the listed order that is theirs after all.

    Each has our fingerprint, was entered soon after our decision, and no other order could be paired with either.
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
    """Tell whether the fingerprint fits, as far as it can be read."""
    if order.order_type is None:
        return order.quantity == intent.quantity
    return _has_fingerprint(order, intent)


def _has_fingerprint(order: BrokerOrder, intent: OrderIntent) -> bool:
    if (order.quantity, order.order_type) != (intent.quantity, intent.order_type):
        return False
    # An order at the close has no price when it is sent, and may be listed with that of the close.
    return intent.order_type is OrderType.POST_CLOSE or order.limit_price == intent.limit_price


def foreign_orders(listed: Sequence[BrokerOrder], bound: AbstractSet[BrokerOrderRef | None]) -> tuple[BrokerOrder, ...]:
    """Return the listed orders that none of our intents owns."""
    return tuple(order for order in listed if order.ref not in bound)


def orders_of_another_program(listed: Sequence[BrokerOrder], records: Sequence[OrderRecord]) -> tuple[BrokerOrder, ...]:
    """Return the listed orders that came by API and that none of our intents explains.

    ``records`` are all intents of the day, read after the list: what the list shows of ours was permitted before. An
    order of ours whose number is not known yet may be any row of its stock and side while it is active, and any row
    that looks like it afterwards.
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
    """How broker and ledger differ."""

    MISSING_FILL = "missing_fill"  # the broker has filled more than we have booked
    EXCESS_FILL = "excess_fill"  # we have booked more than the broker has filled
    ORDER_OVER = "order_over"  # we think it works, the broker has ended it
    MISSING_ORDER = "missing_order"  # we think it works, the broker does not list it
    UNRESOLVED_ORDER = "unresolved_order"  # sent, and we do not know whether it exists
    UNKNOWN_ORDER = "unknown_order"  # works at the broker, and is none of ours
    FOREIGN_HOLDING = "foreign_holding"  # held at the broker, and we hold none of it
    EXCESS_HOLDING = "excess_holding"  # the broker holds more of it than we do
    MISSING_HOLDING = "missing_holding"  # the broker holds less of it than we do


OUR_OWN: Final = frozenset(
    {
        DiscrepancyKind.MISSING_FILL,
        DiscrepancyKind.EXCESS_FILL,
        DiscrepancyKind.MISSING_ORDER,
        DiscrepancyKind.MISSING_HOLDING,
    }
)
"""Differences about what we ourselves believe; with one of them open nothing may be bought (R3)."""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One difference: the ledger's and the broker's number of shares, and the order it is about, if any."""

    kind: DiscrepancyKind
    symbol: Symbol
    ledger: Quantity
    broker: Quantity
    ref: BrokerOrderRef | None = None


def discrepancies(
    open_positions: Sequence[OpenPosition],
    working_orders: Sequence[OrderRecord],
    broker_orders: Sequence[BrokerOrder],
    holdings: Mapping[Symbol, Quantity],
) -> tuple[Discrepancy, ...]:
    """Name every difference: our orders first, then unknown orders, then holdings by symbol.

    ``OpenPosition.quantity`` is taken as what we hold after all booked fills. Fills that the broker has and the ledger
    lacks are reported once, as fills, and not again as holdings.
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
    """Return the shares by which the position does not yet show what the order has traded."""
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
