"""Sales that ended short: shares that the holdings show as gone are not offered a second time (F42)."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from activities.account.first_look import SharesKnown
from activities.account.foreign_sales import BETWEEN_READS
from activities.account.unlisted import is_listed_in
from activities.support.single_flight import NextFlight
from domain.events.orders import sale_listed_short
from domain.lane import Lane
from domain.market import Side, Symbol
from domain.money import Quantity
from domain.order import BrokerOrder, OrderRecord, OrderStatus
from domain.session import session_date_of
from domain.unreadable import Rows

if TYPE_CHECKING:
    from activities.account.late_fills import LateFills
    from activities.market.order_notices import OrderNotices
    from activities.support.pace import Pace
    from broker.protocol import Balance, Broker
    from database.database import Database
    from domain.position import OpenPosition

_BELIEVED_FOR: Final = timedelta(minutes=2)
"""Real time since the last sale was decided. After it the shares are offered again: neither a list that stays wrong nor
shares that the owner moved without an order may keep a sale back all day."""
_FIRST_PAUSE: Final = timedelta(seconds=2)
_SHARE_OF_THE_AGE: Final = 0.25


class ShortSales:
    """Checks, before the rest of a sale is offered, whether the broker sold more than its list shows.

    The list may show filled shares as withdrawn. Offering those again would sell the owner's shares.
    """

    def __init__(
        self, broker: "Broker", database: "Database", pace: "Pace", late_fills: "LateFills", notices: "OrderNotices"
    ) -> None:
        self._broker = broker
        self._database = database
        self._pace = pace
        self._late_fills = late_fills
        self._notices = notices
        self._known = SharesKnown(broker, database, pace)
        self._balance: NextFlight[Balance] = NextFlight(lambda: broker.balance(Lane.EXIT))

    async def of(self, position: "OpenPosition") -> tuple[OrderRecord, ...]:
        """Return today's sales of a position that were cancelled with shares unsold, in the order of their intents.

        Empty when the last of them is older than ``_BELIEVED_FOR``: then nothing is left to wait for.
        """
        today = session_date_of(self._pace.now())
        short = tuple(
            order
            for order in await self._database.orders.of_position(position.position_id)
            if (order.intent.side, order.intent.session_date, order.status) == (Side.SELL, today, OrderStatus.CANCELLED)
        )
        return short if short and self._age_of(short[-1]) < _BELIEVED_FOR else ()

    async def gone(self, position: "OpenPosition", last: OrderRecord) -> Quantity:
        """Return how many unsold shares are probably sold; book the listed fills first; ``last`` is the last sale.

        Holdings count when two reads agree; an order notice counts at once (broker errors propagate).
        """
        seen, is_heard = await self._look(position)
        if seen and not is_heard:
            await self._pace.pause(BETWEEN_READS)
            again, _ = await self._look(position)
            seen = min(seen, again)
        if seen:
            await self._report(last, seen)
        return Quantity(seen)

    def pause_after(self, last: OrderRecord) -> timedelta:
        """Return the real time until the next list read; it grows with the age of the last sale (F47)."""
        return max(self._age_of(last) * _SHARE_OF_THE_AGE, _FIRST_PAUSE)

    def _age_of(self, sale: OrderRecord) -> timedelta:
        return self._pace.clock.real_duration(self._pace.now() - sale.intent.decided_at)

    async def _look(self, position: "OpenPosition") -> tuple[int, bool]:
        """Return the unsold shares that are gone, and whether order notices alone account for all of them."""
        account_id, symbol = position.account_id, position.symbol
        today = session_date_of(self._pace.now())
        listed = await self._broker.orders_on(today, Lane.EXIT, symbol)
        for sale in await self.of(position):
            await self._late_fills.book_order(sale, listed, self._pace.now())
        sales = await self.of(position)
        unsold = sum(sale.intent.quantity - sale.filled_quantity for sale in sales)
        heard = sum(self._heard(sale) for sale in sales)
        balance = await self._balance.answer()
        held = balance.quantity_of(symbol)
        # A balance without the stock proves no sale: it may be empty by mistake (F22). A row that cannot be read may be
        # an order of the owner that explains the holdings.
        if held is None or _may_hide(listed, symbol) or not is_listed_in(balance, symbol):
            return min(heard, unsold), True
        missing = await self._known.expected(account_id, today, listed, symbol) - held
        return min(max(missing, heard, 0), unsold), heard >= missing

    def _heard(self, sale: OrderRecord) -> int:
        """Return the unsold shares if the order notices add up to the whole order; one notice may come twice."""
        intent = sale.intent
        number = "" if sale.ref is None else sale.ref.number
        shares, _ = self._notices.fills_heard(number, intent.symbol, intent.side, intent.session_date)
        return intent.quantity - sale.filled_quantity if shares == intent.quantity else 0

    async def _report(self, last: OrderRecord, gone: int) -> None:
        await self._database.events.append(sale_listed_short(last, gone, self._pace.now()))


def _may_hide(listed: "Rows[BrokerOrder]", symbol: Symbol) -> bool:
    """Return whether an unreadable row may be an order in the stock."""
    return any(row.may_be_of(symbol) for row in listed.unreadable)
