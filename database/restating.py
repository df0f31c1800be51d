"""Restate a position after a corporate action: other shares and prices at the same cost, in one transaction."""

from database.events import append_on
from database.pool import Connection
from domain.event import Event
from domain.money import Quantity
from domain.position import OpenPosition
from domain.session import SessionDate

_KEEP = """
INSERT INTO share_restatements (position_id, session_date, held_before, held_after, restated_at)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING position_id
"""
_LOCK = """
SELECT position_id FROM positions
WHERE position_id = $1 AND is_live AND bought_quantity - sold_quantity = $2
    AND NOT EXISTS (SELECT FROM orders WHERE orders.position_id = $1 AND orders.is_active)
FOR UPDATE
"""
# The sold shares are restated at the same ratio, so the cost of the rest is unchanged.
_RESTATE = """
WITH after AS (
    SELECT CASE sold_quantity WHEN 0 THEN 0
        ELSE GREATEST(1, round(sold_quantity::numeric * $3 / $2)) END::bigint AS sold
    FROM positions WHERE position_id = $1
)
UPDATE positions SET
    bought_quantity = $3 + after.sold,
    sold_quantity = after.sold,
    restated_bought = restated_bought + $3 + after.sold - bought_quantity,
    restated_sold = restated_sold + after.sold - sold_quantity,
    taken_quantity = CASE taken_quantity WHEN 0 THEN 0
        ELSE LEAST(after.sold, GREATEST(1, round(taken_quantity::numeric * $3 / $2))) END,
    decision_price = GREATEST(1, round(decision_price::numeric * $2 / $3)),
    high_water_mark = GREATEST(1, round(high_water_mark::numeric * $2 / $3)),
    last_price = GREATEST(1, round(last_price::numeric * $2 / $3)),
    changed_at = clock_timestamp()
FROM after
WHERE position_id = $1
"""
_RESTATE_MARKS = """
UPDATE price_marks SET
    open = GREATEST(1, round(open::numeric * $2 / $3)), high = GREATEST(1, round(high::numeric * $2 / $3)),
    low = GREATEST(1, round(low::numeric * $2 / $3)), close = GREATEST(1, round(close::numeric * $2 / $3))
WHERE position_id = $1
"""


async def restate_on(
    connection: Connection, position: OpenPosition, held: Quantity, session_date: SessionDate, event: Event
) -> bool:
    """Change a position's share count at the same cost, within a transaction.

    Return False when the position changed meanwhile, or was restated for this session already.
    """
    before, after = position.quantity, held
    if await connection.fetchval(_LOCK, position.position_id, before) is None:
        return False
    kept = (position.position_id, session_date, before, after, event.at)
    if await connection.fetchval(_KEEP, *kept) is None:
        return False
    await connection.execute(_RESTATE, position.position_id, before, after)
    await connection.execute(_RESTATE_MARKS, position.position_id, before, after)
    await append_on(connection, event)
    return True
