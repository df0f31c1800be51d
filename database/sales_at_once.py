"""A sale recorded with its permit in one statement: one round trip and one commit from the decision to the request."""

from typing import Final

import asyncpg

from database.order_rows import intent_values
from database.pool import Pool
from database.sending import Gate, SendingPermit
from domain.lock import LEASE_DURATION
from domain.order import OrderIntent

# Rows are locked in the same sequence as everywhere: lock, position, order.
_AT_ONCE: Final = """
WITH lease AS (
    UPDATE stock_locks
    SET heartbeat_at = clock_timestamp(), expires_at = GREATEST(expires_at, clock_timestamp() + $16)
    WHERE account_id = $2 AND symbol = $6 AND worker_id = $3 AND fencing_token = $13
    RETURNING account_id, expires_at
), held AS MATERIALIZED (
    SELECT bought_quantity - sold_quantity AS quantity FROM positions
    WHERE position_id = $4 AND is_live AND EXISTS (SELECT FROM lease) FOR SHARE
)
INSERT INTO orders (intent_id, account_id, worker_id, position_id, session_date, symbol, side, quantity, order_type,
    limit_price, purpose, reason, fencing_token, decision_price, decided_at, status, sent_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'sending', clock_timestamp()
FROM lease JOIN accounts USING (account_id), held
WHERE held.quantity >= $8 AND accounts.environment = $17 AND lease.expires_at - clock_timestamp() >= $18
ON CONFLICT (intent_id) DO NOTHING
RETURNING sent_at, (SELECT expires_at FROM lease) AS lease_expires_at
"""


async def permit_at_once(pool: Pool, intent: OrderIntent, gate: Gate) -> SendingPermit | None:
    """Renew the lease, record the sale and permit it; None if anything is against it, which the caller must find out.

    Of repeated calls one gets the permit. Without the current token nothing is written.
    """
    about = (LEASE_DURATION, gate.environment, gate.http_timeout)
    try:
        row = await pool.fetchrow(_AT_ONCE, *intent_values(intent), *about)
    except asyncpg.UniqueViolationError:
        return None
    return None if row is None else SendingPermit(intent, row["sent_at"], row["lease_expires_at"])
