"""The broker's order list of a day for an operator: only worker processes hold the broker keys."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity

from activities.support.heart import WHOLE_LIST, Heart
from domain.errors import TradingError
from domain.lane import Lane
from domain.order import BrokerOrder
from domain.session import SessionDate
from domain.unreadable import UnreadableRow

if TYPE_CHECKING:
    from broker.protocol import Broker


@dataclass(frozen=True, slots=True)
class ListedOrders:
    """Listed orders and unreadable rows of a day; with a ``fault`` the list is unknown."""

    orders: tuple[BrokerOrder, ...] = ()
    fault: str = ""
    unreadable: tuple[UnreadableRow, ...] = ()


class OrderLookup:
    """Read-only at the broker."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker

    @activity.defn
    async def list_broker_orders(self, session_date: SessionDate) -> ListedOrders:
        """Return a day's orders of every stock; a broker error is returned as ``fault``."""
        async with Heart(silence=WHOLE_LIST):
            try:
                listed = await self._broker.orders_on(session_date, Lane.RESOLVE)
                return ListedOrders(tuple(listed), unreadable=listed.unreadable)
            except TradingError as fault:
                return ListedOrders(fault=str(fault))
