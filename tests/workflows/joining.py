"""A desk whose activities know the joined steps: each is composed of the desk's single steps."""

from dataclasses import dataclass, replace
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.cycles import Cycle, CycleRequest
from activities.entries import PreparedEntry
from activities.joined import Entered, EnterRequest, Finished, FinishRequest, Watched
from activities.market_data import ScanRequest
from activities.orders import FollowRequest, SubmitRequest
from activities.scanning import ScanWait
from activities.settling import TradeResult
from domain.order import OrderPurpose, OrderStatus
from tests.workflows.offering import OfferingDesk
from tests.workflows.stand_ins import Desk


@dataclass
class JoiningDesk(Desk):
    """Answers a workflow that asks for the joined steps; ``knows`` them or is a host of an earlier version."""

    knows: bool = True
    is_busy: bool = False
    """Whether its process sends enough buys already."""
    watches_at_once: bool = False
    """Whether the buy begins the watch, which then signals when to sell."""

    @activity.defn
    async def begin_cycle(self, request: CycleRequest) -> Cycle:
        return replace(await Desk.begin_cycle(self, request), joins_steps=self.knows and request.joins_steps)

    @activity.defn
    async def enter_position(self, request: EnterRequest) -> Entered:
        return await entered_by(self, request)

    @activity.defn
    async def finish_sale(self, request: FinishRequest) -> Finished:
        return await finished_by(self, request)

    def everything(self) -> list[object]:
        """Return all stand-ins for registration."""
        return [*super().everything(), self.finish_sale, self.enter_position]


@dataclass
class JoinedOfferingDesk(OfferingDesk):
    """Stores the wish for an offer at the start of the run."""

    is_busy: bool = False
    watches_at_once: bool = False
    pauses_at_start: bool = False
    """Whether an operator pauses the worker while its first run begins."""

    @activity.defn
    async def begin_cycle(self, request: CycleRequest) -> Cycle:
        cycle = await OfferingDesk.begin_cycle(self, request)
        assert request.joins_steps
        waits = request.rules is not None and cycle.held is None and cycle.plan.entries_allowed_at(self.now())
        if waits and request.rules is not None:
            scan = ScanRequest(request.account_id, request.worker_id, request.rules, cycle.plan)
            await OfferingDesk.begin_scan(self, ScanWait(scan, request.scan_id))
        if self.pauses_at_start:
            self.pauses_at_start = False
            await activity.client().get_workflow_handle(str(activity.info().workflow_id)).execute_update("pause")
        return replace(cycle, joins_steps=True, waits_for_offer=waits)

    @activity.defn
    async def enter_position(self, request: EnterRequest) -> Entered:
        return await entered_by(self, request)

    @activity.defn
    async def finish_sale(self, request: FinishRequest) -> Finished:
        return await finished_by(self, request)

    def everything(self) -> list[object]:
        """Return all stand-ins for registration."""
        return [*super().everything(), self.finish_sale, self.enter_position]


async def finished_by(desk: Desk, request: FinishRequest) -> Finished:
    """Follow and book by the desk's single steps."""
    desk.calls["finish_sale"] += 1
    order = await Desk.follow_order(desk, request.follow)
    if order.status is not OrderStatus.FILLED:
        return Finished(order)
    closed = await Desk.close_position(desk, request.close)
    return Finished(closed=closed) if isinstance(closed, TradeResult) else Finished(order, closed)


async def entered_by(desk: JoiningDesk | JoinedOfferingDesk, request: EnterRequest) -> Entered:
    """Prepare, send and follow by the desk's single steps; begin the watch if the test wants it."""
    desk.calls["enter_position"] += 1
    if desk.is_busy:
        return Entered()
    entry = request.entry
    decision = await desk.prepare_entry(entry)
    if not isinstance(decision, PreparedEntry):
        return Entered(decision)
    try:
        order = await desk.submit_order(
            SubmitRequest(entry.intent_id, OrderPurpose.ENTRY, entry.rules.risk, entry.plan)
        )
    except ApplicationError:
        return Entered(decision, await desk.follow_order(FollowRequest(entry.intent_id, timedelta(0))))
    order = await desk.follow_order(FollowRequest(entry.intent_id, entry.rules.execution.entry_timeout))
    if not desk.watches_at_once or order.is_active or not order.filled_quantity or desk.held is None:
        return Entered(decision, order)
    return Entered(decision, watched=Watched(desk.held))
