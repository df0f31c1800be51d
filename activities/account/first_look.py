"""Shares that the account's owner held before the session: read once a day, before our first order."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.flatness import Believed, change_by_hand, shares_before, traded_by_hand
from domain.identity import AccountId
from domain.lane import Lane
from domain.market import Side, Symbol
from domain.money import Quantity
from domain.order import row_of
from domain.position import ClosedTrade, ExitReason
from domain.reconciliation import foreign_orders
from domain.session import SessionDate

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Broker
    from database.database import Database
    from domain.order import BrokerOrder

BETWEEN_READS: Final = timedelta(seconds=1)


class SharesKnown:
    """Derives the account's expected shares from the ledger, the broker's list and the first look."""

    def __init__(self, broker: "Broker", database: "Database", pace: "Pace") -> None:
        self._broker = broker
        self._database = database
        self._pace = pace

    async def look_first(self, account_id: AccountId, session_date: SessionDate) -> Mapping[Symbol, Quantity]:
        """Return what the owner held before the session; the first caller reads the account (broker errors propagate).

        A stock whose row cannot be read keeps the value of the last session. Where only an order cannot be read, and
        nothing is known of an earlier session, the balance counts. A read that changes the value counts when a second
        read agrees.
        """
        kept = await self._database.first_looks.of(account_id, session_date)
        if kept is not None:
            return kept
        left = await self._left_before(account_id, session_date)
        seen = await self._look(account_id, session_date, left)
        while seen != left:
            await self._pace.pause(BETWEEN_READS)
            again = await self._look(account_id, session_date, left)
            if again == seen:
                break
            seen = again
        await self._database.first_looks.keep(account_id, session_date, seen, self._pace.now())
        return await self._database.first_looks.of(account_id, session_date) or {}

    async def expected(
        self, account_id: AccountId, session_date: SessionDate, listed: "tuple[BrokerOrder, ...]", symbol: Symbol
    ) -> int:
        """Return the expected shares of a stock, ours and the owner's, by the ledger and the day's list.

        Before the day's first look, the owner's shares are those recorded at the last proven session.
        """
        before = await self._database.first_looks.of(account_id, session_date)
        if before is None:
            before = await self._left_before(account_id, session_date)
        ours = sum(
            each.quantity for each in await self._database.positions.held_in(account_id) if each.symbol == symbol
        )
        changed = await self.changed_by_hand(account_id, session_date, listed, symbol)
        return ours + before.get(symbol, 0) + changed + await self.unbooked(account_id, session_date, listed, symbol)

    async def unbooked(
        self, account_id: AccountId, session_date: SessionDate, listed: "tuple[BrokerOrder, ...]", symbol: Symbol
    ) -> int:
        """Return the change in our shares of a stock from listed fills that are not booked yet.

        A row with fewer shares than a proven booking is outdated; only provisional shares may turn out not to exist.
        """
        changed = 0
        for record in await self._database.orders.on(account_id, session_date):
            row = row_of(record, listed) if record.intent.symbol == symbol else None
            if row is not None:
                more = max(row.filled_quantity - record.filled_quantity, -record.provisional)
                changed += more if record.intent.side is Side.BUY else -more
        return changed

    async def changed_by_hand(
        self, account_id: AccountId, session_date: SessionDate, listed: "tuple[BrokerOrder, ...]", symbol: Symbol
    ) -> int:
        """Return the change in the owner's holding from the owner's own orders in this session."""
        foreign = foreign_orders(listed, await self._database.orders.bound_refs(account_id, session_date))
        return change_by_hand(symbol, traded_by_hand(foreign, ()), await self._taken(account_id, session_date))

    async def believed(
        self,
        account_id: AccountId,
        session_date: SessionDate,
        listed: "tuple[BrokerOrder, ...]",
        before: Mapping[Symbol, Quantity],
    ) -> Believed:
        """Return the account's expected shares by the day's list and the current ledger."""
        held: Counter[Symbol] = Counter()
        for position in await self._database.positions.held_in(account_id):
            held[position.symbol] += position.quantity
        foreign = foreign_orders(listed, await self._database.orders.bound_refs(account_id, session_date))
        return Believed(
            held={symbol: Quantity(shares) for symbol, shares in held.items()},
            taken=await self._taken(account_id, session_date),
            before=before,
            by_hand=traded_by_hand(foreign, await self._database.audit.given_up_on(account_id, session_date)),
        )

    async def _look(
        self, account_id: AccountId, session_date: SessionDate, left: Mapping[Symbol, Quantity]
    ) -> dict[Symbol, Quantity]:
        listed = await self._broker.orders_on(session_date, Lane.RESOLVE)
        balance = await self._broker.balance(Lane.RESOLVE)
        believed = await self.believed(account_id, session_date, listed, left)
        ordered = await self._database.orders.on(account_id, session_date)
        undecided = await self._database.orders.active_in(account_id)  # includes earlier sessions
        touched = {order.intent.symbol for order in (*ordered, *undecided)}
        in_doubt = {symbol for symbol in left if balance.doubts(symbol) or listed.doubts(symbol)}
        in_doubt |= {row.symbol for row in balance.unreadable if row.symbol is not None}
        return shares_before(balance.quantities(), believed, touched | in_doubt)

    async def _left_before(self, account_id: AccountId, session_date: SessionDate) -> dict[Symbol, Quantity]:
        left = await self._database.snapshots.left_before(account_id, session_date)
        return {each.symbol: each.owners_quantity for each in left if each.owners_quantity}

    async def _taken(self, account_id: AccountId, session_date: SessionDate) -> dict[Symbol, Quantity]:
        """Return by stock our shares that the session's bookings record as sold by others."""
        taken: Counter[Symbol] = Counter(await self._database.positions.taken_on(account_id, session_date))
        for trade in await self._database.trades.on(account_id, session_date):
            if trade.exit_reason is ExitReason.FOREIGN_SALE:
                taken[trade.symbol] += await self._taken_at_the_end(trade)
        return {symbol: Quantity(shares) for symbol, shares in taken.items()}

    async def _taken_at_the_end(self, trade: ClosedTrade) -> int:
        """Return the shares that neither our orders nor an earlier booking account for."""
        orders = await self._database.orders.of_position(trade.position_id)
        position = await self._database.positions.get(trade.position_id)
        before = position.taken + position.restated_sold if position is not None else 0
        own = sum(order.filled_quantity for order in orders if order.intent.purpose == "exit")
        return trade.quantity - own - before
