"""The one transaction in which a fill is learned of: fill, order and position move together, forward only."""

from dataclasses import dataclass, replace
from datetime import datetime

import asyncpg

from database.errors import InvalidTransitionError, LivePositionExistsError, OversoldError, UnknownIntentError
from database.order_rows import locked_order
from database.pool import Connection
from domain.errors import BrokerProtocolError
from domain.identity import IntentId
from domain.money import NO_SHARES, NO_WON, Quantity, Won
from domain.order import BrokerOrder, OrderPurpose, OrderRecord, OrderStatus, event_from, next_status
from domain.position import PositionStatus


@dataclass(frozen=True, slots=True)
class Booked:
    """The order after a row of the broker's list, and what the row added: shares and won."""

    order: OrderRecord
    new_quantity: Quantity
    new_amount: Won


@dataclass(frozen=True, slots=True)
class _Fill:
    order: OrderRecord
    listed: BrokerOrder
    at: datetime

    @property
    def quantity(self) -> int:
        return self.listed.filled_quantity - self.order.filled_quantity

    @property
    def amount(self) -> int:
        return self.listed.filled_amount - self.order.filled_amount


_LOCK_POSITION = """
SELECT status, bought_quantity, sold_quantity FROM positions
WHERE position_id = (SELECT position_id FROM orders WHERE intent_id = $1)
FOR UPDATE
"""
_ADD_FILL = """
INSERT INTO fills
    (account_id, order_date, branch, order_no, cumulative_quantity, intent_id, quantity, amount, filled_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_MOVE_ORDER = """
UPDATE orders SET status = $2, filled_quantity = $3, filled_amount = $4, changed_at = clock_timestamp()
WHERE intent_id = $1
"""
_BUY = """
UPDATE positions SET
    bought_quantity = bought_quantity + $2,
    cost = cost + $3,
    status = CASE WHEN status IN ('opening', 'abandoned') THEN 'open' ELSE status END,
    opened_at = COALESCE(opened_at, $4),
    high_water_mark = COALESCE(high_water_mark, $5),
    last_price = COALESCE(last_price, $5),
    changed_at = clock_timestamp()
WHERE position_id = $1
"""
_SELL = """
UPDATE positions SET
    sold_quantity = sold_quantity + $2, proceeds = proceeds + $3, status = 'exiting', changed_at = clock_timestamp()
WHERE position_id = $1
"""


async def book_on(connection: Connection, intent_id: IntentId, listed: BrokerOrder, at: datetime) -> Booked:
    """Book what the row adds to what is stored; an older row (fewer shares filled) changes nothing."""
    position = await connection.fetchrow(_LOCK_POSITION, intent_id)
    order = await locked_order(connection, intent_id)
    fill = _Fill(order, listed, at)
    _check(fill)
    status = _status_after(fill)
    if fill.quantity <= 0 and status is order.status:
        return Booked(order, NO_SHARES, NO_WON)
    if fill.quantity > 0:
        if position is None:
            raise UnknownIntentError(f"order {intent_id} has no position")
        held = Quantity(position["bought_quantity"] - position["sold_quantity"])
        await _move_position(connection, fill, PositionStatus(position["status"]), held)
        await connection.execute(_ADD_FILL, *_fill_values(fill))
    added = max(fill.quantity, 0), fill.amount if fill.quantity > 0 else 0
    quantity, amount = Quantity(order.filled_quantity + added[0]), Won(order.filled_amount + added[1])
    await connection.execute(_MOVE_ORDER, intent_id, status, quantity, amount)
    return Booked(_moved(order, status, quantity, amount), Quantity(added[0]), Won(added[1]))


def _check(fill: _Fill) -> None:
    """Refuse a row that cannot be about this order, or that contradicts itself."""
    intent, listed = fill.order.intent, fill.listed
    if fill.order.ref != listed.ref:
        raise InvalidTransitionError(f"{intent.intent_id} is {fill.order.ref} at the broker, not {listed.ref}")
    if listed.quantity != intent.quantity or listed.filled_quantity > intent.quantity:
        raise BrokerProtocolError(
            f"{listed.ref} filled {listed.filled_quantity} of {listed.quantity} shares, {intent.quantity} were ordered"
        )
    if fill.quantity > 0 and fill.amount <= 0:
        raise BrokerProtocolError(f"{listed.ref} filled {fill.quantity} more shares for {fill.amount} won")


def _status_after(fill: _Fill) -> OrderStatus:
    status, event = fill.order.status, event_from(fill.listed)
    if event is None or fill.quantity < 0 or (fill.quantity == 0 and not fill.order.is_active):
        return status
    return next_status(status, event)


async def _move_position(connection: Connection, fill: _Fill, status: PositionStatus, held: Quantity) -> None:
    position_id = fill.order.intent.position_id
    if status is PositionStatus.CLOSED:
        raise InvalidTransitionError(f"position {position_id} is closed, yet its order {fill.listed.ref} still fills")
    if fill.order.intent.purpose is OrderPurpose.ENTRY:
        first_price = fill.amount // fill.quantity
        try:
            await connection.execute(_BUY, position_id, fill.quantity, fill.amount, fill.at, first_price)
        except asyncpg.UniqueViolationError as clash:
            raise LivePositionExistsError(
                f"{fill.listed.ref} filled late; position {position_id} cannot live again: {clash.constraint_name}"
            ) from clash
        return
    if fill.quantity > held:
        raise OversoldError(f"{fill.listed.ref} sold {fill.quantity} shares, position {position_id} holds {held}")
    await connection.execute(_SELL, position_id, fill.quantity, fill.amount)


def _fill_values(fill: _Fill) -> tuple[object, ...]:
    ref = fill.listed.ref
    return (
        fill.order.intent.account_id,
        ref.order_date,
        ref.branch,
        ref.number,
        fill.listed.filled_quantity,
        fill.order.intent.intent_id,
        fill.quantity,
        fill.amount,
        fill.at,
    )


def _moved(order: OrderRecord, status: OrderStatus, quantity: Quantity, amount: Won) -> OrderRecord:
    return replace(order, status=status, filled_quantity=quantity, filled_amount=amount)
