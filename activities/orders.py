"""Orders at the broker: sent at most once, resolved until proven, followed until over, cancelled and proven."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from temporalio import activity

from activities.account.records import recorded
from activities.account.unlisted import BETWEEN_LOOKS, UnlistedOrders
from activities.market.order_list import OrderList
from activities.market.order_notices import OrderNotices
from activities.support.heart import Heart
from activities.support.host_gate import HostGate
from activities.support.leases import LeaseOfAnOrder
from activities.support.pace import Every, SendWindow
from activities.support.recorder import DayRecorder, Sending
from domain.identity import Environment, IntentId
from domain.lane import Lane
from domain.lock import Lease
from domain.money import NO_SHARES
from domain.order import WORKING_STATUSES, OrderIntent, OrderPurpose, OrderRecord, SubmitOutcome, Unknown
from domain.risk import Review, RiskSnapshot, proposal_of
from domain.rules import RiskRules
from domain.session import SessionPlan, session_date_of

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Broker
    from database.database import Database

SENDING_TAKES: Final = timedelta(seconds=20)
"""Real time from the gate to the last byte of the reply, including the wait for a slot; the lease must outlast it."""
_LOOK_INTERVAL: Final = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """Intent to send. Entries carry the rules that are reviewed again in the sending transaction.

    The review also applies the host's own limits: a caller's rules can only be stricter.
    """

    intent_id: IntentId
    purpose: OrderPurpose
    rules: RiskRules
    plan: SessionPlan


@dataclass(frozen=True, slots=True)
class FollowRequest:
    """Order to follow, and the real time until the caller wants to act."""

    intent_id: IntentId
    patience: timedelta
    lease: Lease | None = None
    """The caller's own lease on the stock, if the order belongs to another worker."""


class OrderActivities:
    """The order protocol: an intent is in the ledger before it is sent, and is never sent twice."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        broker: "Broker",
        database: "Database",
        pace: "Pace",
        notices: OrderNotices,
        host: HostGate | None = None,
        *,
        recorder: DayRecorder | None = None,
    ) -> None:
        self._recorder = recorder
        self._host = host or HostGate()
        self._broker = broker
        self._database = database
        self._pace = pace
        self._notices = notices
        self._order_list = OrderList(broker)
        self._unlisted = UnlistedOrders(broker, database, pace, notices)

    @property
    def environment(self) -> Environment:
        """Return where the orders go."""
        return self._broker.environment

    @activity.defn
    async def submit_order(self, request: SubmitRequest) -> OrderRecord:
        """Pass the gate, send one request, record the outcome. Must run with a single attempt."""

        def gate(snapshot: RiskSnapshot) -> Review:
            now = self._pace.now()
            age = self._pace.clock.real_duration(now - intent.decided_at)
            proposal = replace(proposal_of(intent), at=now, decided_ago=age)
            closed = snapshot.entries_closed_because or self._host.objection
            seen = replace(snapshot, entries_closed_because=closed)
            return self._host.review(proposal, seen, request.rules, request.plan)

        intent = (await recorded(self._database.orders, request.intent_id)).intent
        window = SendWindow()
        entry = request.purpose is OrderPurpose.ENTRY
        permit = await self._database.orders.begin_sending(
            request.intent_id,
            review=gate if entry else None,
            http_timeout=SENDING_TAKES,
            environment=self.environment,
            limits=self._host.limits,
        )
        if not permit.may_send:
            return await recorded(self._database.orders, request.intent_id)
        async with Heart():
            return await self.send(intent, window)

    async def send(self, intent: OrderIntent, window: SendWindow) -> OrderRecord:
        """Send the one request that a permit allows, and record its outcome.

        ``window`` was opened before the permit was requested.
        """
        lane = Lane.ENTRY if intent.purpose is OrderPurpose.ENTRY else Lane.EXIT
        clock = asyncio.get_running_loop().time
        sending = Sending(clock())

        def may_leave() -> bool:
            if not window.is_open():
                return False
            sending.left = clock()
            return True

        outcome = await self._broker.submit(intent, lane, may_leave)
        sending.replied = clock()
        activity.logger.info("order_submitted", extra={**intent.log_fields, "outcome": outcome.kind})
        record = await self._database.orders.record_outcome(intent.intent_id, outcome)
        if self._recorder is not None:
            self._recorder.order(intent, sending, outcome)
        return record

    @activity.defn
    async def follow_order(self, request: FollowRequest) -> OrderRecord:
        """Book listed fills until the order is over or unproven, or ``patience`` runs out.

        An accepted order missing from every list is reported after a while, and booked as far as the account proves it.
        An order notice only triggers an immediate look: a lost notice costs half a second, an extra one nothing.
        """
        record = await recorded(self._database.orders, request.intent_id)
        lease = LeaseOfAnOrder(self._database.locks, self._pace, request.intent_id, request.lease)
        missing = Every(self._pace, BETWEEN_LOOKS, BETWEEN_LOOKS / 2)
        async with Heart() as heart, lease:
            with self._notices.listening(record.intent.symbol) as news, self._order_list.followed():
                while True:
                    news.clear()
                    await lease.keep()
                    if record.status in WORKING_STATUSES:
                        record = await self._book(record, missing)
                    if record.status not in WORKING_STATUSES or self._pace.waited() >= request.patience:
                        return record
                    heart.progress()
                    await self._pace.pause(_LOOK_INTERVAL, news)
                    record = await recorded(self._database.orders, request.intent_id)

    @activity.defn
    async def cancel_order(self, intent_id: IntentId) -> SubmitOutcome:
        """Request cancellation of the remainder once. Only ``follow_order`` proves the result."""
        record = await recorded(self._database.orders, intent_id)
        if record.ref is None or record.status not in WORKING_STATUSES:
            return Unknown(f"nothing to cancel: the order is {record.status}")
        async with Heart():
            outcome = await self._broker.cancel(record.ref, record.intent, Lane.EXIT)
        extra = {**record.intent.log_fields, "outcome": outcome.kind}
        activity.logger.info("cancel_requested", extra=extra)
        return outcome

    async def _book(self, record: OrderRecord, missing: Every) -> OrderRecord:
        intent = record.intent
        found = await self._order_list.row_of(record)
        if found is None:
            return await self._unlisted.look(record) if missing.is_due() else record
        if session_date_of(self._pace.now()) > intent.session_date:
            # A day order ends with its day, whatever remainder the day's final list still shows.
            found = replace(found, remaining_quantity=NO_SHARES)
        booked = await self._database.orders.book(intent.intent_id, found, self._pace.now(), known=record)
        if booked.new_quantity:
            extra = {**intent.log_fields, "filled": booked.new_quantity, "amount": booked.new_amount}
            activity.logger.info("fill_booked", extra=extra)
        return booked.order
