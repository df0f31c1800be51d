"""Accepted orders missing from every list: reported, and booked provisionally from the holdings (F24)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from temporalio import activity

from activities.account.first_look import SharesKnown
from activities.market.order_notices import OrderNotices
from domain.errors import BrokerRefusedError, TradingError
from domain.events.orders import accepted_order_not_listed, fill_booked_provisionally
from domain.identity import IntentId
from domain.lane import Lane
from domain.market import Side, Symbol
from domain.money import Quantity, Won, notional
from domain.order import BrokerOrder, OrderRecord, ProvisionalFill, row_of

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Balance, Broker
    from database.database import Database
    from domain.unreadable import Rows, UnreadableRow

UNLISTED_FOR: Final = timedelta(seconds=20)
"""Real time after the decision from which a missing accepted order is not explained by a slow list."""
_GIVEN_UP_AFTER: Final = 3
"""Multiple of ``UNLISTED_FOR`` after which an order without a row or a moved share counts as ended."""
BETWEEN_LOOKS: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class _Seen:
    """Evidence for an order from one read of the account: total shares filled, and whether more can follow."""

    filled: int
    is_over: bool


class UnlistedOrders:
    """Searches for an order in the whole day's list, the open orders, the holdings and the received notices."""

    def __init__(self, broker: "Broker", database: "Database", pace: "Pace", notices: OrderNotices) -> None:
        self._broker = broker
        self._database = database
        self._pace = pace
        self._notices = notices
        self._known = SharesKnown(broker, database, pace)
        self._seen: dict[IntentId, _Seen] = {}

    async def look(self, record: OrderRecord) -> OrderRecord:
        """Return the order with what could be proven of it; unchanged while the list may only be slow."""
        if self._age_of(record) < UNLISTED_FOR:
            return record
        try:
            return await self._look(record)
        except TradingError as fault:
            extra = {**record.intent.log_fields, "cause": str(fault)}
            activity.logger.warning("unlisted_order_not_checked", extra=extra)
            return record

    async def _look(self, record: OrderRecord) -> OrderRecord:
        intent = record.intent
        listed = await self._broker.orders_on(intent.session_date, Lane.RESOLVE)
        open_orders = await self._open_orders(intent.side)
        row = row_of(record, (*listed, *(open_orders or ())))
        if row is not None:
            return (await self._database.orders.book(intent.intent_id, row, self._pace.now())).order
        await self._database.events.append(accepted_order_not_listed(record, self._pace.now()))
        if _may_be_others(record, listed.unreadable):
            return record
        unknown = open_orders is None or open_orders.doubts(intent.symbol)
        seen = await self._evidence(record, listed, is_open=None if unknown else False)
        # One balance alone may be late or empty: two equal reads count.
        if seen is None:
            return record
        if self._seen.get(intent.intent_id) != seen:
            self._seen[intent.intent_id] = seen
            return record
        del self._seen[intent.intent_id]
        return await self._book(record, seen)

    async def _book(self, record: OrderRecord, seen: _Seen) -> OrderRecord:
        fill = ProvisionalFill(Quantity(seen.filled), self._amount_of(record, seen.filled), seen.is_over)
        booked = await self._database.orders.book_provisionally(record.intent.intent_id, fill, self._pace.now())
        if booked.order != record:
            await self._database.events.append(fill_booked_provisionally(booked.order, self._pace.now()))
            extra = {**record.intent.log_fields, "filled": seen.filled, "amount": fill.amount}
            activity.logger.error("fill_booked_provisionally", extra=extra)
        return booked.order

    async def _evidence(
        self, record: OrderRecord, listed: tuple[BrokerOrder, ...], *, is_open: bool | None
    ) -> _Seen | None:
        """Return what the holdings show; None if they are unreadable, or, for a sale, do not list the stock.

        ``is_open`` is None if no list of open orders is available (paper).
        """
        intent = record.intent
        balance = await self._broker.balance(Lane.RESOLVE)
        held = balance.quantity_of(intent.symbol)
        if held is None or (intent.side is Side.SELL and not is_listed_in(balance, intent.symbol)):
            return None
        expected = await self._known.expected(intent.account_id, intent.session_date, listed, intent.symbol)
        moved = held - expected
        gone = moved if intent.side is Side.BUY else -moved
        rest = intent.quantity - record.filled_quantity
        filled = record.filled_quantity + min(max(gone, 0), rest)
        is_over = is_open is False or (intent.side is Side.SELL and _reserves_nothing(balance, record))
        if not filled:
            is_over = is_over and self._age_of(record) >= UNLISTED_FOR * _GIVEN_UP_AFTER
        return _Seen(filled, is_over or filled == intent.quantity)

    async def _open_orders(self, side: Side) -> "Rows[BrokerOrder] | None":
        try:
            return await self._broker.open_orders(side, Lane.RESOLVE)
        except BrokerRefusedError as refusal:
            activity.logger.warning("open_orders_refused", extra={"cause": str(refusal)})
            return None

    def _amount_of(self, record: OrderRecord, filled: int) -> Won:
        """Return the filled amount (won) from the notices if they cover all shares, else at the order's price."""
        intent = record.intent
        number = "" if record.ref is None else record.ref.number
        heard, won = self._notices.fills_heard(number, intent.symbol, intent.side, intent.session_date)
        if heard == filled:
            return won
        price = intent.limit_price or intent.decision_price
        return Won(record.filled_amount + notional(price, Quantity(filled - record.filled_quantity)))

    def _age_of(self, record: OrderRecord) -> timedelta:
        return self._pace.clock.real_duration(self._pace.now() - record.intent.decided_at)


def _may_be_others(record: OrderRecord, unreadable: "tuple[UnreadableRow, ...]") -> bool:
    """Return whether an unreadable row may be another order of the stock, whose shares would look like ours."""
    number = None if record.ref is None else record.ref.number
    return any(
        row.may_be_of(record.intent.symbol) and (row.ref is None or row.ref.number != number) for row in unreadable
    )


def is_listed_in(balance: "Balance", symbol: Symbol) -> bool:
    """Return whether the balance lists the stock, even with no shares: an empty balance proves no sale (F22)."""
    return symbol in balance.sold_out or symbol in balance.quantities()


def _reserves_nothing(balance: "Balance", record: OrderRecord) -> bool:
    """Return whether no sale of the stock is working: every share is sellable."""
    held = [each for each in balance.holdings if each.symbol == record.intent.symbol]
    return all(each.sellable == each.quantity for each in held)
