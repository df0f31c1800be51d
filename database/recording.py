"""Recording an intent, and reserving the buying power for a buy."""

import asyncpg

from database.entry_attempts import OVERTAKEN_BY
from database.errors import ActiveOrderExistsError, InvalidTransitionError, OversoldError, UnknownIntentError
from database.order_rows import RETURNING, SELECT, intent_values, order_from_row
from database.pool import Connection
from database.risk import hold_gate
from domain.errors import OvertakenError, StaleFencingTokenError
from domain.money import Won
from domain.order import OrderIntent, OrderPurpose, OrderRecord
from domain.risk import Denied, EntryDeniedError, Spending

# A buying-power answer surely includes only orders that have not changed since the request. The rest of a live buy it
# includes only on an account that reserves it: one with an unpaid margin reserves nothing. So a live buy may count
# twice. That denies a buy for a moment but never spends the same money twice.
_RESERVED = f"""
SELECT COALESCE(sum(
    CASE WHEN changed_at >= $3 OR answered_at IS NULL THEN filled_amount ELSE 0 END
    + CASE WHEN is_active THEN (quantity - filled_quantity) * COALESCE(limit_price, decision_price) ELSE 0 END
), 0)::bigint AS won, EXISTS ({OVERTAKEN_BY.format("$2", "$4")}) AS is_overtaken
FROM orders
WHERE account_id = $1 AND intent_id <> $2 AND side = 'buy' AND (
    changed_at >= $3 OR (is_active AND status <> 'quarantined')
)
"""  # noqa: S608 our own condition
_RECORD = f"""
INSERT INTO orders (intent_id, account_id, worker_id, position_id, session_date, symbol, side, quantity, order_type,
    limit_price, purpose, reason, fencing_token, decision_price, decided_at, host_limits)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (intent_id) DO NOTHING
{RETURNING}
"""  # noqa: S608 our own columns


async def reserve_on(connection: Connection, intent: OrderIntent, spending: Spending) -> None:
    """Allow a buy to be recorded only if the reported buying power covers it; other buys wait for the transaction.

    Raises:
        EntryDeniedError: other buys have used, or are about to use, the buying power that the broker reported.
        OvertakenError: a later attempt of the same buy has begun.
    """
    await hold_gate(connection, intent.account_id)
    about = (intent.account_id, intent.intent_id, spending.asked_at, spending.attempt)
    reserved = await connection.fetchrow(_RESERVED, *about)
    if reserved is None or reserved["is_overtaken"]:
        raise OvertakenError(intent.intent_id)
    verdict = spending.review(Won(reserved["won"]))
    if isinstance(verdict, Denied):
        raise EntryDeniedError(verdict)


_OWN_LEASE = """
SELECT expires_at FROM stock_locks
WHERE account_id = $1 AND symbol = $2 AND worker_id = $3 AND fencing_token = $4 FOR SHARE
"""
_HELD = "SELECT bought_quantity - sold_quantity FROM positions WHERE position_id = $1 AND is_live FOR SHARE"


async def record_of_position_on(connection: Connection, intent: OrderIntent) -> OrderRecord:
    """Record an order of an existing position; a repeated call returns the first record.

    Raises:
        StaleFencingTokenError: another worker has held the symbol since the sale was decided.
        OversoldError: a sale exceeds the shares that the position holds.
    """
    recorded = await connection.fetchrow(SELECT, intent.intent_id)
    if recorded is None and intent.purpose is OrderPurpose.EXIT:
        lease = (intent.account_id, intent.symbol, intent.worker_id, intent.fencing_token)
        if await connection.fetchval(_OWN_LEASE, *lease) is None:
            raise StaleFencingTokenError(f"{intent.symbol} is held by another worker now")
        held = await connection.fetchval(_HELD, intent.position_id)
        if intent.quantity > (held or 0):
            raise OversoldError(
                f"{intent.intent_id} would sell {intent.quantity} of {held or 0} shares of {intent.symbol}"
            )
    return await record_on(connection, intent)


async def record_on(connection: Connection, intent: OrderIntent, limits: int | None = None) -> OrderRecord:
    """Record an intent; a repeated call returns the first record. ``limits`` are those of the deciding host.

    Raises:
        ActiveOrderExistsError: another order for the symbol and side is active.
        InvalidTransitionError: the id belongs to another order.
    """
    try:
        row = await connection.fetchrow(_RECORD, *intent_values(intent), limits)
    except asyncpg.UniqueViolationError as clash:
        raise ActiveOrderExistsError(f"{intent.symbol} already has an active {intent.side} order") from clash
    if row is None:
        row = await connection.fetchrow(SELECT, intent.intent_id)
    if row is None:
        raise UnknownIntentError(f"order intent {intent.intent_id} was not written")
    order = order_from_row(row)
    written = order.intent
    if (written.account_id, written.symbol, written.side) != (intent.account_id, intent.symbol, intent.side):
        raise InvalidTransitionError(f"{intent.intent_id} already is a {written.side} of {written.symbol}")
    return order
