"""Book a fill in one transaction: fill, order, position and trade correction change together."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

import asyncpg

from database.errors import InvalidTransitionError, OversoldError, UnknownIntentError
from database.order_rows import locked_order
from database.pool import Connection, Row
from database.recovery import hand_over_on, lock_symbol_of_over, one_live_position, reopen_on, revive_on
from database.sales_by_others import give_back_on
from domain.errors import BrokerProtocolError
from domain.identity import IntentId, PositionId
from domain.money import NO_SHARES, NO_WON, Quantity, Won
from domain.order import (
    BrokerOrder,
    BrokerOrderRef,
    OrderEvent,
    OrderPurpose,
    OrderRecord,
    OrderStatus,
    ProvisionalFill,
    event_from,
    is_same_order,
    next_status,
)
from domain.position import PositionStatus


@dataclass(frozen=True, slots=True)
class Booked:
    """The order after booking a row of the broker's list, and the shares and won that the row added.

    ``lives_again`` is the position if the row reopened it: its shares must be sold and its trade corrected.
    """

    order: OrderRecord
    new_quantity: Quantity
    new_amount: Won
    lives_again: PositionId | None = None


class FillKind(StrEnum):
    """Whether a fill comes from a list, only from the holdings, or corrects one."""

    LISTED = "listed"
    PROVISIONAL = "provisional"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True)
class _Change:
    """The difference between an order's row and the stored state, and the order's state after it."""

    quantity: int
    amount: int
    status: OrderStatus
    kind: FillKind
    at: datetime
    ref: BrokerOrderRef
    provisional: int = 0


_GREATEST_CORRECTION: Final = 2
"""Daily prices stay within ±30 % of the base price, so a correct amount is never more than twice another."""

_LOCK_POSITION = """
SELECT position_id, status, bought_quantity, sold_quantity, taken_quantity, taken_amount FROM positions
WHERE position_id = (SELECT position_id FROM orders WHERE intent_id = $1)
FOR UPDATE
"""
_ADD_FILL = """
INSERT INTO fills
    (account_id, order_date, branch, order_no, cumulative_quantity, intent_id, quantity, amount, filled_at, kind,
    revision)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
    count(*) FILTER (WHERE kind = 'correction') + ($10 = 'correction')::integer
FROM fills WHERE intent_id = $6
"""
_MOVE_ORDER = """
UPDATE orders SET status = $2, filled_quantity = $3, filled_amount = $4, provisional_quantity = $5,
    order_date = $6, branch = $7, order_no = $8, changed_at = clock_timestamp()
WHERE intent_id = $1
"""
_BUY = """
UPDATE positions SET
    bought_quantity = bought_quantity + $2,
    cost = cost + $3,
    status = CASE WHEN bought_quantity + $2 = 0 THEN 'abandoned'
        WHEN status IN ('opening', 'abandoned') THEN 'open' ELSE status END,
    opened_at = COALESCE(opened_at, $4),
    high_water_mark = COALESCE(high_water_mark, $5),
    last_price = COALESCE(last_price, $5),
    changed_at = clock_timestamp()
WHERE position_id = $1
"""
_SELL = """
UPDATE positions SET
    sold_quantity = sold_quantity + $2 - $4, proceeds = proceeds + $3,
    taken_quantity = taken_quantity - $4,
    taken_amount = taken_amount - $5,
    taken_on = CASE WHEN taken_quantity > $4 THEN taken_on END,
    status = 'exiting', changed_at = clock_timestamp()
WHERE position_id = $1
"""
_HOLDS_SHARES = "SELECT bought_quantity > sold_quantity FROM positions WHERE position_id = $1"


async def book_on(connection: Connection, intent_id: IntentId, listed: BrokerOrder, at: datetime) -> Booked:
    """Book the difference between the row and the stored order; an older row (fewer shares filled) changes nothing.

    The row is authoritative: it replaces provisional fills and amounts that the broker has corrected. It reopens a
    position that is over.
    """
    position = await _locked_position(connection, intent_id)
    order = await locked_order(connection, intent_id)
    _check(order, listed)
    change = _change_by(order, listed, at)
    return Booked(order, NO_SHARES, NO_WON) if change is None else await _apply(connection, order, position, change)


def nothing_new(order: OrderRecord, listed: BrokerOrder) -> Booked | None:
    """Return the result for a row that adds nothing to an order read without a lock; None for a change or a doubt."""
    try:
        _check(order, listed)
    except (InvalidTransitionError, BrokerProtocolError):
        return None
    change = _change_by(order, listed, order.intent.decided_at)
    return Booked(order, NO_SHARES, NO_WON) if change is None else None


async def readopt_on(connection: Connection, intent_id: IntentId, listed: BrokerOrder, at: datetime) -> Booked:
    """Bind an order that was proven absent to the broker order listed later, and book its fills.

    Raises:
        InvalidTransitionError: the order is not absent, or the row belongs to another intent.
    """
    position = await _locked_position(connection, intent_id)
    order = await locked_order(connection, intent_id)
    adopted = replace(order, status=next_status(order.status, OrderEvent.READOPT), ref=listed.ref)
    _check(adopted, listed)
    change = _change_by(adopted, listed, at) or _Change(0, 0, adopted.status, FillKind.LISTED, at, listed.ref)
    booked = await _apply(connection, adopted, position, change)
    if position["status"] == PositionStatus.OPENING and adopted.intent.purpose is OrderPurpose.ENTRY:
        await hand_over_on(connection, adopted.intent)
    return booked


async def book_provisionally_on(
    connection: Connection, intent_id: IntentId, fill: ProvisionalFill, at: datetime
) -> Booked:
    """Book shares proven by holdings but not yet listed; the first list that shows the order replaces them."""
    position = await _locked_position(connection, intent_id)
    order = await locked_order(connection, intent_id)
    added = fill.quantity - order.filled_quantity
    if order.ref is None or added < 0 or not order.is_active or (added > 0 and fill.amount <= order.filled_amount):
        return Booked(order, NO_SHARES, NO_WON)
    status, is_full = order.status, fill.quantity == order.intent.quantity
    if is_full or fill.is_over or added:
        event = OrderEvent.FILL if is_full else OrderEvent.CANCEL if fill.is_over else OrderEvent.FILL_PARTLY
        status = next_status(status, event)
    if not added and status is order.status:
        return Booked(order, NO_SHARES, NO_WON)
    amount = fill.amount - order.filled_amount if added else 0
    kept = order.provisional + added
    change = _Change(added, amount, status, FillKind.PROVISIONAL, at, order.ref, kept)
    return await _apply(connection, order, position, change)


async def _locked_position(connection: Connection, intent_id: IntentId) -> Row:
    await lock_symbol_of_over(connection, intent_id)
    position = await connection.fetchrow(_LOCK_POSITION, intent_id)
    if position is None:
        raise UnknownIntentError(f"the ledger has no order intent {intent_id} with a position")
    return position


def _check(order: OrderRecord, listed: BrokerOrder) -> None:
    """Refuse a row that cannot describe this order, or that contradicts itself."""
    intent = order.intent
    if order.ref is None or not is_same_order(order, listed):
        raise InvalidTransitionError(f"{intent.intent_id} is {order.ref} at the broker, not {listed.ref}")
    if listed.quantity != intent.quantity or listed.filled_quantity > intent.quantity:
        raise BrokerProtocolError(
            f"{listed.ref} filled {listed.filled_quantity} of {listed.quantity} shares, {intent.quantity} were ordered"
        )
    if listed.filled_quantity and not _is_plausible(order, listed):
        shares = f"{listed.filled_quantity} shares for {listed.filled_amount} won"
        booked = f"{order.filled_quantity} for {order.filled_amount}"
        raise BrokerProtocolError(f"{listed.ref} filled {shares}, the ledger has {booked}")


def _is_plausible(order: OrderRecord, listed: BrokerOrder) -> bool:
    more = listed.filled_quantity - order.filled_quantity
    if more > 0 and not order.provisional:
        return listed.filled_amount > order.filled_amount
    amounts = listed.filled_amount, order.filled_amount
    return listed.filled_amount > 0 and (more != 0 or max(amounts) <= _GREATEST_CORRECTION * min(amounts))


def _change_by(order: OrderRecord, listed: BrokerOrder, at: datetime) -> _Change | None:
    """Return the change that a row makes; None if it is older than the stored state or equal to it."""
    quantity, amount = _difference(order, listed)
    if quantity < 0 and not (order.provisional and listed.is_over):
        return None
    status = _status_after(order, listed, quantity)
    says_the_same = (status, listed.ref) == (order.status, order.ref) and not order.provisional
    if says_the_same and not quantity and not amount:
        return None
    kind = FillKind.LISTED if quantity > 0 and amount > 0 else FillKind.CORRECTION
    return _Change(quantity, amount, status, kind, at, listed.ref)


def _difference(order: OrderRecord, listed: BrokerOrder) -> tuple[int, int]:
    """Return the shares and won of the row that the ledger lacks; 0 won if nothing is filled."""
    quantity = listed.filled_quantity - order.filled_quantity
    amount = listed.filled_amount - order.filled_amount if listed.filled_quantity or quantity else 0
    return quantity, amount


def _status_after(order: OrderRecord, listed: BrokerOrder, quantity: int) -> OrderStatus:
    event = event_from(listed)
    if order.provisional:
        return OrderStatus.ACCEPTED if event is None else next_status(OrderStatus.ACCEPTED, event)
    if event is None or (quantity == 0 and not order.is_active):
        return order.status
    return next_status(order.status, event)


async def _apply(connection: Connection, order: OrderRecord, position: Row, change: _Change) -> Booked:
    intent, was = order.intent, PositionStatus(position["status"])
    lives_again = await _revive(connection, order, was, change)
    if change.quantity or change.amount:
        if lives_again:
            position = await _locked_position(connection, intent.intent_id)
        await _move_position(connection, order, position, change)
        await connection.execute(_ADD_FILL, *_fill_values(order, change))
    quantity = Quantity(order.filled_quantity + change.quantity)
    amount = Won(order.filled_amount + change.amount)
    ref = change.ref
    moved = (intent.intent_id, change.status, quantity, amount, change.provisional)
    try:
        await connection.execute(_MOVE_ORDER, *moved, ref.order_date, ref.branch, ref.number)
    except asyncpg.UniqueViolationError as clash:
        raise InvalidTransitionError(f"{ref} cannot be {intent.intent_id}: {clash.constraint_name}") from clash
    after = replace(
        order,
        status=change.status,
        ref=ref,
        filled_quantity=quantity,
        filled_amount=amount,
        provisional=Quantity(change.provisional),
    )
    if lives_again and (after.is_active or await connection.fetchval(_HOLDS_SHARES, intent.position_id)):
        await hand_over_on(connection, intent)
    return Booked(after, Quantity(change.quantity), Won(change.amount), intent.position_id if lives_again else None)


async def _revive(connection: Connection, order: OrderRecord, was: PositionStatus, change: _Change) -> bool:
    """Reopen a position that is over if the change concerns it; return whether it was reopened."""
    moves = bool(change.quantity or change.amount)
    if was is PositionStatus.CLOSED and moves:
        await reopen_on(connection, order.intent)
        return True
    if was is PositionStatus.ABANDONED and (moves or replace(order, status=change.status).is_active):
        await revive_on(connection, order.intent)
        return True
    return False


async def _move_position(connection: Connection, order: OrderRecord, position: Row, change: _Change) -> None:
    position_id, held = position["position_id"], position["bought_quantity"] - position["sold_quantity"]
    if order.intent.purpose is OrderPurpose.ENTRY:
        if -change.quantity > held:
            raise OversoldError(f"{change.ref} takes back {-change.quantity} shares, {position_id} holds {held}")
        price = max((order.filled_amount + change.amount) // max(order.filled_quantity + change.quantity, 1), 1)
        with one_live_position(position_id):
            await connection.execute(_BUY, position_id, change.quantity, change.amount, change.at, price)
        return
    # A sale attributed to another party can turn out to be ours.
    taken = max(change.quantity - held, 0)
    if taken > position["taken_quantity"]:
        raise OversoldError(f"{change.ref} sold {change.quantity} shares, position {position_id} holds {held}")
    back = NO_WON
    if taken:
        sale = Won(change.amount * taken // change.quantity)
        back = await give_back_on(connection, position, change.ref.order_date, sale, taken)
    await connection.execute(_SELL, position_id, change.quantity, change.amount, taken, back)


def _fill_values(order: OrderRecord, change: _Change) -> tuple[object, ...]:
    ref = change.ref
    return (
        order.intent.account_id,
        ref.order_date,
        ref.branch,
        ref.number,
        order.filled_quantity + change.quantity,
        order.intent.intent_id,
        change.quantity,
        change.amount,
        change.at,
        change.kind,
    )
