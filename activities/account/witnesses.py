"""What speaks against an order's absence beside the list itself: holdings, open orders, totals, order notices."""

from typing import TYPE_CHECKING

from temporalio import activity

from activities.account.first_look import SharesKnown
from domain.errors import BrokerRefusedError
from domain.lane import Lane
from domain.market import Side
from domain.money import Quantity
from domain.order import BrokerOrder, BrokerOrderRef, OrderIntent
from domain.reconciliation import LostOrderMatch, match_lost_order
from domain.unreadable import Rows

if TYPE_CHECKING:
    from activities.market.order_notices import OrderNotices
    from activities.support.pace import Pace
    from broker.protocol import Broker
    from database.database import Database


class Witnesses:
    """Asks the broker, and what this process has heard, about one lost order."""

    def __init__(self, broker: "Broker", database: "Database", pace: "Pace", notices: "OrderNotices") -> None:
        self._broker = broker
        self._database = database
        self._pace = pace
        self._notices = notices
        self._known = SharesKnown(broker, database, pace)

    async def matched(self, intent: OrderIntent, listed: tuple[BrokerOrder, ...]) -> LostOrderMatch:
        """Look for the order among listed ones, by the broker's own clock, and keep what the list has shown."""
        await self._database.listed_orders.note(intent.account_id, listed)
        not_ours = await self._bound(intent) | await self._database.listed_orders.before(intent.intent_id)
        ahead = self._pace.clock.market_duration(self._broker.clock_skew)
        return match_lost_order(intent, listed, not_ours, intent.decided_at - ahead)

    async def among_open_orders(self, intent: OrderIntent) -> LostOrderMatch:
        """Ask what can still be cancelled, where that is listed: it exists, whatever the day's list says."""
        try:
            open_orders = await self._broker.open_orders(intent.side, Lane.RESOLVE)
        except BrokerRefusedError as refusal:
            activity.logger.warning("open_orders_refused", extra={"cause": str(refusal)})
            open_orders = None
        return await self.matched(intent, open_orders or Rows())

    async def among_all_orders(self, intent: OrderIntent) -> LostOrderMatch:
        """Read the list of every stock: only then do its own totals show that rows are missing (F24)."""
        return await self.matched(intent, await self._broker.orders_on(intent.session_date, Lane.RESOLVE))

    async def notice_against_absence(self, intent: OrderIntent, listed: tuple[BrokerOrder, ...]) -> str:
        """Ask the notices heard: an order that one spoke of, that no intent owns and no list shows, may be ours."""
        heard = self._notices.numbers_heard(intent.symbol, intent.side, intent.session_date)
        known = {ref.number for ref in await self._bound(intent)} | {order.ref.number for order in listed}
        unexplained = heard - known
        return f"a notice of order {', '.join(sorted(unexplained))} was heard" if unexplained else ""

    async def holding_against_absence(
        self, intent: OrderIntent, listed: tuple[BrokerOrder, ...], held: Quantity
    ) -> str:
        """Look at the shares that the broker holds: those that moved show an order that no list shows (F24).

        What the owner's own orders had moved before, by the list, says nothing about ours (F32, F33); nor do fills of
        our other orders that the list has and the books lack. What the owner held before hides no sale of ours.
        """
        account_id, day, symbol = intent.account_id, intent.session_date, intent.symbol
        positions = await self._database.positions.held_in(account_id)
        booked = sum(position.quantity for position in positions if position.symbol == symbol)
        ours = booked + await self._known.unbooked(account_id, day, listed, symbol)
        theirs = await self._known.changed_by_hand(account_id, day, listed, symbol)
        if intent.side is Side.SELL:
            theirs += (await self._database.first_looks.of(account_id, day) or {}).get(symbol, 0)
        moved = held > ours + theirs if intent.side is Side.BUY else held < ours + theirs
        explained = f" and the owner's orders {theirs:+,}" if theirs else ""
        return f"the broker holds {held:,} shares of {intent.symbol}, the ledger {ours:,}{explained}" if moved else ""

    async def _bound(self, intent: OrderIntent) -> set[BrokerOrderRef]:
        return await self._database.orders.bound_refs(intent.account_id, intent.session_date)
