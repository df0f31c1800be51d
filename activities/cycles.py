"""Start of each run of a trading worker: its session, open position and unfinished orders."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from temporalio import activity

from activities.market_data import ScanRequest
from activities.scanning import ScanningActivities, ScanWait
from activities.support.host_gate import HostGate
from domain.clock import KST
from domain.close_plan import CloseLeads, plan_session
from domain.events.positions import position_adopted
from domain.host_limits import Ceiling
from domain.identity import AccountId, IntentId, PositionId, WorkerId
from domain.lock import LEASE_DURATION, Lease
from domain.market import Symbol
from domain.money import Quantity
from domain.order import OrderIntent, OrderPurpose
from domain.position import ExitReason, OpenPosition
from domain.rules import TradingRules
from domain.session import SessionPlan, TradingCalendar
from domain.worker_state import WorkerState

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database


_SCAN_BEGUN_WITHIN: Final = 5.0
"""Seconds; well within the time of the step that begins the run."""


@dataclass(frozen=True, slots=True)
class CycleRequest:
    """Worker that begins a cycle, and its workflow."""

    account_id: AccountId
    worker_id: WorkerId
    workflow_id: str
    joins_steps: bool = False
    """Whether the workflow knows the joined steps; one of an earlier version does not."""
    rules: TradingRules | None = None
    """Rules to scan by if the worker holds nothing and entries are open; None if it must not enter."""
    scan_id: str = ""
    """Id of that scan, which its offer names."""


@dataclass(frozen=True, slots=True)
class Held:
    """A worker's position with the lease that guards it. Entry price in won, for display."""

    position_id: PositionId
    symbol: Symbol
    name: str
    quantity: Quantity
    entry_price: str
    opened_at: datetime
    overdue: bool
    lease: Lease
    sold_because: ExitReason | None = None
    """Set when every share is sold and only the trade remains to be booked."""


@dataclass(frozen=True, slots=True)
class UnfinishedOrder:
    """An order of an earlier run that has not ended yet."""

    intent_id: IntentId
    position_id: PositionId
    symbol: Symbol
    purpose: OrderPurpose
    lease: Lease | None


@dataclass(frozen=True, slots=True)
class Cycle:
    """Start state of a run; ``now`` is market time (UTC)."""

    now: datetime
    plan: SessionPlan
    held: Held | None
    unfinished: tuple[UnfinishedOrder, ...] = ()
    elsewhere: Symbol | None = None
    """Stock of the worker's own position while another holder's lease guards it, such as the market close."""
    ceiling: Ceiling | None = None
    """Rule limits of the host that answered, which the worker's changes must not exceed; None without limits."""
    shared_watch: bool = True
    """Whether the market watch watches what this run buys, or an activity of the run; as the host's settings say."""
    shared_scan: bool = False
    """Whether the market watch scans for this run, as the host's settings say; not for runs of earlier versions."""
    joins_steps: bool = False
    """Whether this run takes the joined steps: its workflow and the activities know them. No marker says so."""
    waits_for_offer: bool = False
    """Whether the worker's wish for an offer is stored already, under the rules and the id of the request."""


@dataclass(frozen=True, slots=True)
class AdoptionRequest:
    """Worker that takes over the position that another worker left in a symbol."""

    account_id: AccountId
    worker_id: WorkerId
    symbol: Symbol
    plan: SessionPlan


class CycleActivities:
    """Derives a worker's start state from the ledger and the calendar."""

    def __init__(  # noqa: PLR0913 - its collaborators, and two settings
        self,
        database: "Database",
        calendar: TradingCalendar,
        leads: CloseLeads,
        pace: "Pace",
        host: HostGate | None = None,
        *,
        shared_watch: bool = True,
        shared_scan: bool = True,
        joins_steps: bool = True,
        scanning: ScanningActivities | None = None,
    ) -> None:
        self._host = host or HostGate()
        self._shared = (shared_watch, shared_scan)
        self._joins_steps = joins_steps
        self._scanning = scanning
        self._database = database
        self._calendar = calendar
        self._leads = leads
        self._pace = pace

    @activity.defn
    async def begin_cycle(self, request: CycleRequest) -> Cycle:
        """Return the session, an open position with its lease, and unfinished orders; never buys first (R2).

        A worker that holds nothing and may enter waits for an offer from here on.
        """
        now = self._pace.now()
        session = self._calendar.session_at_or_after(now)
        await self._database.workers.register(request.account_id, request.worker_id, request.workflow_id, session.date)
        workers = await self._database.workers.count(request.account_id)
        plan = plan_session(session, self._leads, self._pace.clock.speed, workers)
        position = await self._live_position(request)
        held = await self._hold(position, plan) if position else None
        unfinished = await self._database.orders.unfinished_of(request.account_id, request.worker_id)
        if held is None:
            event = (
                f"waiting for {plan.session.opens_at.astimezone(KST):%m-%d %H:%M}"
                if now < session.opens_at
                else "ready"
            )
            idle = (request.account_id, request.worker_id, WorkerState.IDLE, None, event, now)
            show = partial(self._database.workers.enter, *idle)
            await self._database.reports.write("worker_state", request.worker_id, show)
        orders = [await self._unfinished(order.intent) for order in unfinished]
        elsewhere = position.symbol if position and held is None else None
        joins_steps = self._joins_steps and request.joins_steps
        cycle = Cycle(now, plan, held, tuple(orders), elsewhere, self._host.ceiling, *self._shared, joins_steps)
        return replace(cycle, waits_for_offer=await self._begin_scan(request, cycle))

    async def _begin_scan(self, request: CycleRequest, cycle: Cycle) -> bool:
        """Store the wish of a worker that may enter; a fault leaves it to the step of its own, which is repeated."""
        is_busy = cycle.held or cycle.unfinished or cycle.elsewhere
        may_scan = cycle.shared_scan and not is_busy and cycle.plan.entries_allowed_at(cycle.now)
        if self._scanning is None or request.rules is None or not (cycle.joins_steps and may_scan):
            return False
        scan = ScanRequest(request.account_id, request.worker_id, request.rules, cycle.plan)
        try:
            async with asyncio.timeout(_SCAN_BEGUN_WITHIN):
                await self._scanning.begin_scan(ScanWait(scan, request.scan_id))
        except Exception as fault:  # noqa: BLE001 - a run must begin, whatever keeps it from scanning
            extra = {"worker_id": request.worker_id, "cause": f"{type(fault).__name__}: {fault}"}
            activity.logger.warning("scan_not_begun", extra=extra)
            return False
        return True

    async def _unfinished(self, intent: OrderIntent) -> UnfinishedOrder:
        lease = await self._own_lease(intent.account_id, intent.symbol, intent.worker_id)
        return UnfinishedOrder(intent.intent_id, intent.position_id, intent.symbol, intent.purpose, lease)

    async def _live_position(self, request: CycleRequest) -> OpenPosition | None:
        """Return the worker's position, also if sold out but unbooked; abandon one that never got a share."""
        position_id = await self._database.positions.live_of(request.account_id, request.worker_id)
        if position_id is None:
            return None
        position = await self._database.positions.get(position_id)
        orders = await self._database.orders.of_position(position_id)
        if position is None and not any(order.is_active for order in orders):
            await self._database.positions.abandon(position_id)
        return position

    async def _own_lease(self, account_id: AccountId, symbol: Symbol, worker_id: WorkerId) -> Lease | None:
        lease = await self._database.locks.acquire(account_id, symbol, worker_id, LEASE_DURATION)
        return lease if isinstance(lease, Lease) else None

    @activity.defn
    async def adopt_orphan(self, request: AdoptionRequest) -> Held | None:
        """Take over lock, position and orders together, with exit rules and high-water mark; None if not free."""
        lease = await self._database.locks.adopt_orphan(request.account_id, request.symbol, request.worker_id)
        if lease is None:
            return None
        now = self._pace.now()
        adopted = position_adopted(
            request.account_id, request.plan.session.date, request.worker_id, request.symbol, now
        )
        about = f"{adopted.kind}/{request.symbol}"
        await self._database.reports.append(about, partial(self._database.events.append, adopted))
        position_id = await self._database.positions.live_of(request.account_id, request.worker_id)
        position = position_id and await self._database.positions.get(position_id)
        return await self._hold(position, request.plan) if position else None

    async def _hold(self, position: OpenPosition, plan: SessionPlan) -> Held | None:
        about = (position.account_id, position.symbol, position.worker_id)
        # An order of an aborted close keeps the worker's own stock locked until both are adopted together.
        lease = await self._own_lease(*about) or await self._database.locks.adopt_orphan(*about)
        if lease is None:
            activity.logger.warning("held_symbol_is_locked_by_another", extra={"symbol": position.symbol})
            return None
        overdue = position.session_date != plan.session.date
        return held_under(lease, position, overdue=overdue, sold_because=await sold_because(self._database, position))


async def sold_because(database: "Database", position: OpenPosition) -> ExitReason | None:
    """Return why a sold-out position was sold; None while it holds shares."""
    if position.quantity:
        return None
    orders = await database.orders.of_position(position.position_id)
    sales = [order.intent for order in orders if order.intent.purpose is OrderPurpose.EXIT]
    return ExitReason(sales[-1].reason) if sales else ExitReason.FOREIGN_SALE


def held_under(lease: Lease, position: OpenPosition, *, overdue: bool, sold_because: ExitReason | None = None) -> Held:
    """Convert a ledger position to the workflow's form."""
    return Held(
        position_id=position.position_id,
        symbol=position.symbol,
        name=position.name,
        quantity=position.quantity,
        entry_price=f"{position.entry_price:,.0f}",
        opened_at=position.opened_at,
        overdue=overdue,
        lease=lease,
        sold_because=sold_because,
    )
