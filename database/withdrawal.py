"""Withdrawing an order that the ledger calls unsent: certain only if the server cannot have lost its permit."""

from database.order_rows import locked_order
from database.pool import Connection
from domain.identity import IntentId
from domain.order import OrderEvent, OrderStatus, next_status

# A permit can be lost with a replica that takes over (another lineage), with a restored backup or snapshot (a restart),
# and with a crash if commits are not flushed. A crash that the postmaster survives restarts the checkpointer.
_CANNOT_HAVE_FORGOTTEN = """
SELECT written_by = server_lineage() AND pg_postmaster_start_time() < created_at AND (
    (current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off')
    OR (SELECT backend_start FROM pg_stat_activity WHERE backend_type = 'checkpointer') < created_at
) FROM orders WHERE intent_id = $1
"""
_WITHDRAW = """
UPDATE orders SET status = $2, evidence = 'withdrawn before it was sent', changed_at = clock_timestamp()
WHERE intent_id = $1
"""
_DOUBT = """
UPDATE orders SET status = $2, evidence = 'the server may have forgotten that it was sent',
    sent_at = clock_timestamp(), changed_at = clock_timestamp()
WHERE intent_id = $1
"""


async def withdraw_on(connection: Connection, intent_id: IntentId) -> bool:
    """Withdraw an order that has not been sent; return whether it certainly never was and never will be sent.

    If the server may have lost a permit, the order becomes unknown instead: it can no longer be sent, and the broker's
    list decides its outcome.
    """
    order = await locked_order(connection, intent_id)
    if order.status is not OrderStatus.INTENDED:
        return order.status is OrderStatus.NEVER_PLACED
    if await connection.fetchval(_CANNOT_HAVE_FORGOTTEN, intent_id):
        await connection.execute(_WITHDRAW, intent_id, next_status(order.status, OrderEvent.PROVE_ABSENT))
        return True
    await connection.execute(_DOUBT, intent_id, next_status(order.status, OrderEvent.LOSE_REPLY))
    return False
