"""Fills of our own orders that the ledger lacks or has otherwise, even of closed orders: the broker is right."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from temporalio import activity

from activities.account.trade_booking import TradeBooking
from domain.errors import InvalidTransitionError, TradingError
from domain.events.orders import late_fill_not_booked, late_shares_recovered, missing_fill_booked, trade_corrected
from domain.identity import AccountId
from domain.money import Rate
from domain.order import WORKING_STATUSES, BrokerOrder, BrokerOrderRef, OrderPurpose, OrderRecord, OrderStatus, row_of
from domain.reconciliation import DiscrepancyKind, late_matches
from domain.session import SessionDate

if TYPE_CHECKING:
    from database.booking import Booked
    from database.database import Database


class LateFills:
    """Books fills that a date's list shows and the ledger lacks; shares of a closed position are watched again."""

    def __init__(self, database: "Database", commission: Rate) -> None:
        self._database = database
        self._trades = TradeBooking(database, commission)

    async def book(self, account_id: AccountId, date: SessionDate, listed: Sequence[BrokerOrder], at: datetime) -> int:
        """Book new fills, corrected amounts and orders proven absent; return how many orders changed (F42).

        Late shares reopen a closed position, and a booked trade gets a correction. A fill that no position can take,
        such as shares of a stock that another worker holds, is reported as critical, closes the day's entries, and is
        retried at the next look.
        """
        changed = 0
        for audited in await self._database.audit.orders_on(account_id, date):
            changed += await self.book_order(audited.record, listed, at)
        bound = await self._database.orders.bound_refs(account_id, date)
        return changed + await self._book_found(account_id, date, _unbound(listed, bound), at)

    async def book_order(self, record: OrderRecord, listed: Sequence[BrokerOrder], at: datetime) -> int:
        """Book what a list changes of one order; return the number of changed orders, 0 or 1."""
        row = row_of(record, listed)
        return 0 if row is None or not _differs(record, row) else await self._book(record, row, at)

    async def settle_costs(self, account_id: AccountId, date: SessionDate) -> None:
        """Correct the costs of trades that a late fill of the same stock has changed."""
        if settled := await self._trades.settle(account_id, date):
            activity.logger.info("costs_settled", extra={"session_date": date, "trades": settled})

    async def _book_found(
        self, account_id: AccountId, date: SessionDate, unbound: Sequence[BrokerOrder], at: datetime
    ) -> int:
        """Bind orders that were proven absent if exactly one row can be theirs.

        A row that a list showed before the intent was written belongs to another order.
        """
        given_up = [
            record
            for record in await self._database.audit.given_up_on(account_id, date)
            if record.status is OrderStatus.NEVER_PLACED
        ]
        listed_orders, changed = self._database.listed_orders, 0
        not_theirs = {each.intent.intent_id: await listed_orders.before(each.intent.intent_id) for each in given_up}
        for record, row in late_matches(given_up, unbound, not_theirs):
            # A sale that still works would block every other sale of the position.
            if record.intent.purpose is OrderPurpose.ENTRY or row.is_over:
                changed += await self._book(record, row, at)
        return changed

    async def _book(self, record: OrderRecord, row: BrokerOrder, at: datetime) -> int:
        intent, orders = record.intent, self._database.orders
        book = orders.readopt if record.status is OrderStatus.NEVER_PLACED else orders.book
        try:
            booked = await book(intent.intent_id, row, at)
            await self._follow_up(booked, at)
        except TradingError as fault:
            extra = {**intent.log_fields, "cause": str(fault)}
            activity.logger.error("late_fill_not_booked", extra=extra)
            await self._report_unbooked(record, row, at, fault)
            return 0
        if not (booked.new_quantity or booked.new_amount):
            return 0
        await self._database.events.append(missing_fill_booked(record, row, at))
        return 1

    async def _follow_up(self, booked: "Booked", at: datetime) -> None:
        """Book or correct the trade of a sold-out position, or report that its shares must be sold."""
        if booked.lives_again is None:
            await self._end(booked.order, at)
            return
        if await self._trades.correct(booked.lives_again):
            await self._database.events.append(trade_corrected(booked.order, at))
        elif booked.order.intent.purpose is OrderPurpose.ENTRY or booked.new_quantity < 0:
            await self._database.events.append(late_shares_recovered(booked.order, at))

    async def _end(self, order: OrderRecord, at: datetime) -> None:
        """Book the trade that a late fill completes: its worker may have carried the shares and be idle overnight."""
        if order.intent.purpose is not OrderPurpose.EXIT or order.is_active:
            return
        try:
            await self._trades.end(order.intent.position_id, at)
        except InvalidTransitionError as overtaken:
            extra = {**order.intent.log_fields, "position_id": order.intent.position_id, "cause": str(overtaken)}
            activity.logger.warning("fill_overtook_the_trade", extra=extra)

    async def _report_unbooked(self, record: OrderRecord, row: BrokerOrder, at: datetime, fault: TradingError) -> None:
        intent = record.intent
        await self._database.events.append(late_fill_not_booked(record, row, fault, at))
        shares = f"ledger {record.filled_quantity:,}, broker {row.filled_quantity:,}"
        difference = f"{DiscrepancyKind.MISSING_FILL}: {intent.symbol} order {row.ref.number}, {shares}"
        reason = f"books disagree: {difference}"
        await self._database.risk.close_entries(intent.account_id, intent.session_date, reason, at)


def _differs(record: OrderRecord, row: BrokerOrder) -> bool:
    """Return whether the row may change what is booked.

    A row with fewer shares than a proven booking is outdated.
    """
    if record.status in WORKING_STATUSES or record.provisional or row.ref != record.ref:
        return True
    ours, theirs = (record.filled_quantity, record.filled_amount), (row.filled_quantity, row.filled_amount)
    return row.filled_quantity >= record.filled_quantity and ours != theirs


def _unbound(listed: Sequence[BrokerOrder], bound: set[BrokerOrderRef]) -> list[BrokerOrder]:
    """Return the rows whose number belongs to none of our intents, under any branch."""
    numbers = {(ref.order_date, ref.number) for ref in bound}
    return [row for row in listed if (row.ref.order_date, row.ref.number) not in numbers]
