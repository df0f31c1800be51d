"""The first order of a sale, sent by the position's watch: intent and permit in one statement, then one request."""

import asyncio
import logging
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from activities.orders import SENDING_TAKES, OrderActivities
from activities.selling import ExitDecision, ExitRequest, PreparedExit, SellingActivities, prepared, rung_by_type
from activities.support.pace import SendWindow, note_failure
from activities.support.spans import NO_SPANS, TradeSpans
from activities.watch.messages import FirstOrder, WatchRequest
from activities.watch.turns import Turns
from domain.exits import ExitSignal, SentExit
from domain.identity import IntentId
from domain.lock import Lease
from domain.order import OrderIntent
from domain.position import ExitReason

if TYPE_CHECKING:
    from database.database import Database

logger = logging.getLogger("haru.watch")

HANDED_OVER_WITHIN: Final = timedelta(seconds=10)
"""Real time in which a workflow must follow an order that the watch has sent. Later its stock counts as unguarded.

Longer than a workflow task of a dead process takes to time out, and another process to take it.
"""
_DECIDES_WITHIN: Final = 10.0
"""Real seconds until the permit; then the workflow decides. Nothing bounds an order from its permit to its reply.

A permit whose answer comes too late is not used: the workflow finds the order as one that may have been sent.
"""
SPAN: Final = "send the first exit order"
_AT_ONCE: Final = 50
"""Orders that one process sends so at the same time. More would wait for the rate budget longer than a permit allows.

At the fleet's deadline the workflows send the rest, through their task queue.
"""
_PREPARED_AT_ONCE: Final = 4
"""Orders that one process decides on and records at the same time; many are due together at the deadline."""


class FirstExit:
    """Sends the first order of a sale without a step of the workflow. It knows no heartbeats, so any loop may call it.

    The order's id is the workflow's: every attempt of a watch uses the same one, so at most one request leaves.
    """

    def __init__(
        self, selling: SellingActivities, orders: OrderActivities, database: "Database", spans: TradeSpans = NO_SPANS
    ) -> None:
        self._selling = selling
        self._orders = orders
        self._database = database
        self.spans = spans
        self._sending = 0
        self._turns = Turns(_PREPARED_AT_ONCE)

    async def sent_before(self, intent_id: IntentId) -> ExitSignal | None:
        """Return the decision whose order an earlier attempt has recorded; None if there is none.

        Ask before reading the position: it may be sold and booked by now.
        """
        order = await self._database.orders.get(intent_id)
        if order is None:
            return None
        intent, price = order.intent, order.intent.decision_price
        sent = _sent(prepared(intent, rung_by_type(intent.order_type)))
        return ExitSignal(ExitReason(intent.reason), price, intent.decided_at, price, sent=sent)

    async def send(self, request: ExitRequest) -> SentExit | None:
        """Decide on the order, record it with its permit, send it once, and record the reply.

        Return None if no order can be sent now or within ten seconds, if another one works already, or if too many are
        being sent: the workflow decides then.
        After an error the caller may repeat the call: an order with a permit is never sent again.
        A cancelled caller waits for the reply, so that no request is abandoned on its way.

        Raises:
            StaleFencingTokenError: another worker has the symbol now.
        """
        sending = asyncio.ensure_future(self._send(request))
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            await asyncio.wait([sending])
            note_failure(sending)
            raise

    async def hand_over(self, lease: Lease) -> None:
        """Let the lease end soon unless the order's follower renews it. The caller must not renew it any more."""
        shorten = partial(self._database.locks.renew, lease, HANDED_OVER_WITHIN)
        await self._database.reports.write("lease_handed_over", lease.symbol, shorten)

    async def _send(self, request: ExitRequest) -> SentExit | None:
        if self._sending >= _AT_ONCE:
            return None
        self._sending += 1
        try:
            with self.spans.of_trade(request.position_id, SPAN), await self._turns.next() as turn:
                decision = await self._decide(request, turn)
        finally:
            self._sending -= 1
        if not isinstance(decision, PreparedExit) or decision.works_already:
            return None
        return _sent(decision)

    async def _decide(self, request: ExitRequest, turn: ExitStack) -> ExitDecision | None:
        bound = asyncio.timeout(_DECIDES_WITHIN)
        try:
            async with bound:
                record = partial(self._record_and_post, bound, turn)
                return await self._selling.decide(request, record, record_renews=True)
        except TimeoutError:
            if not bound.expired():
                raise
            logger.warning("first_exit_undecided", extra={"symbol": request.lease.symbol})
            return None

    async def _record_and_post(self, bound: asyncio.Timeout, turn: ExitStack, intent: OrderIntent) -> None:
        window, environment = SendWindow(), self._orders.environment
        permit = await self._database.orders.record_to_send(intent, http_timeout=SENDING_TAKES, environment=environment)
        bound.reschedule(None)
        turn.close()
        if permit.may_send:
            await self._orders.send(intent, window)


def exit_request(request: WatchRequest, first: FirstOrder, signal: ExitSignal) -> ExitRequest:
    """Return how the first order of a sale is to be decided."""
    return ExitRequest(
        intent_id=first.intent_id,
        position_id=request.position_id,
        lease=request.lease,
        reason=signal.reason,
        rules=request.rules,
        session=first.session,
        detail=signal.detail,
        unhurried_until=request.deadline if signal.reason is ExitReason.DEADLINE else None,
        seen=signal.seen,
    )


def _sent(order: PreparedExit) -> SentExit:
    return SentExit(order.intent_id, order.quantity, order.rung, order.description, order.then_book)
