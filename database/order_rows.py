"""Mapping of an order's row: the columns that every query reads, and the conversion to the domain value."""

from typing import Final

from database.errors import UnknownIntentError
from database.pool import Connection, Row
from domain.identity import AccountId, IntentId, PositionId, WorkerId
from domain.market import Side, Symbol
from domain.money import Price, Quantity, Won
from domain.order import BrokerOrderRef, OrderIntent, OrderPurpose, OrderRecord, OrderStatus, OrderType
from domain.session import SessionDate

COLUMNS: Final = """
    intent_id, account_id, worker_id, position_id, session_date, symbol, side, quantity, order_type, limit_price,
    purpose, reason, fencing_token, decision_price, decided_at, status, order_date, branch, order_no,
    filled_quantity, filled_amount, reject_code, reject_message, provisional_quantity
"""

SELECT: Final = f"SELECT {COLUMNS} FROM orders WHERE intent_id = $1"  # noqa: S608 our own column list
SELECT_FOR_UPDATE: Final = f"{SELECT} FOR UPDATE"
RETURNING: Final = f"RETURNING {COLUMNS}"


async def locked_order(connection: Connection, intent_id: IntentId) -> OrderRecord:
    """Read an order and lock its row until the transaction ends.

    Raises:
        UnknownIntentError: the ledger has no such intent.
    """
    row = await connection.fetchrow(SELECT_FOR_UPDATE, intent_id)
    if row is None:
        raise UnknownIntentError(f"the ledger has no order intent {intent_id}")
    return order_from_row(row)


async def updated_order(connection: Connection, statement: str, *values: object) -> OrderRecord:
    """Change an order's locked row and return it as it is then. The first value is the intent's id."""
    row = await connection.fetchrow(statement, *values)
    if row is None:
        raise UnknownIntentError(f"the ledger has no order intent {values[0]}")
    return order_from_row(row)


def order_from_row(row: Row) -> OrderRecord:
    """Return the order stored in a row of ``COLUMNS``."""
    return OrderRecord(
        intent=_intent_from_row(row),
        status=OrderStatus(row["status"]),
        ref=_ref_from_row(row),
        filled_quantity=Quantity(row["filled_quantity"]),
        filled_amount=Won(row["filled_amount"]),
        reject_code=row["reject_code"],
        reject_message=row["reject_message"],
        provisional=Quantity(row["provisional_quantity"]),
    )


def _ref_from_row(row: Row) -> BrokerOrderRef | None:
    if row["order_no"] is None:
        return None
    return BrokerOrderRef(SessionDate(row["order_date"]), row["branch"], row["order_no"])


def _intent_from_row(row: Row) -> OrderIntent:
    limit_price = row["limit_price"]
    return OrderIntent(
        intent_id=IntentId(row["intent_id"]),
        account_id=AccountId(row["account_id"]),
        worker_id=WorkerId(row["worker_id"]),
        position_id=PositionId(row["position_id"]),
        session_date=SessionDate(row["session_date"]),
        symbol=Symbol(row["symbol"]),
        side=Side(row["side"]),
        quantity=Quantity(row["quantity"]),
        order_type=OrderType(row["order_type"]),
        limit_price=None if limit_price is None else Price(limit_price),
        purpose=OrderPurpose(row["purpose"]),
        reason=row["reason"],
        fencing_token=row["fencing_token"],
        decision_price=Price(row["decision_price"]),
        decided_at=row["decided_at"],
    )


def intent_values(intent: OrderIntent) -> tuple[object, ...]:
    """Return an intent's values in the order of the first columns."""
    return (
        intent.intent_id,
        intent.account_id,
        intent.worker_id,
        intent.position_id,
        intent.session_date,
        intent.symbol,
        intent.side,
        intent.quantity,
        intent.order_type,
        intent.limit_price,
        intent.purpose,
        intent.reason,
        intent.fencing_token,
        intent.decision_price,
        intent.decided_at,
    )
