"""Orders without a reply whose row or holding is unreadable: unresolved until it can be read, reported once."""

from functools import partial
from typing import TYPE_CHECKING

from domain.events.orders import lost_order_in_doubt
from domain.lane import Lane
from domain.market import Side
from domain.order import OrderRecord
from domain.unreadable import UnreadableRow

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Balance, Broker
    from database.database import Database


class OrderDoubts:
    """Reports what cannot be proven, and lets a sale proceed past a row that cannot be its order."""

    def __init__(self, broker: "Broker", database: "Database", pace: "Pace") -> None:
        self._broker = broker
        self._database = database
        self._pace = pace

    async def is_no_sale(self, record: OrderRecord, row: UnreadableRow) -> bool:
        """Return whether the holding proves that an unreadable row is no working or filled sale of this intent.

        A working sale reserves shares and a filled one removes them. If all our shares are held and none is reserved,
        there is neither. A row that may be a buy proves nothing and is reported.
        """
        if record.intent.side is Side.SELL and await self._all_are_sellable(record):
            return True
        await self._report(record, row)
        return False

    async def report_holding(self, record: OrderRecord, balance: "Balance") -> None:
        """Report the row that makes the holding unusable as proof."""
        symbol = record.intent.symbol
        rows = sorted(balance.unreadable, key=lambda row: row.symbol != symbol)
        await self._report(record, next(row for row in rows if row.may_be_of(symbol)))

    async def _all_are_sellable(self, record: OrderRecord) -> bool:
        symbol = record.intent.symbol
        balance = await self._broker.balance(Lane.RESOLVE)
        held = next((each for each in balance.holdings if each.symbol == symbol), None)
        if held is None or balance.doubts(symbol):
            return False
        positions = await self._database.positions.held_in(record.intent.account_id)
        ours = sum(position.quantity for position in positions if position.symbol == symbol)
        return held.sellable == held.quantity and held.quantity >= ours

    async def _report(self, record: OrderRecord, row: UnreadableRow) -> None:
        event = lost_order_in_doubt(record.intent, row, self._pace.now())
        await self._database.reports.append(event.key, partial(self._database.events.append, event))
