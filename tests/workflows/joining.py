"""A desk whose activities know the joined steps: each is composed of the desk's single steps."""

from dataclasses import dataclass, replace

from temporalio import activity

from activities.cycles import Cycle, CycleRequest
from activities.joined import Finished, FinishRequest
from activities.settling import TradeResult
from domain.order import OrderStatus
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
        self.calls["finish_sale"] += 1
        order = await Desk.follow_order(self, request.follow)
        if order.status is not OrderStatus.FILLED:
            return Finished(order)
        closed = await Desk.close_position(self, request.close)
        return Finished(closed=closed) if isinstance(closed, TradeResult) else Finished(order, closed)

    def everything(self) -> list[object]:
        """Return all stand-ins for registration."""
        return [*super().everything(), self.finish_sale]
