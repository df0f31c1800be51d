"""Reconciliation: the broker's orders, fills and holdings against the ledger; corrections are events (R20)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity

from domain.event import Event, EventLevel
from domain.identity import AccountId
from domain.lane import Lane
from domain.order import WORKING_STATUSES, BrokerOrder
from domain.reconciliation import Discrepancy, discrepancies
from domain.session import SessionDate, session_date_of

if TYPE_CHECKING:
    from activities.pace import Pace
    from broker.protocol import Balance, Broker
    from database.database import Database


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a reconciliation found: fills that had been missing, and differences it may not mend by itself."""

    booked_fills: int
    differences: tuple[str, ...]


class ReconcilingActivities:
    """Compares two books and writes only what the broker proves."""

    def __init__(self, broker: "Broker", database: "Database", pace: "Pace") -> None:
        self._broker = broker
        self._database = database
        self._pace = pace

    @activity.defn
    async def reconcile_account(self, account_id: AccountId) -> Reconciled:
        """Book missing fills of our own orders; report everything else as a difference, never sell it silently."""
        now = self._pace.now()
        session_date = session_date_of(now)
        listed = await self._broker.orders_on(session_date, Lane.RESOLVE)
        booked = await self._book_missing_fills(account_id, listed)
        balance = await self._broker.balance(Lane.RESOLVE)
        found = await self._differences(account_id, session_date, listed, balance)
        for difference in found:
            await self._database.events.append(self._event(account_id, session_date, difference))
        return Reconciled(booked, tuple(_in_words(difference) for difference in found))

    async def _book_missing_fills(self, account_id: AccountId, listed: tuple[BrokerOrder, ...]) -> int:
        rows = {row.ref: row for row in listed}
        booked = 0
        for record in await self._database.orders.active_in(account_id):
            row = rows.get(record.ref) if record.ref is not None else None
            if row is None or record.status not in WORKING_STATUSES:
                continue
            result = await self._database.orders.book(record.intent.intent_id, row, self._pace.now())
            booked += bool(result.new_quantity)
        return booked

    async def _differences(
        self, account_id: AccountId, session_date: SessionDate, listed: tuple[BrokerOrder, ...], balance: "Balance"
    ) -> tuple[Discrepancy, ...]:
        positions = await self._database.positions.held_in(account_id)
        working = [o for o in await self._database.orders.active_in(account_id) if o.status in WORKING_STATUSES]
        bound = await self._database.orders.bound_refs(account_id, session_date)
        unbound = [row for row in listed if row.ref not in bound]
        holdings = {holding.symbol: holding.quantity for holding in balance.holdings}
        return discrepancies(positions, working, unbound, holdings)

    def _event(self, account_id: AccountId, session_date: SessionDate, difference: Discrepancy) -> Event:
        return Event(
            account_id,
            "discrepancy_found",
            EventLevel.ERROR,
            self._pace.now(),
            session_date=session_date,
            symbol=difference.symbol,
            detail={"kind": difference.kind, "ledger": difference.ledger, "broker": difference.broker},
            key=f"discrepancy/{account_id}/{session_date}/{_in_words(difference)}",
        )


def _in_words(difference: Discrepancy) -> str:
    order = f" order {difference.ref.number}" if difference.ref else ""
    return f"{difference.kind}: {difference.symbol}{order}, ledger {difference.ledger:,}, broker {difference.broker:,}"
