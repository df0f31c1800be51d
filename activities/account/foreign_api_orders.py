"""Orders by another program through the API: no entries until an operator accepts them."""

import logging
from typing import TYPE_CHECKING

from domain.events.books import order_of_another_program
from domain.identity import AccountId
from domain.order import BrokerOrder
from domain.reconciliation import orders_of_another_program
from domain.session import SessionDate
from domain.unreadable import Rows

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database

logger = logging.getLogger("haru.books")


class ForeignApiOrders:
    """Searches a day's list for API orders that match none of our intents."""

    def __init__(self, database: "Database", pace: "Pace") -> None:
        self._database = database
        self._pace = pace

    async def look(self, account_id: AccountId, session_date: SessionDate, listed: Rows[BrokerOrder]) -> None:
        """Close entries while such an order is not accepted by an operator; the ledger is read after the list."""
        database, now = self._database, self._pace.now()
        records = await database.orders.on(account_id, session_date)
        if found := orders_of_another_program(listed, records):
            await database.foreign_api_orders.note(account_id, found, now)
        waiting = await database.foreign_api_orders.waiting(account_id, session_date)
        if not waiting:
            await database.foreign_api_orders.lift_if_none_waits(account_id, session_date)
            return
        orders = ", ".join(order.in_words for order in waiting)
        reason = (
            f"another program sends orders by API on this account: {orders}; "
            "stop it, then accept them with starter.py foreign-orders accept"
        )
        cause = database.foreign_api_orders.CAUSE
        await database.risk.close_entries(account_id, session_date, reason, now, cause=cause)
        for order in waiting:
            if await database.events.append(order_of_another_program(account_id, session_date, order, now)):
                logger.error("order_of_another_program", extra={"order": order.number, "symbol": order.symbol})
