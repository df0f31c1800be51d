"""Reopened positions: late fills, and trades whose fills the broker changes after booking."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from database.errors import LivePositionExistsError
from database.pool import Connection
from domain.identity import IntentId, PositionId, recovery_worker
from domain.order import OrderIntent, OrderPurpose
from domain.position import PositionStatus

OVER: Final = frozenset({PositionStatus.CLOSED, PositionStatus.ABANDONED})
"""Positions that are over: no worker is responsible for them."""

_PEEK: Final = """
SELECT positions.status FROM positions JOIN orders USING (position_id) WHERE orders.intent_id = $1
"""
LOCK_SYMBOL: Final = """
SELECT stock_locks.fencing_token FROM stock_locks JOIN orders USING (account_id, symbol)
WHERE orders.intent_id = $1 FOR UPDATE OF stock_locks
"""
_FREE_LOCK: Final = """
UPDATE stock_locks SET worker_id = NULL, fencing_token = fencing_token + 1, acquired_at = clock_timestamp(),
    expires_at = clock_timestamp()
WHERE account_id = $1 AND symbol = $2
"""
_REGISTER: Final = """
INSERT INTO workers (account_id, worker_id, workflow_id, first_session, retired)
SELECT account_id, $3, left(workflow_id, length(workflow_id) - length(worker_id)) || $3, $4, true
FROM workers WHERE account_id = $1 AND worker_id = $2
ON CONFLICT (account_id, worker_id) DO NOTHING
"""
_GIVE_POSITION: Final = """
UPDATE positions SET worker_id = $2, changed_at = clock_timestamp() WHERE position_id = $1
"""
_GIVE_ORDERS: Final = """
UPDATE orders SET worker_id = $2, changed_at = clock_timestamp() WHERE position_id = $1 AND is_active
"""
_OPEN_AGAIN: Final = """
UPDATE positions SET status = 'opening', changed_at = clock_timestamp() WHERE position_id = $1 AND status = 'abandoned'
"""
_REOPEN: Final = """
UPDATE positions SET
    status = 'exiting', exit_reason = NULL, realised_pnl = NULL, closed_at = NULL,
    proceeds = own.amount,
    taken_quantity = sold_quantity - restated_sold - own.quantity,
    taken_amount = proceeds - own.amount,
    taken_on = CASE WHEN sold_quantity - restated_sold > own.quantity
        THEN COALESCE(taken_on, (closed_at AT TIME ZONE 'Asia/Seoul')::date) END,
    changed_at = clock_timestamp()
FROM (
    SELECT COALESCE(sum(filled_quantity), 0)::bigint AS quantity, COALESCE(sum(filled_amount), 0)::bigint AS amount
    FROM orders WHERE position_id = $1 AND side = 'sell'
) AS own
WHERE position_id = $1
"""


async def lock_symbol_of_over(connection: Connection, intent_id: IntentId) -> None:
    """Lock the symbol of an order whose position is over, before the position: it may be reopened."""
    if await connection.fetchval(_PEEK, intent_id) in OVER:
        await connection.execute(LOCK_SYMBOL, intent_id)


async def reopen_on(connection: Connection, intent: OrderIntent) -> None:
    """Reopen a closed position as sold out, so that changed fills can be booked.

    Shares sold by others are kept apart from those sold by our orders. Shares that a corporate action added to the sold
    ones belong to neither. The next booking of its trade appends a correction.

    Raises:
        LivePositionExistsError: the symbol has another live position; the shares wait until that one is closed.
    """
    await connection.execute(_GIVE_POSITION, intent.position_id, recovery_worker(intent.symbol))
    with one_live_position(intent.position_id):
        await connection.execute(_REOPEN, intent.position_id)
    await _register(connection, intent)


async def revive_on(connection: Connection, intent: OrderIntent) -> None:
    """Reopen a position whose entry seemed to have bought nothing; its worker may hold another stock now.

    Raises:
        LivePositionExistsError: the symbol has another live position.
    """
    await connection.execute(_GIVE_POSITION, intent.position_id, recovery_worker(intent.symbol))
    with one_live_position(intent.position_id):
        await connection.execute(_OPEN_AGAIN, intent.position_id)


async def recover_buy_on(connection: Connection, intent: OrderIntent) -> None:
    """Hand over the position of a buy that was given up but exists: its worker no longer waits for it."""
    if intent.purpose is not OrderPurpose.ENTRY:
        return
    status = await connection.fetchval(_PEEK, intent.intent_id)
    if status in OVER:
        await revive_on(connection, intent)
    if status in OVER or status == PositionStatus.OPENING:
        await hand_over_on(connection, intent)


async def hand_over_on(connection: Connection, intent: OrderIntent) -> None:
    """Hand a position and its orders to the symbol's recovery worker as orphans; any free worker may take them over.

    The lock becomes free with a higher fencing token, so that a buy being decided now is never sent.
    """
    worker_id = recovery_worker(intent.symbol)
    await connection.execute(_FREE_LOCK, intent.account_id, intent.symbol)
    await _register(connection, intent)
    await connection.execute(_GIVE_POSITION, intent.position_id, worker_id)
    await connection.execute(_GIVE_ORDERS, intent.position_id, worker_id)


async def _register(connection: Connection, intent: OrderIntent) -> None:
    about = (intent.account_id, intent.worker_id, recovery_worker(intent.symbol), intent.session_date)
    await connection.execute(_REGISTER, *about)


@contextmanager
def one_live_position(position_id: PositionId) -> Iterator[None]:
    """Translate a unique violation into ``LivePositionExistsError``."""
    try:
        yield
    except asyncpg.UniqueViolationError as clash:
        raise LivePositionExistsError(f"position {position_id} cannot be reopened: {clash.constraint_name}") from clash
