"""Evidence against an order's absence besides its list: holdings, open orders, totals, order notices."""

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
    """Checks one lost order against the broker and the notices of this process."""

    def __init__(self, broker: "Broker", database: "Database", pace: "Pace", notices: "OrderNotices") -> None:
        self._broker = broker
        self._database = database
        self._pace = pace
        self._notices = notices
        self._known = SharesKnown(broker, database, pace)

    async def matched(self, intent: OrderIntent, listed: tuple[BrokerOrder, ...]) -> LostOrderMatch:
        """Match the order against listed ones, corrected for the broker's clock, and record the listed orders."""
        await self._database.listed_orders.note(intent.account_id, listed)
        not_ours = await self._bound(intent) | await self._database.listed_orders.before(intent.intent_id)
        ahead = self._pace.clock.market_duration(self._broker.clock_skew)
        return match_lost_order(intent, listed, not_ours, intent.decided_at - ahead)

    async def among_open_orders(self, intent: OrderIntent) -> LostOrderMatch:
        """Match the order against the open orders if available: an open order exists, whatever the day's list shows."""
        try:
            open_orders = await self._broker.open_orders(intent.side, Lane.RESOLVE)
        except BrokerRefusedError as refusal:
            activity.logger.warning("open_orders_refused", extra={"cause": str(refusal)})
            open_orders = None
        return await self.matched(intent, open_orders or Rows())

    async def among_all_orders(self, intent: OrderIntent) -> LostOrderMatch:
        """Match the order against the list of all stocks: only that list's totals show missing rows (F24)."""
        return await self.matched(intent, await self._broker.orders_on(intent.session_date, Lane.RESOLVE))

    async def notice_against_absence(self, intent: OrderIntent, listed: tuple[BrokerOrder, ...]) -> str:
        """Return a notice of an order without an intent or a listed row: it may be ours; empty if there is none."""
        heard = self._notices.numbers_heard(intent.symbol, intent.side, intent.session_date)
        known = {ref.number for ref in await self._bound(intent)} | {order.ref.number for order in listed}
        unexplained = heard - known
        return f"a notice of order {', '.join(sorted(unexplained))} was received" if unexplained else ""

    async def holding_against_absence(
        self, intent: OrderIntent, listed: tuple[BrokerOrder, ...], held: Quantity
    ) -> str:
        """Compare the broker's shares with the expected ones: a difference shows an order that no list shows (F24).

        - Shares moved by the owner's own listed orders say nothing about ours (F32, F33).
        - Nor do fills of our other orders that the list shows and the ledger lacks.
        - The owner's earlier holding does not hide a sale of ours.
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
