"""Writing an intent down, and reserving the buying power that a buy is going to spend."""

import asyncpg

from database.errors import ActiveOrderExistsError, InvalidTransitionError, UnknownIntentError
from database.order_rows import SELECT, intent_values, order_from_row
from database.pool import Connection
from database.risk import hold_gate
from domain.money import Won
from domain.order import OrderIntent, OrderRecord
from domain.risk import Denied, EntryDeniedError, Spending

# An accepted order is known to an answer only if it was accepted before the question. What is sent without an answer
# may be counted twice: that denies a buy for a moment, and spends nothing twice.
_RESERVED = """
SELECT COALESCE(sum(filled_amount + CASE WHEN is_active
    THEN (quantity - filled_quantity) * COALESCE(limit_price, decision_price) ELSE 0 END), 0)::bigint
FROM orders
WHERE account_id = $1 AND intent_id <> $2 AND side = 'buy' AND (
    answered_at >= $3
    OR (is_active AND (status IN ('intended', 'sending', 'unknown')
        OR (status = 'quarantined' AND changed_at >= $3)))
)
"""
_RECORD = """
INSERT INTO orders (intent_id, account_id, worker_id, position_id, session_date, symbol, side, quantity, order_type,
    limit_price, purpose, reason, fencing_token, decision_price, decided_at, host_limits)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (intent_id) DO NOTHING
"""


async def reserve_on(connection: Connection, intent: OrderIntent, spending: Spending) -> None:
    """Let a buy be written down only while the power that was asked for covers it; others wait for the transaction.

    Raises:
        EntryDeniedError: other buys have spent, or are about to spend, what the broker showed.
    """
    await hold_gate(connection, intent.account_id)
    reserved = await connection.fetchval(_RESERVED, intent.account_id, intent.intent_id, spending.asked_at)
    verdict = spending.review(Won(reserved))
    if isinstance(verdict, Denied):
        raise EntryDeniedError(verdict)


async def record_on(connection: Connection, intent: OrderIntent, limits: int | None = None) -> OrderRecord:
    """Write an intent down; repeating it returns what was written first. ``limits`` are those of the host that decides.

    Raises:
        ActiveOrderExistsError: another order for the symbol and side is active.
        InvalidTransitionError: the id is that of another order.
    """
    try:
        await connection.execute(_RECORD, *intent_values(intent), limits)
    except asyncpg.UniqueViolationError as clash:
        raise ActiveOrderExistsError(f"{intent.symbol} already has an active {intent.side} order") from clash
    row = await connection.fetchrow(SELECT, intent.intent_id)
    if row is None:
        raise UnknownIntentError(f"order intent {intent.intent_id} was not written")
    order = order_from_row(row)
    written = order.intent
    if (written.account_id, written.symbol, written.side) != (intent.account_id, intent.symbol, intent.side):
        raise InvalidTransitionError(f"{intent.intent_id} already is a {written.side} of {written.symbol}")
    return order
