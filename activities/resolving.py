"""An order whose reply was lost: read the broker's books until it is proven placed or proven absent (design §4)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from temporalio import activity

from activities.doubts import OrderDoubts
from activities.heart import Heart
from activities.leases import LeaseOfAnOrder
from activities.order_notices import OrderNotices
from activities.records import recorded
from domain.errors import BrokerRefusedError, InvalidTransitionError, TryAgainError
from domain.identity import IntentId
from domain.lane import Lane
from domain.lock import Lease
from domain.market import Side
from domain.order import UNRESOLVED_STATUSES, BrokerOrder, OrderIntent, OrderRecord, OrderStatus
from domain.reconciliation import CLOCK_DOUBT, Absent, Found, Hidden, LostOrderMatch, match_lost_order, net_of_foreign
from domain.unreadable import Rows

if TYPE_CHECKING:
    from activities.pace import Pace
    from broker.protocol import Broker
    from database.database import Database

_LOOK_INTERVAL: Final = timedelta(seconds=1)
_PATIENCE_WITH_CONTRADICTION: Final = 3
"""Settle times after which two witnesses that disagree become a case for a person."""


@dataclass(frozen=True, slots=True)
class ProofRules:
    """When absence counts as proven: clean reads in a row, the last one after the settle time (real time).

    The settle time outlasts ``SENDING_TAKES``: an attempt that was only paused can no longer send when it ends.
    """

    settle_time: timedelta = timedelta(seconds=22)
    clean_reads: int = 3


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

    @activity.defn
    async def resolve_order(
        self,
        intent_id: IntentId,
        waits_for_operator: bool = True,  # noqa: FBT001, FBT002 activity
        lease_of_caller: Lease | None = None,
    ) -> OrderRecord:
        """Return the order once it is adopted or proven absent; a quarantined one waits for an operator if asked to."""
        clean_reads = _reads_of_earlier_attempt()
        symbol = (await recorded(self._database.orders, intent_id)).intent.symbol
        lease = LeaseOfAnOrder(self._database.locks, self._pace, intent_id, lease_of_caller)
        async with Heart(clean_reads) as heart, lease:
            with self._notices.listening(symbol) as news:
                while True:
                    news.clear()
                    await lease.keep()
                    record = await recorded(self._database.orders, intent_id)
                    if record.status is OrderStatus.INTENDED:
                        await self._database.orders.withdraw(intent_id)
                        continue
                    if _is_resolved(record, waits_for_operator=waits_for_operator):
                        return record
                    clean_reads = await self._look(record, clean_reads)
                    heart.progress(clean_reads)
                    await self._pace.pause(_LOOK_INTERVAL, news)

    async def _look(self, record: OrderRecord, clean_reads: int) -> int:
        """Read once; return how many clean reads without the order there have been in a row."""
        intent = record.intent
        sent_at = await self._database.orders.sent_at(intent.intent_id)
        try:
            listed = await self._broker.orders_on(intent.session_date, Lane.RESOLVE, intent.symbol)
        except TryAgainError:
            return 0
        try:
            if await self._is_found(record, await self._matched(intent, listed)):
                return 0
            return await self._count_absence(record, listed, clean_reads + 1, sent_at)
        except InvalidTransitionError as overtaken:
            # The late reply or an operator was faster than this look: the next one sees what they have written.
            activity.logger.warning("look_overtaken", extra={"intent_id": intent.intent_id, "cause": str(overtaken)})
            return 0

    async def _is_found(self, record: OrderRecord, match: LostOrderMatch) -> bool:
        """Adopt the order, or quarantine the intent; tell whether this look proves no absence."""
        if isinstance(match, Absent):
            return False
        if isinstance(match, Hidden):
            return not await self._doubts.is_no_sale(record, match.row)
        if isinstance(match, Found):
            await self._adopt(record, match.order)
        else:
            alike = ", ".join(order.ref.number for order in match.orders)
            await self._quarantine(record, f"cannot tell it from {alike}")
        return True

    async def _adopt(self, record: OrderRecord, order: BrokerOrder) -> None:
        evidence = f"found at the broker as {order.ref.number}"
        await self._database.orders.adopt(record.intent.intent_id, order.ref, evidence)
        activity.logger.warning("lost_order_adopted", extra={"intent_id": record.intent.intent_id})
        self._notices.ring(record.intent.symbol)

    async def _quarantine(self, record: OrderRecord, evidence: str) -> None:
        if record.status is OrderStatus.QUARANTINED:
            return
        await self._database.orders.quarantine(record.intent.intent_id, evidence)
        activity.logger.error("order_quarantined", extra={"intent_id": record.intent.intent_id, "evidence": evidence})

    async def _count_absence(
        self, record: OrderRecord, listed: tuple[BrokerOrder, ...], clean_reads: int, sent_at: datetime | None
    ) -> int:
        settled = self._pace.waited() >= self._proof.settle_time
        if record.status is OrderStatus.QUARANTINED or not settled or clean_reads < self._proof.clean_reads:
            return clean_reads
        contradiction = await self._holding_against_absence(record, listed)
        if contradiction is None or await self._is_contradicted(record, contradiction):
            return 0
        if await self._is_found(record, await self._among_open_orders(record.intent)):
            return 0
        try:
            found = await self._is_found(record, await self._among_all_orders(record.intent))
            contradiction = "" if found else await self._notice_against_absence(record.intent, listed)
            if found or await self._is_contradicted(record, contradiction):
                return 0
        except TryAgainError as fault:
            extra = {"intent_id": record.intent.intent_id, "cause": str(fault)}
            activity.logger.warning("absence_not_proven_yet", extra=extra)
            return 0
        evidence = f"{clean_reads} complete reads without it, sent at {sent_at}"
        await self._database.orders.prove_absent(record.intent.intent_id, evidence)
        activity.logger.warning("lost_order_proven_absent", extra={"intent_id": record.intent.intent_id})
        self._notices.ring(record.intent.symbol)
        return clean_reads

    async def _is_contradicted(self, record: OrderRecord, contradiction: str) -> bool:
        if contradiction and self._pace.waited() >= self._proof.settle_time * _PATIENCE_WITH_CONTRADICTION:
            await self._quarantine(record, f"the list does not show it, but {contradiction}")
        return bool(contradiction)

    async def _notice_against_absence(self, intent: OrderIntent, listed: tuple[BrokerOrder, ...]) -> str:
        """Ask the broker's own notices: an order that they spoke of, that is nobody's and not listed, may be ours."""
        heard = self._notices.numbers_heard(intent.symbol, intent.side, intent.decided_at - CLOCK_DOUBT)
        bound = await self._database.orders.bound_refs(intent.account_id, intent.session_date)
        unexplained = heard - {ref.number for ref in bound} - {order.ref.number for order in listed}
        return f"a notice of order {', '.join(sorted(unexplained))} was heard" if unexplained else ""

    async def _holding_against_absence(self, record: OrderRecord, listed: tuple[BrokerOrder, ...]) -> str | None:
        """Ask the second witness: shares that have moved say that the order exists, whatever the list says (F24).

        What the owner's own orders had moved before, by the list, says nothing about ours (F32, F33). None: the
        holding cannot be read, and this witness says nothing.
        """
        intent = record.intent
        balance = await self._broker.balance(Lane.RESOLVE)
        held = balance.quantity_of(intent.symbol)
        if held is None:
            await self._doubts.report_holding(record, balance)
            return None
        positions = await self._database.positions.held_in(intent.account_id)
        ours = sum(position.quantity for position in positions if position.symbol == intent.symbol)
        bound = await self._database.orders.bound_refs(intent.account_id, intent.session_date)
        theirs = net_of_foreign(listed, bound, intent.symbol)
        moved = held > ours + theirs if intent.side is Side.BUY else held < ours + theirs
        explained = f" and the owner's orders {theirs:+,}" if theirs else ""
        return f"the broker holds {held:,} shares of {intent.symbol}, the ledger {ours:,}{explained}" if moved else ""

    async def _among_open_orders(self, intent: OrderIntent) -> LostOrderMatch:
        """Ask the third witness, where there is one: what can still be cancelled exists, whatever the list says."""
        try:
            open_orders = await self._broker.open_orders(intent.side, Lane.RESOLVE)
        except BrokerRefusedError as refusal:
            activity.logger.warning("open_orders_refused", extra={"cause": str(refusal)})
            open_orders = None
        return await self._matched(intent, open_orders or Rows())

    async def _among_all_orders(self, intent: OrderIntent) -> LostOrderMatch:
        """Read the list once more, of every stock: only then do its own totals tell that rows are missing (F24)."""
        return await self._matched(intent, await self._broker.orders_on(intent.session_date, Lane.RESOLVE))

    async def _matched(self, intent: OrderIntent, listed: tuple[BrokerOrder, ...]) -> LostOrderMatch:
        bound = await self._database.orders.bound_refs(intent.account_id, intent.session_date)
        return match_lost_order(intent, listed, bound, intent.decided_at)


def _is_resolved(record: OrderRecord, *, waits_for_operator: bool) -> bool:
    if record.status is OrderStatus.QUARANTINED:
        return not waits_for_operator
    return record.status not in UNRESOLVED_STATUSES


def _reads_of_earlier_attempt() -> int:
    details = activity.info().heartbeat_details
    return int(details[0]) if details else 0
