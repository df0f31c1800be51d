"""The transaction before an order is sent: lease, gate and compare-and-set, all or nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from database.errors import EnvironmentMismatchError, InvalidTransitionError
from database.events import append_on
from database.order_rows import locked_order
from database.pool import Connection, Row
from database.risk import RiskView, snapshot_behind_gate
from domain.events.orders import order_denied
from domain.host_limits import HostLimits, objection_to_money
from domain.identity import Environment, IntentId
from domain.order import OrderIntent, OrderPurpose, OrderStatus
from domain.risk import Denial, Denied, Review, RiskSnapshot


@dataclass(frozen=True, slots=True)
class SendingPermit:
    """Permit for exactly one request. ``sent_at`` and ``lease_expires_at`` are real time (database clock)."""

    intent: OrderIntent
    sent_at: datetime
    lease_expires_at: datetime
    kind: Literal["permit"] = "permit"

    @property
    def may_send(self) -> bool:
        """Return True: the request may be sent."""
        return True


@dataclass(frozen=True, slots=True)
class SendingRefused:
    """The order is denied and will never be sent."""

    denial: Denial
    detail: str
    kind: Literal["refused"] = "refused"

    @property
    def may_send(self) -> bool:
        """Return False: no request may be sent."""
        return False


@dataclass(frozen=True, slots=True)
class AlreadyBegun:
    """Another call was first: the request may have been sent, or never will be."""

    status: OrderStatus
    kind: Literal["already_begun"] = "already_begun"

    @property
    def may_send(self) -> bool:
        """Return False: no request may be sent."""
        return False


Sending = SendingPermit | SendingRefused | AlreadyBegun


@dataclass(frozen=True, slots=True)
class Gate:
    """Conditions for sending an order: the review of a buy, the request timeout (real time), and the environment.

    ``limits`` are those of the sending host. A buy without the host's consent to real money is denied, whatever
    ``review`` returns.
    """

    review: Callable[[RiskSnapshot], Review] | None
    http_timeout: timedelta
    environment: Environment
    limits: HostLimits | None = None

    def number_for(self, purpose: OrderPurpose) -> int | None:
        """Return the number of the limits that an order refers to; a sale has none."""
        return self.limits.number if self.limits is not None and purpose is OrderPurpose.ENTRY else None


# Locks are taken in the same sequence everywhere: lock, position, order, gate.
_LEASE = """
SELECT stock_locks.worker_id, stock_locks.fencing_token, stock_locks.expires_at, accounts.environment
FROM stock_locks JOIN orders USING (account_id, symbol) JOIN accounts USING (account_id)
WHERE orders.intent_id = $1
FOR SHARE OF stock_locks
"""
_ENVIRONMENT = "SELECT environment FROM accounts WHERE account_id = $1"
_SEND = """
UPDATE orders SET status = 'sending', host_limits = $4, sent_at = clock_timestamp(), changed_at = clock_timestamp()
WHERE intent_id = $1 AND status = 'intended' AND $2::timestamptz - clock_timestamp() >= $3::interval
RETURNING sent_at
"""
_DENY = """
UPDATE orders SET status = 'denied', denial = $2, host_limits = $3, changed_at = clock_timestamp()
WHERE intent_id = $1 AND status = 'intended'
"""


async def begin(connection: Connection, intent_id: IntentId, gate: Gate) -> Sending:
    """Move an intent to SENDING if all conditions hold, else deny it; the caller's transaction makes it atomic."""
    lease = await connection.fetchrow(_LEASE, intent_id)
    order = await locked_order(connection, intent_id)
    if order.status is not OrderStatus.INTENDED:
        return AlreadyBegun(order.status)
    intent = order.intent
    pinned = lease["environment"] if lease else await connection.fetchval(_ENVIRONMENT, intent.account_id)
    if pinned != gate.environment:
        raise EnvironmentMismatchError(
            f"account {intent.account_id} is {pinned}, the order would go to {gate.environment}"
        )
    if lease is None or (lease["worker_id"], lease["fencing_token"]) != (intent.worker_id, intent.fencing_token):
        return await _deny(connection, intent, Denied(Denial.LEASE_LOST, _stale(intent, lease)), gate)
    verdict = await _reviewed(connection, intent, gate)
    if isinstance(verdict, Denied):
        return await _deny(connection, intent, verdict, gate)
    number = gate.number_for(intent.purpose)
    sent_at = await connection.fetchval(_SEND, intent_id, lease["expires_at"], gate.http_timeout, number)
    if sent_at is None:
        short = f"its lease ends at {lease['expires_at']:%FT%TZ}, sooner than a request may take ({gate.http_timeout})"
        return await _deny(connection, intent, Denied(Denial.LEASE_LOST, short), gate)
    return SendingPermit(intent, sent_at, lease["expires_at"])


def _stale(intent: OrderIntent, lease: Row | None) -> str:
    found = "no lock record exists"
    if lease is not None:
        found = f"{lease['worker_id'] or 'no worker'} holds token {lease['fencing_token']} now"
    return f"decided by {intent.worker_id} under token {intent.fencing_token}; {found}"


async def _reviewed(connection: Connection, intent: OrderIntent, gate: Gate) -> Review | None:
    """Review a buy behind the gate; the gate never blocks a sale."""
    if intent.purpose is OrderPurpose.EXIT:
        return None
    if gate.review is None:
        raise InvalidTransitionError(f"entry {intent.intent_id} cannot be sent without a review")
    if (refused := objection_to_money(gate.environment, gate.limits)) is not None:
        return refused
    view = RiskView(intent.account_id, intent.worker_id, intent.session_date, intent.decided_at)
    return gate.review(await snapshot_behind_gate(connection, view))


async def _deny(connection: Connection, intent: OrderIntent, verdict: Denied, gate: Gate) -> SendingRefused:
    await connection.execute(_DENY, intent.intent_id, verdict.denial, gate.number_for(intent.purpose))
    key = f"denied/{intent.intent_id}"
    await append_on(connection, order_denied(intent, verdict, key))
    return SendingRefused(verdict.denial, verdict.detail)
