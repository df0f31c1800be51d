"""Orders whose reply was lost: read the broker until the order is proven placed or absent (design §4)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from temporalio import activity

from activities.account.doubts import OrderDoubts
from activities.account.records import recorded
from activities.account.witnesses import Witnesses
from activities.market.order_notices import OrderNotices
from activities.support.heart import Heart
from activities.support.leases import LeaseOfAnOrder
from domain.errors import InvalidTransitionError, TradingError, TryAgainError
from domain.events.orders import past_order_undecided
from domain.identity import IntentId
from domain.lane import Lane
from domain.lock import Lease
from domain.order import UNRESOLVED_STATUSES, BrokerOrder, OrderRecord, OrderStatus
from domain.reconciliation import Absent, Ambiguous, Found, Hidden, LostOrderMatch
from domain.session import session_date_of

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Broker
    from database.database import Database

_LOOK_INTERVAL: Final = timedelta(seconds=1)
_PATIENCE_WITH_CONTRADICTION: Final = 3
"""Multiple of the settle time after which contradictory evidence needs a person's decision."""


@dataclass(frozen=True, slots=True)
class ProofRules:
    """When absence counts as proven: consecutive clean reads, the last one after the settle time (real time).

    The settle time outlasts ``SENDING_TAKES``: a paused attempt can no longer send when it ends.
    """

    settle_time: timedelta = timedelta(seconds=22)
    clean_reads: int = 3


@dataclass(frozen=True, slots=True)
class ResolveRequest:
    """The order to resolve, whether a quarantined one waits for an operator, and a lease to keep meanwhile."""

    intent_id: IntentId
    waits_for_operator: bool = True
    lease_of_caller: Lease | None = None


class ResolvingActivities:
    """Read-only at the broker; the only writer of adopted, never-placed and quarantined orders."""

    def __init__(
        self, broker: "Broker", database: "Database", pace: "Pace", proof: ProofRules, notices: OrderNotices
    ) -> None:
        self._broker = broker
        self._database = database
        self._pace = pace
        self._proof = proof
        self._notices = notices
        self._doubts = OrderDoubts(broker, database, pace)
        self._witnesses = Witnesses(broker, database, pace, notices)

    @activity.defn
    async def resolve_order(self, request: ResolveRequest) -> OrderRecord:
        """Return the order once it is adopted or proven absent; on request a quarantined one waits for an operator.

        A quarantine ends with its day: then the day's final list decides.
        """
        intent_id, clean_reads = request.intent_id, _reads_of_earlier_attempt()
        symbol = (await recorded(self._database.orders, intent_id)).intent.symbol
        lease = LeaseOfAnOrder(self._database.locks, self._pace, intent_id, request.lease_of_caller)
        async with Heart(clean_reads) as heart, lease:
            with self._notices.listening(symbol) as news:
                while True:
                    news.clear()
                    await lease.keep()
                    record = await recorded(self._database.orders, intent_id)
                    if record.status is OrderStatus.INTENDED:
                        await self._database.orders.withdraw(intent_id)
                        continue
                    if self._is_resolved(record, waits_for_operator=request.waits_for_operator):
                        return record
                    clean_reads = await self._look(record, clean_reads)
                    heart.progress(clean_reads)
                    await self._pace.pause(_LOOK_INTERVAL, news)

    def _is_resolved(self, record: OrderRecord, *, waits_for_operator: bool) -> bool:
        if record.status is not OrderStatus.QUARANTINED:
            return record.status not in UNRESOLVED_STATUSES
        may_be_decided = self._is_past(record) and self._pace.waited() < self._proof.settle_time
        return not waits_for_operator and not may_be_decided

    def _is_past(self, record: OrderRecord) -> bool:
        """Return whether the order's day is over: no market accepts it any more, and its list is final."""
        return session_date_of(self._pace.now()) > record.intent.session_date

    async def _look(self, record: OrderRecord, clean_reads: int) -> int:
        """Read once; return the number of consecutive clean reads without the order."""
        try:
            if self._is_past(record):
                return await self._look_back(record, clean_reads)
            return await self._look_now(record, clean_reads)
        except InvalidTransitionError as overtaken:
            # The late reply or an operator wrote first: the next look sees the result.
            extra = {**record.intent.log_fields, "cause": str(overtaken)}
            activity.logger.warning("look_overtaken", extra=extra)
            return 0

    async def _look_now(self, record: OrderRecord, clean_reads: int) -> int:
        intent = record.intent
        sent_at = await self._database.orders.sent_at(intent.intent_id)
        try:
            listed = await self._broker.orders_on(intent.session_date, Lane.RESOLVE, intent.symbol)
        except TryAgainError:
            return 0
        if await self._is_found(record, await self._witnesses.matched(intent, listed)):
            return 0
        return await self._count_absence(record, listed, clean_reads + 1, sent_at)

    async def _look_back(self, record: OrderRecord, clean_reads: int) -> int:
        """Decide by the final list of the order's day: an order not in it, or over without a fill, counts as absent."""
        try:
            match = await self._witnesses.among_all_orders(record.intent)
        except TradingError as fault:
            await self._report_undecided(record, f"the day's order list cannot be read: {fault}")
            return 0
        if isinstance(match, Found):
            await self._adopt(record, match.order)
            return 0
        if isinstance(match, Hidden) and not await self._doubts.is_no_sale(record, match.row):
            await self._report_undecided(record, f"a row of the day's order list cannot be read: {match.row.field}")
            return 0
        if isinstance(match, Ambiguous) and any(order.filled_quantity for order in match.orders):
            alike = ", ".join(order.ref.number for order in match.orders)
            await self._quarantine(record, f"cannot be distinguished from {alike}")
            await self._report_undecided(record, f"cannot be distinguished from {alike}, one of which was filled")
            return 0
        if clean_reads + 1 >= self._proof.clean_reads:
            listed = "listed without a fill" if isinstance(match, Ambiguous) else "not listed"
            await self._prove_absent(record, f"the day's final order list: {listed}")
        return clean_reads + 1

    async def _is_found(self, record: OrderRecord, match: LostOrderMatch) -> bool:
        """Adopt the order, or quarantine the intent; return whether this look does not prove absence."""
        if isinstance(match, Absent):
            return False
        if isinstance(match, Hidden):
            return not await self._doubts.is_no_sale(record, match.row)
        if isinstance(match, Found):
            await self._adopt(record, match.order)
        elif not match.may_be_listed_yet or self._pace.waited() >= self._proof.settle_time:
            alike = ", ".join(order.ref.number for order in match.orders)
            await self._quarantine(record, f"cannot be distinguished from {alike}")
        return True

    async def _adopt(self, record: OrderRecord, order: BrokerOrder) -> None:
        evidence = f"found at the broker as {order.ref.number}"
        await self._database.orders.adopt(record.intent.intent_id, order.ref, evidence)
        activity.logger.warning("lost_order_adopted", extra={**record.intent.log_fields, "order": order.ref.number})
        self._notices.ring(record.intent.symbol)

    async def _quarantine(self, record: OrderRecord, evidence: str) -> None:
        if record.status is OrderStatus.QUARANTINED:
            return
        await self._database.orders.quarantine(record.intent.intent_id, evidence)
        activity.logger.error("order_quarantined", extra={**record.intent.log_fields, "evidence": evidence})

    async def _prove_absent(self, record: OrderRecord, evidence: str) -> None:
        await self._database.orders.prove_absent(record.intent.intent_id, evidence)
        activity.logger.warning("lost_order_proven_absent", extra=record.intent.log_fields)
        self._notices.ring(record.intent.symbol)

    async def _report_undecided(self, record: OrderRecord, why: str) -> None:
        """Report once a day an order that still blocks the sale of its position."""
        intent = record.intent
        if await self._database.events.append(past_order_undecided(intent, why, self._pace.now())):
            activity.logger.error("past_order_undecided", extra={**intent.log_fields, "cause": why})

    async def _count_absence(
        self, record: OrderRecord, listed: tuple[BrokerOrder, ...], clean_reads: int, sent_at: datetime | None
    ) -> int:
        intent = record.intent
        settled = self._pace.waited() >= self._proof.settle_time
        if record.status is OrderStatus.QUARANTINED or not settled or clean_reads < self._proof.clean_reads:
            return clean_reads
        contradiction = await self._holding_against_absence(record, listed)
        if contradiction is None or await self._is_contradicted(record, contradiction):
            return 0
        if await self._is_found(record, await self._witnesses.among_open_orders(intent)):
            return 0
        try:
            found = await self._is_found(record, await self._witnesses.among_all_orders(intent))
            contradiction = "" if found else await self._witnesses.notice_against_absence(intent, listed)
            if found or await self._is_contradicted(record, contradiction):
                return 0
        except TryAgainError as fault:
            extra = {**intent.log_fields, "cause": str(fault)}
            activity.logger.warning("absence_not_proven_yet", extra=extra)
            return 0
        await self._prove_absent(record, f"not listed in {clean_reads} complete reads, sent at {sent_at}")
        return clean_reads

    async def _holding_against_absence(self, record: OrderRecord, listed: tuple[BrokerOrder, ...]) -> str | None:
        """Return what the holding shows against absence; None if it cannot be read."""
        balance = await self._broker.balance(Lane.RESOLVE)
        held = balance.quantity_of(record.intent.symbol)
        if held is None:
            await self._doubts.report_holding(record, balance)
            return None
        return await self._witnesses.holding_against_absence(record.intent, listed, held)

    async def _is_contradicted(self, record: OrderRecord, contradiction: str) -> bool:
        if contradiction and self._pace.waited() >= self._proof.settle_time * _PATIENCE_WITH_CONTRADICTION:
            await self._quarantine(record, f"not in the order list, but {contradiction}")
        return bool(contradiction)


def _reads_of_earlier_attempt() -> int:
    details = activity.info().heartbeat_details
    return int(details[0]) if details else 0
