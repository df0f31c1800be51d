"""Lookup of records that the ledger must already contain."""

from typing import TYPE_CHECKING

from domain.errors import TradingError
from domain.identity import IntentId
from domain.order import OrderRecord

if TYPE_CHECKING:
    from database.orders import Orders


async def recorded(orders: "Orders", intent_id: IntentId) -> OrderRecord:
    """Return the record of an intent.

    Raises:
        TradingError: the ledger has none, though every intent is written before it is used.
    """
    record = await orders.get(intent_id)
    if record is None:
        raise TradingError(f"order intent {intent_id} is not in the ledger")
    return record
