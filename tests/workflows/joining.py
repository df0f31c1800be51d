"""A desk whose activities know the joined steps: each is composed of the desk's single steps."""

from dataclasses import dataclass, replace

from temporalio import activity

from activities.cycles import Cycle, CycleRequest
from activities.joined import Finished, FinishRequest
from activities.market_data import ScanRequest
from activities.scanning import ScanWait
from activities.settling import TradeResult
from domain.order import OrderStatus
from tests.workflows.offering import OfferingDesk
from tests.workflows.stand_ins import Desk


@dataclass
class JoiningDesk(Desk):
    """Answers a workflow that asks for the joined steps; ``knows`` them or is a host of an earlier version."""

    knows: bool = True

    @activity.defn
    async def begin_cycle(self, request: CycleRequest) -> Cycle:
        return replace(await Desk.begin_cycle(self, request), joins_steps=self.knows and request.joins_steps)

    @activity.defn
    async def finish_sale(self, request: FinishRequest) -> Finished:
        return await finished_by(self, request)

    def everything(self) -> list[object]:
        """Return all stand-ins for registration."""
        return [*super().everything(), self.finish_sale]


@dataclass
class JoinedOfferingDesk(OfferingDesk):
    """Stores the wish for an offer at the start of the run."""

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
    async def finish_sale(self, request: FinishRequest) -> Finished:
        return await finished_by(self, request)

    def everything(self) -> list[object]:
        """Return all stand-ins for registration."""
        return [*super().everything(), self.finish_sale]


async def finished_by(desk: Desk, request: FinishRequest) -> Finished:
    """Follow and book by the desk's single steps."""
    desk.calls["finish_sale"] += 1
    order = await Desk.follow_order(desk, request.follow)
    if order.status is not OrderStatus.FILLED:
        return Finished(order)
    closed = await Desk.close_position(desk, request.close)
    return Finished(closed=closed) if isinstance(closed, TradeResult) else Finished(order, closed)
