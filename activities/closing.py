"""The market close: close entries first, signal every worker, seize the remaining positions."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.account.late_fills import LateFills
from activities.cycles import Held, held_under, sold_because
from activities.support.heart import WHOLE_LIST, Heart
from activities.support.requests import SessionRequest
from domain.close_plan import CloseLeads, plan_session
from domain.costs import BANKIS_COMMISSION
from domain.events.entries import MARKET_CLOSE
from domain.events.positions import position_seized
from domain.identity import AccountId, IntentId, PositionId, WorkerId
from domain.lane import Lane
from domain.lock import LEASE_DURATION
from domain.market import Side
from domain.money import Rate
from domain.order import OrderType
from domain.position import OpenPosition
from domain.session import SessionDate, SessionPlan, TradingCalendar, session_date_of
from domain.worker_state import WorkerState

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Broker
    from database.database import Database
    from database.workers import RegisteredWorker

LIQUIDATE_MESSAGE: Final = "liquidate_for_close"
"""Name of the trading worker's signal handler; both sides import it."""
CLOSER: Final = WorkerId("market-close")
"""Holder of a seized lock; its own name, so that the position's worker cannot mistake the new token for its own."""
_LOOK_INTERVAL: Final = timedelta(milliseconds=250)
_CALLS_OF_A_QUICK_SALE: Final = 2
"""The order itself, and a share of the price and order-list requests that serve many positions."""
_BETWEEN_TURNS: Final = timedelta(seconds=2)
_HEARD_WITHIN: Final = timedelta(seconds=5)
"""Real time limit for the signal to one worker."""
_LATE_FILLS_WITHIN: Final = 15.0
"""Seconds that the check for late fills may take; the sales wait for it."""


@dataclass(frozen=True, slots=True)
class NoSession:
    """The exchange is closed on this date; there is nothing to close."""

    date: SessionDate
    kind: Literal["no_session"] = "no_session"


@dataclass(frozen=True, slots=True)
class ClosePlan:
    """The session to be closed; ``now`` is market time (UTC)."""

    plan: SessionPlan
    now: datetime
    kind: Literal["plan"] = "plan"


@dataclass(frozen=True, slots=True)
class PlanCloseRequest:
    """Account to close, and when the close was started (market time, UTC)."""

    account_id: AccountId
    started_at: datetime


@dataclass(frozen=True, slots=True)
class OpenOrdersRequest:
    """Account, and the position whose orders are wanted; None for all."""

    account_id: AccountId
    position_id: PositionId | None = None


@dataclass(frozen=True, slots=True)
class AwaitFlatRequest:
    """Account whose positions to wait for, and the real time before the caller sells them itself."""

    account_id: AccountId
    patience: timedelta


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that has not ended in the ledger, and its type."""

    intent_id: IntentId
    order_type: OrderType


class ClosingActivities:
    """Activities that only the close workflow uses."""

    def __init__(  # noqa: PLR0913, PLR0917 its collaborators, by name
        self,
        broker: "Broker",
        database: "Database",
        calendar: TradingCalendar,
        leads: CloseLeads,
        pace: "Pace",
        commission: Rate = BANKIS_COMMISSION,
    ) -> None:
        self._broker = broker
        self._database = database
        self._calendar = calendar
        self._leads = leads
        self._pace = pace
        self._late_fills = LateFills(database, commission)

    @activity.defn
    async def plan_close(self, request: PlanCloseRequest) -> ClosePlan | NoSession:
        """Return the session of the day on which the close was started (market time), even if the activity runs later.

        A close that no process handles until the next morning must not end the new day before it begins.
        """
        now = self._pace.now()
        session = self._calendar.session_on(session_date_of(request.started_at))
        if session is None:
            return NoSession(session_date_of(request.started_at))
        workers = await self._database.workers.count(request.account_id)
        return ClosePlan(plan_session(session, self._leads, self._pace.clock.speed, workers), now)

    @activity.defn
    async def shut_entries(self, request: SessionRequest) -> None:
        """Close entries in the database first, so that no buy follows the liquidation."""
        now = self._pace.now()
        await self._database.risk.close_entries(request.account_id, request.session_date, MARKET_CLOSE, now)

    @activity.defn
    async def order_liquidation(self, request: SessionRequest) -> int:
        """Signal every registered worker to sell; return how many workflows received it or are selling already.

        At the fleet's deadline, workers that hold shares start to sell by their own clock. A signal then would only
        arrive between the result of the watch and the sale, so a worker gets it only if it has not started in time. A
        worker that cannot be signalled has its own timer, and the close seizes what it leaves; the others do not wait
        for it.
        """
        account_id, session_date = request.account_id, request.session_date
        workers = await self._database.workers.all_of(account_id)
        holding = {each.worker_id for each in workers if each.state is WorkerState.HOLDING}
        async with Heart() as heart:
            heard = await _signal_all((each for each in workers if each.worker_id not in holding), session_date, heart)
            if holding and await self._leave_to_their_own_clocks(account_id, session_date, heart):
                workers = await self._database.workers.all_of(account_id)
            late = [each for each in workers if each.worker_id in holding and each.state is WorkerState.HOLDING]
            return heard + len(holding) - len(late) + await _signal_all(late, session_date, heart)

    async def _leave_to_their_own_clocks(self, account_id: AccountId, session_date: SessionDate, heart: Heart) -> bool:
        """Wait for the time by which holding workers start by their own clock; return False outside that period."""
        session, now = self._calendar.session_on(session_date), self._pace.now()
        if session is None:
            return False
        workers = await self._database.workers.count(account_id)
        plan = plan_session(session, self._leads, self._pace.clock.speed, workers)
        if plan.begun_by is None or not plan.liquidation_at <= now < plan.begun_by:
            return False
        while (left := plan.begun_by - self._pace.now()) > timedelta(0):
            heart.progress()
            await self._pace.pause(min(self._pace.clock.real_duration(left), _BETWEEN_TURNS))
        return True

    @activity.defn
    async def await_flat(self, request: AwaitFlatRequest) -> tuple[PositionId, ...]:
        """Wait until the ledger shows no shares and no active buy; return the remaining positions after ``patience``.

        The last step reads the broker's list again: a fill that arrived after its cancel must be sold (F42). Patience
        grows with the fleet: a worker that waits for the rate budget is active, and two must not sell the same shares.
        Zero patience is a single check.
        """
        patience = request.patience
        if patience:
            patience += await self._turns_of_all(request.account_id)
        async with Heart(silence=WHOLE_LIST) as heart:
            while True:
                heart.progress()
                left = await self._left(request.account_id)
                if left and self._pace.waited() < patience:
                    await self._pace.pause(_LOOK_INTERVAL)
                elif not await self._has_late_fills(request.account_id):
                    return left

    async def _turns_of_all(self, account_id: AccountId) -> timedelta:
        """Return the real time in which the rate budget lets every worker sell; zero if the budget is unknown."""
        if self._leads.calls_per_second is None:
            return timedelta(0)
        workers = await self._database.workers.count(account_id)
        return timedelta(seconds=workers * _CALLS_OF_A_QUICK_SALE / self._leads.calls_per_second)

    async def _left(self, account_id: AccountId) -> tuple[PositionId, ...]:
        """Return the positions that hold shares, largest risk first, then those with an active buy.

        Sold-out positions whose trade is not booked yet are included.
        """
        held = _largest_risk_first(await self._database.positions.live_in(account_id))
        orders = await self._database.orders.active_in(account_id)
        opening = [order.intent.position_id for order in orders if order.intent.side is Side.BUY]
        return tuple(dict.fromkeys([*(position.position_id for position in held), *opening]))

    async def _has_late_fills(self, account_id: AccountId) -> bool:
        now = self._pace.now()
        date = session_date_of(now)
        try:
            async with asyncio.timeout(_LATE_FILLS_WITHIN):
                listed = await self._broker.orders_on(date, Lane.RESOLVE)
            return bool(await self._late_fills.book(account_id, date, listed, now))
        except Exception as fault:  # noqa: BLE001 - it is logged
            # Nothing may block a sale: not an unreadable or missing list, nor a row that cannot be booked. The end of
            # the session checks again, and so does the reconciliation after it.
            activity.logger.exception("late_fills_not_looked_for", extra={"cause": str(fault)})
            return False

    @activity.defn
    async def seize_position(self, position_id: PositionId) -> Held | None:
        """Raise the lease's fencing token, so that only the close can sell; None if the position is closed.

        A sold-out position is included if its worker has not booked the trade.
        """
        found = await self._database.positions.get(position_id)
        position = found and await self._database.positions.live(found.account_id, position_id)
        if position is None:
            return None
        lease = await self._database.locks.take_over(position.account_id, position.symbol, CLOSER, LEASE_DURATION)
        now = self._pace.now()
        seized = position_seized(position, now)
        await self._database.reports.append(seized.key, partial(self._database.events.append, seized))
        because = await sold_because(self._database, position)
        return held_under(lease, position, overdue=True, sold_because=because)

    @activity.defn
    async def await_turn(self, position_id: PositionId) -> bool:
        """Wait while another worker sells; True if its lease expired with shares left, False if all are sold."""
        while True:
            activity.heartbeat()
            position = await self._database.positions.get(position_id)
            if position is None or not position.quantity:
                return False
            if position.symbol not in await self._database.locks.locked_symbols(position.account_id):
                return True
            await self._pace.pause(_BETWEEN_TURNS)

    @activity.defn
    async def list_open_orders(self, request: OpenOrdersRequest) -> tuple[OpenOrder, ...]:
        """Return the orders that have not ended in the ledger, of one position or of all."""
        active = await self._database.orders.active_in(request.account_id)
        wanted = [order.intent for order in active if request.position_id in {None, order.intent.position_id}]
        return tuple(OpenOrder(intent.intent_id, intent.order_type) for intent in wanted)


async def _signal_all(workers: "Iterable[RegisteredWorker]", session_date: SessionDate, heart: Heart) -> int:
    """Signal all workers concurrently: an unreachable workflow does not delay the others."""

    async def signal(worker: "RegisteredWorker") -> bool:
        heard = await _signal(activity.client().get_workflow_handle(worker.workflow_id), session_date)
        heart.progress(worker.worker_id)
        return heard

    return sum(await asyncio.gather(*map(signal, workers)))


async def _signal(handle: "WorkflowHandle[object, object]", session_date: SessionDate) -> bool:
    try:
        await handle.signal(LIQUIDATE_MESSAGE, session_date, rpc_timeout=_HEARD_WITHIN)
    except Exception as error:  # noqa: BLE001 - it is logged; the worker's timer sells, and the close seizes the rest
        is_gone = isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND
        if not is_gone:
            activity.logger.error("worker_not_signalled", extra={"worker_workflow": handle.id, "cause": str(error)})
        return False
    return True


def _largest_risk_first(positions: tuple[OpenPosition, ...]) -> list[OpenPosition]:
    """Return the positions by cost, highest first; sold-out ones cost nothing and come last."""
    return sorted(positions, key=lambda position: position.cost, reverse=True)
