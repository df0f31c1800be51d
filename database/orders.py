"""Orders: an intent before the request, one compare-and-set to send it, and every later result."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from database.booking import Booked, book_on, book_provisionally_on, nothing_new, readopt_on
from database.errors import InvalidTransitionError
from database.events import append_on
from database.order_rows import COLUMNS, RETURNING, SELECT, locked_order, order_from_row, updated_order
from database.pool import Connection, Pool, transaction
from database.positions import prepare_on
from database.recording import record_of_position_on, record_on, reserve_on
from database.recovery import lock_symbol_of_over, recover_buy_on
from database.sales_at_once import permit_at_once
from database.sending import Gate, Sending, begin
from database.withdrawal import withdraw_on
from domain.event import Event
from domain.events.orders import order_adopted, order_exists_after_all, order_proven_absent, order_quarantined
from domain.host_limits import HostLimits
from domain.identity import AccountId, Environment, IntentId, PositionId, WorkerId
from domain.order import (
    Accepted,
    BrokerOrder,
    BrokerOrderRef,
    OrderEvent,
    OrderIntent,
    OrderRecord,
    OrderStatus,
    ProvisionalFill,
    Rejected,
    SubmitOutcome,
    Unknown,
    next_status,
)
from domain.position import PositionOpening
from domain.risk import Review, RiskSnapshot, Spending
from domain.session import SessionDate

_EVENT_OF: Final = {Accepted: OrderEvent.ACCEPT, Rejected: OrderEvent.REJECT, Unknown: OrderEvent.LOSE_REPLY}


@dataclass(frozen=True, slots=True)
class _Conclusion:
    """What an investigation concludes about an order, and the ledger event that reports it."""

    event: OrderEvent
    status: OrderStatus
    report: Callable[[OrderRecord, str], Event]


_ABSENT: Final = _Conclusion(OrderEvent.PROVE_ABSENT, OrderStatus.NEVER_PLACED, order_proven_absent)
_QUARANTINED: Final = _Conclusion(OrderEvent.QUARANTINE, OrderStatus.QUARANTINED, order_quarantined)


class Orders:
    """The tables ``orders`` and ``fills``. Amounts in won, instants in market time unless stated otherwise."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # --- Deciding

    async def record_entry(
        self,
        intent: OrderIntent,
        opening: PositionOpening,
        spending: Spending | None = None,
        limits: HostLimits | None = None,
    ) -> OrderRecord:
        """Record a buy and the position it opens in one step; a repeated call returns the first record.

        The buy refers to ``limits``, those of the deciding host, until another host sends or denies it.

        Raises:
            EntryDeniedError: other buys use the buying power that ``spending`` relies on.
            OvertakenError: a later attempt of the same buy has begun.
            LivePositionExistsError: the symbol or the worker already has a live position.
            ActiveOrderExistsError: another buy of the symbol is active.
        """
        async with transaction(self._pool) as connection:
            if spending is not None:
                await reserve_on(connection, intent, spending)
            await prepare_on(connection, opening)
            return await record_on(connection, intent, None if limits is None else limits.number)

    async def record_intent(self, intent: OrderIntent) -> OrderRecord:
        """Record an order of an existing position; a repeated call returns the first record.

        Raises:
            StaleFencingTokenError: another worker has held the symbol since the sale was decided.
            ActiveOrderExistsError: another order for the symbol and side is active.
            OversoldError: a sale exceeds the shares that the position holds.
        """
        async with transaction(self._pool) as connection:
            return await record_of_position_on(connection, intent)

    async def withdraw(self, intent_id: IntentId) -> bool:
        """Withdraw an order that has not been sent; see ``withdraw_on``."""
        async with transaction(self._pool) as connection:
            return await withdraw_on(connection, intent_id)

    # --- Sending

    async def begin_sending(
        self,
        intent_id: IntentId,
        *,
        review: Callable[[RiskSnapshot], Review] | None,
        http_timeout: timedelta,
        environment: Environment,
        limits: HostLimits | None = None,
    ) -> Sending:
        """Request the single permit to send: lease, environment and (for buys) the risk gate, in one transaction.

        ``environment`` is the destination of the request. ``http_timeout`` (real time) must fit into the rest of the
        lease. ``review`` runs while no other process can change the data it reads; it must be quick and pure.
        ``limits`` are the sending host's; a buy refers to them.
        """
        async with transaction(self._pool) as connection:
            return await begin(connection, intent_id, Gate(review, http_timeout, environment, limits))

    async def record_to_send(
        self, intent: OrderIntent, *, http_timeout: timedelta, environment: Environment
    ) -> Sending:
        """Renew the lease, record a sale and request the permit to send it; of repeated calls one gets the permit.

        That is one statement. Only if it writes nothing, a transaction of several finds the reason.

        Raises:
            StaleFencingTokenError: another worker has held the symbol since the sale was decided.
            ActiveOrderExistsError: another sale of the symbol is active.
            OversoldError: the sale exceeds the shares that the position holds.
        """
        gate = Gate(None, http_timeout, environment)
        permit = await permit_at_once(self._pool, intent, gate)
        if permit is not None:
            return permit
        async with transaction(self._pool) as connection:
            await record_of_position_on(connection, intent)
            return await begin(connection, intent.intent_id, gate)

    async def record_outcome(self, intent_id: IntentId, outcome: SubmitOutcome) -> OrderRecord:
        """Record the broker's answer; the same answer again changes nothing, a contradicting one raises.

        An order that was proven absent and is accepted later belongs to the stock's recovery worker.

        Raises:
            InvalidTransitionError: the answer contradicts the ledger, such as another number for this order.
        """
        async with transaction(self._pool) as connection:
            await lock_symbol_of_over(connection, intent_id)
            order = await locked_order(connection, intent_id)
            if _is_known(order, outcome):
                return order
            status = next_status(order.status, _EVENT_OF[type(outcome)])
            match outcome:
                case Accepted(ref):
                    bound = await _bind(connection, order, status, ref, "")
                    if order.status is not OrderStatus.NEVER_PLACED:
                        return bound
                    await recover_buy_on(connection, order.intent)
                    evidence = f"found at the broker as {ref.number}"
                    await append_on(connection, order_exists_after_all(order, evidence))
                case Rejected(code, message):
                    return await updated_order(connection, _REJECT, intent_id, status, code, message)
                case Unknown(cause):
                    return await updated_order(connection, _LOSE, intent_id, status, cause)
            return await locked_order(connection, intent_id)

    # --- Resolving

    async def adopt(self, intent_id: IntentId, ref: BrokerOrderRef, evidence: str) -> OrderRecord:
        """Bind a lost order to the broker order found for it.

        Raises:
            InvalidTransitionError: one of the two is already bound to another.
        """
        async with transaction(self._pool) as connection:
            order = await locked_order(connection, intent_id)
            if order.ref != ref:
                if order.ref is not None:
                    raise InvalidTransitionError(f"{intent_id} is {order.ref} at the broker, not {ref}")
                await _bind(connection, order, next_status(order.status, OrderEvent.ADOPT), ref, evidence)
                await append_on(connection, order_adopted(order, evidence))
            return await locked_order(connection, intent_id)

    async def prove_absent(self, intent_id: IntentId, evidence: str) -> OrderRecord:
        """Record that the broker never received the order."""
        return await self._conclude(intent_id, _ABSENT, evidence)

    async def quarantine(self, intent_id: IntentId, evidence: str) -> OrderRecord:
        """Record that the order cannot be distinguished from others; it stays active until an operator decides."""
        return await self._conclude(intent_id, _QUARANTINED, evidence)

    async def _conclude(self, intent_id: IntentId, found: _Conclusion, evidence: str) -> OrderRecord:
        async with transaction(self._pool) as connection:
            order = await locked_order(connection, intent_id)
            if order.status is not found.status:
                await connection.execute(_MOVE, intent_id, next_status(order.status, found.event), evidence)
                await append_on(connection, found.report(order, evidence))
            return await locked_order(connection, intent_id)

    async def book(
        self, intent_id: IntentId, broker_order: BrokerOrder, at: datetime, known: OrderRecord | None = None
    ) -> Booked:
        """Book what a row of the broker's list adds: fill, order and position together, once, never backwards.

        A row that adds nothing to the order ``known`` from a moment ago takes no lock.
        """
        if known is not None and (same := nothing_new(known, broker_order)) is not None:
            return same
        async with transaction(self._pool) as connection:
            return await book_on(connection, intent_id, broker_order, at)

    async def readopt(self, intent_id: IntentId, broker_order: BrokerOrder, at: datetime) -> Booked:
        """Bind an order that was proven absent to its row of the broker's list, and book the row.

        Raises:
            InvalidTransitionError: the order is no longer absent, or the row is bound to another intent.
        """
        async with transaction(self._pool) as connection:
            booked = await readopt_on(connection, intent_id, broker_order, at)
            evidence = f"found at the broker as {broker_order.ref.number}"
            was = replace(booked.order, status=OrderStatus.NEVER_PLACED)
            await append_on(connection, order_exists_after_all(was, evidence))
            return booked

    async def book_provisionally(self, intent_id: IntentId, fill: ProvisionalFill, at: datetime) -> Booked:
        """Book fills proven by holdings for an unlisted order; the first list that shows the order replaces them."""
        async with transaction(self._pool) as connection:
            return await book_provisionally_on(connection, intent_id, fill, at)

    # --- Queries

    async def get(self, intent_id: IntentId) -> OrderRecord | None:
        """Return the order, or None when the intent was never written."""
        row = await self._pool.fetchrow(SELECT, intent_id)
        return None if row is None else order_from_row(row)

    _OF_POSITION = f"SELECT {COLUMNS} FROM orders WHERE position_id = $1 ORDER BY sequence"  # noqa: S608 our own columns

    async def of_position(self, position_id: PositionId) -> tuple[OrderRecord, ...]:
        """Return every order of a position in decision order."""
        return tuple(order_from_row(row) for row in await self._pool.fetch(self._OF_POSITION, position_id))

    _ACTIVE = f"""
    SELECT {COLUMNS} FROM orders
    WHERE account_id = $1 AND is_active AND ($2::text IS NULL OR worker_id = $2) AND ($3::text IS NULL OR status = $3)
    ORDER BY sequence
    """  # noqa: S608 our own columns

    async def active_in(self, account_id: AccountId) -> tuple[OrderRecord, ...]:
        """Return every order that is not known to be over."""
        return await self._active(account_id, None, None)

    async def unfinished_of(self, account_id: AccountId, worker_id: WorkerId) -> tuple[OrderRecord, ...]:
        """Return a worker's orders that are not known to be over."""
        return await self._active(account_id, worker_id, None)

    async def quarantined(self, account_id: AccountId) -> tuple[OrderRecord, ...]:
        """Return the orders that wait for an operator."""
        return await self._active(account_id, None, OrderStatus.QUARANTINED)

    async def _active(
        self, account_id: AccountId, worker_id: WorkerId | None, status: OrderStatus | None
    ) -> tuple[OrderRecord, ...]:
        rows = await self._pool.fetch(self._ACTIVE, account_id, worker_id, status)
        return tuple(order_from_row(row) for row in rows)

    _BOUND = """
    SELECT order_date, branch, order_no FROM orders WHERE account_id = $1 AND order_date = $2 AND order_no IS NOT NULL
    """

    async def bound_refs(self, account_id: AccountId, session_date: SessionDate) -> set[BrokerOrderRef]:
        """Return the broker's orders of a date that belong to one of our intents."""
        rows = await self._pool.fetch(self._BOUND, account_id, session_date)
        return {BrokerOrderRef(SessionDate(row["order_date"]), row["branch"], row["order_no"]) for row in rows}

    _ON = f"SELECT {COLUMNS} FROM orders WHERE account_id = $1 AND session_date = $2 ORDER BY sequence"  # noqa: S608 our own

    async def on(self, account_id: AccountId, session_date: SessionDate) -> tuple[OrderRecord, ...]:
        """Return every order that was decided in a session, sent or not."""
        return tuple(order_from_row(row) for row in await self._pool.fetch(self._ON, account_id, session_date))

    _FILLS_ON = "SELECT count(*) FROM fills WHERE account_id = $1 AND order_date = $2"

    async def count_fills(self, account_id: AccountId, session_date: SessionDate) -> int:
        """Return the number of fills booked for the orders of a date."""
        return int(await self._pool.fetchval(self._FILLS_ON, account_id, session_date))

    _SENT_AT = "SELECT sent_at FROM orders WHERE intent_id = $1"

    async def sent_at(self, intent_id: IntentId) -> datetime | None:
        """Return when the request was sent (real time), or None if it has not been sent."""
        sent_at: datetime | None = await self._pool.fetchval(self._SENT_AT, intent_id)
        return sent_at


_BIND = f"""
UPDATE orders SET
    status = $2, order_date = $3, branch = $4, order_no = $5, evidence = $6,
    sent_at = COALESCE(sent_at, clock_timestamp()), answered_at = clock_timestamp(), changed_at = clock_timestamp()
WHERE intent_id = $1
{RETURNING}
"""  # noqa: S608 our own columns
_REJECT = f"""
UPDATE orders SET status = $2, reject_code = $3, reject_message = $4,
    sent_at = COALESCE(sent_at, clock_timestamp()), changed_at = clock_timestamp()
WHERE intent_id = $1
{RETURNING}
"""  # noqa: S608 our own columns
_LOSE = f"""
UPDATE orders SET
    status = $2, evidence = $3, sent_at = COALESCE(sent_at, clock_timestamp()), changed_at = clock_timestamp()
WHERE intent_id = $1
{RETURNING}
"""  # noqa: S608 our own columns
_MOVE = "UPDATE orders SET status = $2, evidence = $3, changed_at = clock_timestamp() WHERE intent_id = $1"


async def _bind(
    connection: Connection, order: OrderRecord, status: OrderStatus, ref: BrokerOrderRef, evidence: str
) -> OrderRecord:
    about = (order.intent.intent_id, status, ref.order_date, ref.branch, ref.number, evidence)
    try:
        return await updated_order(connection, _BIND, *about)
    except asyncpg.UniqueViolationError as clash:
        raise InvalidTransitionError(f"{ref} belongs to another intent than {order.intent.intent_id}") from clash


def _is_known(order: OrderRecord, outcome: SubmitOutcome) -> bool:
    """Return whether the outcome adds nothing; a different number for the same order is a contradiction."""
    match outcome:
        case Accepted(ref) if order.ref is not None:
            if order.ref != ref:
                raise InvalidTransitionError(f"{order.intent.intent_id} is {order.ref} at the broker, not {ref}")
            return True
        case Rejected() if order.ref is not None:
            raise InvalidTransitionError(f"{order.intent.intent_id} is {order.ref} at the broker, yet was refused")
        case Rejected():
            return order.status is OrderStatus.REJECTED
        case Unknown():
            # A later lookup is more reliable than a lost reply.
            return order.status not in (OrderStatus.INTENDED, OrderStatus.SENDING)
        case _:
            return False
