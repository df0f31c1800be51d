"""Several steps of a trade in one activity. What it cannot bring to its end, the workflow continues by single steps."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from temporalio import activity

from activities.account.records import recorded
from activities.cycles import Held
from activities.entries import (
    EntryActivities,
    EntryDecision,
    EntryRequest,
    PreparedEntry,
    attempt_at,
    name_of,
    prepared_entry,
)
from activities.market_watch import MarketWatchActivities
from activities.orders import FollowRequest, OrderActivities, SubmitRequest
from activities.settling import CloseRequest, SettlingActivities, StillHeld, TradeResult
from activities.support.heart import Heart
from activities.watch.messages import FirstOrder, WatchRequest
from domain.errors import InvalidTransitionError
from domain.exits import ExitSignal
from domain.lock import LEASE_DURATION, Lease
from domain.order import OrderPurpose, OrderRecord, OrderStatus

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database

_BOOKED_WITHIN: Final = timedelta(seconds=15)
"""As long as a single step may take to book a trade; later the next attempt books it."""
_WATCHED_WITHIN: Final = timedelta(seconds=10)
"""Real time for the begin of a watch. Nothing else guards the shares meanwhile, neither commands nor the deadline."""
_AT_ONCE: Final = 50
"""Buys that one process prepares and sends so at the same time. More would wait longer for the rate budget than a
permit allows: they go through the task queue of the broker, which serves sales first."""


@dataclass(frozen=True, slots=True)
class EnterRequest:
    """Buy to prepare, send and follow, and how to watch what it buys."""

    entry: EntryRequest
    queue: str
    """Task queue of workflows, for the start of a watch."""
    first: FirstOrder | None = None
    """First order of the sale, which the market watch sends; None: an activity of the run watches."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A held position whose watch has begun, or that is to be sold already."""

    held: Held
    due: ExitSignal | None = None


@dataclass(frozen=True, slots=True)
class Entered:
    """How far a buy has come."""

    decision: EntryDecision | None = None
    """None: this process sends enough buys; take the single steps."""
    order: OrderRecord | None = None
    """The order as it is now; None if there is none, or if its shares are watched."""
    watched: Watched | None = None
    """The shares bought, if nothing is left to do for their purchase."""


@dataclass(frozen=True, slots=True)
class FinishRequest:
    """Order of a sale to follow, and the trade that its fill completes."""

    follow: FollowRequest
    close: CloseRequest


@dataclass(frozen=True, slots=True)
class Finished:
    """End of a sale's order: the booked trade, or the order as it is now."""

    order: OrderRecord | None = None
    """None if the trade is booked."""
    closed: TradeResult | StillHeld | None = None
    """None if the order is not filled."""


class JoinedActivities:
    """Composes the single steps, which stay as strict as they are alone."""

    def __init__(  # noqa: PLR0913, PLR0917 - the steps, and the books
        self,
        entries: EntryActivities,
        orders: OrderActivities,
        market_watch: MarketWatchActivities,
        settling: SettlingActivities,
        database: "Database",
        pace: "Pace",
    ) -> None:
        self._entries = entries
        self._orders = orders
        self._market_watch = market_watch
        self._settling = settling
        self._database = database
        self._pace = pace
        self._sending = 0

    @activity.defn
    async def enter_position(self, request: EnterRequest) -> Entered:
        """Prepare a buy, send it once, follow it, and let the market watch hold what it bought.

        Only the attempt that records the intent sends it. A later attempt follows an order with a permit; one without
        is left to the workflow, whose resolver withdraws it.
        """
        async with Heart():
            decision, order = await self._ordered(request.entry)
        if not isinstance(decision, PreparedEntry) or order is None or order.status is OrderStatus.INTENDED:
            return Entered(decision, order)
        if not (order.is_active or order.filled_quantity):
            return Entered(decision, order)
        return await self._followed(request, decision, order)

    @activity.defn
    async def finish_sale(self, request: FinishRequest) -> Finished:
        """Follow the order of a sale, and book the trade once it is filled; repeating it changes nothing."""
        order = await self._orders.follow_order(request.follow)
        if order.status is not OrderStatus.FILLED:
            return Finished(order)
        async with Heart(silence=_BOOKED_WITHIN.total_seconds()):
            closed = await self._settling.close_position(request.close)
        return Finished(closed=closed) if isinstance(closed, TradeResult) else Finished(order, closed)

    async def _ordered(self, entry: EntryRequest) -> tuple[EntryDecision | None, OrderRecord | None]:
        """Return the buy and its order as it is now; neither if this process sends enough buys."""
        known = await self._database.orders.get(entry.intent_id)
        if known is not None and known.status is not OrderStatus.INTENDED:
            return await self._permitted(entry, known), known
        is_busy = self._sending >= _AT_ONCE
        if known is None and is_busy and attempt_at(entry).number == 1:  # single steps count from one again
            return None, None
        self._sending += 1
        try:
            decision = await self._prepared(entry, known)
            if isinstance(decision, OrderRecord):
                return await self._permitted(entry, decision), decision
            if not isinstance(decision, PreparedEntry) or known is not None:
                return decision, known
            return decision, await self._submitted(entry)
        finally:
            self._sending -= 1

    async def _prepared(self, entry: EntryRequest, known: OrderRecord | None) -> EntryDecision | OrderRecord:
        """Prepare the buy; return its order if another attempt has recorded one meanwhile.

        An attempt that was too slow for its heartbeats still acts: it may send while this one refuses the same stock.
        """
        try:
            decision = await self._entries.prepare_entry(entry)
        except InvalidTransitionError:
            order = await self._database.orders.get(entry.intent_id)
            if known is not None or order is None:
                raise
            return order
        if isinstance(decision, PreparedEntry):
            return decision
        order = await self._database.orders.get(entry.intent_id)
        is_open = order is not None and bool(order.is_active or order.filled_quantity)
        return order if order is not None and is_open else decision

    async def _submitted(self, entry: EntryRequest) -> OrderRecord:
        """Send the order once. After an error the books say how far it came, and the resolver proves it."""
        request = SubmitRequest(entry.intent_id, OrderPurpose.ENTRY, entry.rules.risk, entry.plan)
        try:
            return await self._orders.submit_order(request)
        except Exception as lost:  # noqa: BLE001 - as a single attempt that is lost
            extra = {"intent_id": entry.intent_id, "cause": f"{type(lost).__name__}: {lost}"}
            activity.logger.warning("submit_attempt_lost", extra=extra)
            return await recorded(self._database.orders, entry.intent_id)

    async def _permitted(self, entry: EntryRequest, order: OrderRecord) -> PreparedEntry:
        """Return the buy that an earlier attempt had a permit for, with its lock, or the lock that it has lost.

        It takes no lock for shares that are sold: another host sells them while Temporal is away.
        """
        intent = order.intent
        name = name_of(intent.symbol, entry.candidates)
        if order.is_active or await self._is_held(order):
            about = (entry.account_id, intent.symbol, entry.worker_id)
            taken = await self._database.locks.acquire(*about, LEASE_DURATION, attempt_at(entry))
            if isinstance(taken, Lease):
                return prepared_entry(intent, name, taken)
        now = await self._database.server.now()
        lost = Lease(entry.account_id, intent.symbol, entry.worker_id, intent.fencing_token, now, now)
        return prepared_entry(intent, name, lost)

    async def _is_held(self, order: OrderRecord) -> bool:
        position = await self._database.positions.get(order.intent.position_id)
        return position is not None and bool(position.quantity)

    async def _followed(self, request: EnterRequest, decision: PreparedEntry, order: OrderRecord) -> Entered:
        """Follow the order until it is over or unproven, or its patience ends; watch what it has bought."""
        order = await self._orders.follow_order(FollowRequest(decision.intent_id, self._patience(request, order)))
        if order.is_active or not order.filled_quantity or request.first is None:
            return Entered(decision, order)
        held = bought(decision, order)
        async with Heart():
            watched = await self._watched(request, request.first, held)
        return Entered(decision, order) if watched is None else Entered(decision, watched=watched)

    def _patience(self, request: EnterRequest, order: OrderRecord) -> timedelta:
        """Return how long to follow, counted from this step's schedule: the order's time begins with its decision."""
        age = self._pace.clock.real_duration(self._pace.now() - order.intent.decided_at)
        timeout = request.entry.rules.execution.entry_timeout
        return self._pace.waited() + max(timeout - age, timedelta(0))

    async def _watched(self, request: EnterRequest, first: FirstOrder, held: Held) -> Watched | None:
        """Begin the watch; a fault or delay leaves that to its own step, beside which commands and the deadline act."""
        entry = request.entry
        watch = WatchRequest(held.position_id, held.symbol, held.lease, entry.rules, entry.plan.liquidation_at, first)
        try:
            async with asyncio.timeout(_WATCHED_WITHIN.total_seconds()):
                return Watched(held, await self._market_watch.hold(watch, request.queue))
        except Exception as fault:  # noqa: BLE001 - nothing may keep the workflow from its position
            extra = {"symbol": held.symbol, "cause": f"{type(fault).__name__}: {fault}"}
            activity.logger.warning("watch_not_begun", extra=extra)
            return None


def bought(entry: PreparedEntry, order: OrderRecord) -> Held:
    """Return what a buy has bought."""
    return Held(
        position_id=entry.position_id,
        symbol=entry.symbol,
        name=entry.name,
        quantity=order.filled_quantity,
        entry_price=f"{order.average_price:,.0f}",
        opened_at=order.intent.decided_at,
        overdue=False,
        lease=entry.lease,
    )
