"""Several steps of a trade in one activity. What it cannot bring to its end, the workflow continues by single steps."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity

from activities.orders import FollowRequest, OrderActivities
from activities.settling import CloseRequest, SettlingActivities, StillHeld, TradeResult
from activities.support.heart import Heart
from domain.order import OrderRecord, OrderStatus

_BOOKED_WITHIN = timedelta(seconds=15)
"""As long as a single step may take to book a trade; later the next attempt books it."""


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

    def __init__(self, orders: OrderActivities, settling: SettlingActivities) -> None:
        self._orders = orders
        self._settling = settling

    @activity.defn
    async def finish_sale(self, request: FinishRequest) -> Finished:
        """Follow the order of a sale, and book the trade once it is filled; repeating it changes nothing."""
        order = await self._orders.follow_order(request.follow)
        if order.status is not OrderStatus.FILLED:
            return Finished(order)
        async with Heart(silence=_BOOKED_WITHIN.total_seconds()):
            closed = await self._settling.close_position(request.close)
        return Finished(closed=closed) if isinstance(closed, TradeResult) else Finished(order, closed)
