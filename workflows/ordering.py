"""One order from the recorded intent to its proven end; used for buying, selling and the close."""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.joined import Finished, FinishRequest, JoinedActivities
    from activities.orders import FollowRequest, OrderActivities, SubmitRequest
    from activities.resolving import ResolveRequest, ResolvingActivities
    from activities.settling import CloseRequest
    from domain.identity import IntentId
    from domain.lock import Lease
    from domain.order import WORKING_STATUSES, OrderPurpose, OrderRecord, OrderStatus
    from workflows.identity import TaskQueues
    from workflows.options import CANCEL_ONCE, LOOK, RESOLVED_QUICKLY, SUBMIT_ENTRY_ONCE, SUBMIT_EXIT_ONCE, via
    from workflows.steps import DURABLE, Steps


_QUICK_CANCELS: Final = 2
_MOST_DOUBLINGS: Final = 4


class Ordering:
    """The order protocol as steps of a sale or purchase."""

    def __init__(self, queues: TaskQueues, *, waits_for_operator: bool = True, steps: Steps = DURABLE) -> None:
        self._queues = queues
        self._steps = steps
        self._waits_for_operator = waits_for_operator

    async def place(self, request: SubmitRequest, patience: timedelta, summary: str) -> OrderRecord:
        """Send the order once, resolve its outcome, and cancel it when ``patience`` runs out."""
        record = await self.submit(request, summary)
        if record is not None and not record.is_active:
            return record
        return await self.finish(request.intent_id, patience, summary)

    async def finish_sale(
        self, intent_id: IntentId, patience: timedelta, summary: str, close: CloseRequest
    ) -> Finished:
        """Follow the order of a sale and book its trade in one step; bring an order that is not over to its end."""
        finished = await self._steps.act(
            JoinedActivities.finish_sale,
            FinishRequest(FollowRequest(intent_id, patience), close),
            via(self._queues.watch, LOOK, f"follow, book: {summary}"),
        )
        if finished.order is None or not finished.order.is_active:
            return finished
        return Finished(await self.finish(intent_id, patience, summary, followed=finished.order))

    async def finish(
        self,
        intent_id: IntentId,
        patience: timedelta,
        summary: str,
        lease: Lease | None = None,
        *,
        followed: OrderRecord | None = None,
    ) -> OrderRecord:
        """Bring an order in any state to its proven end; cancel the unfilled rest after ``patience``.

        A quarantined order is returned only if this instance does not wait for the operator. ``lease`` is the caller's
        own on the stock, renewed meanwhile, if the order belongs to another worker. ``followed`` is the order
        as another step has left it after this patience.
        """
        cancels = 0
        record = followed or await self._follow(intent_id, patience, summary, lease)
        while record.is_active and not self._is_left_to_the_operator(record):
            if record.status in WORKING_STATUSES:
                await self._cancel(intent_id, summary)
                record = await self._follow(intent_id, _until_the_next_cancel(cancels), summary, lease)
                cancels += 1
            else:
                await self._resolve(intent_id, summary, lease)
                record = await self._follow(intent_id, patience, summary, lease)
        return record

    def _is_left_to_the_operator(self, record: OrderRecord) -> bool:
        return record.status is OrderStatus.QUARANTINED and not self._waits_for_operator

    async def submit(self, request: SubmitRequest, summary: str) -> OrderRecord | None:
        """Send the order once; return it, or None if the attempt was lost."""
        options = SUBMIT_ENTRY_ONCE if request.purpose is OrderPurpose.ENTRY else SUBMIT_EXIT_ONCE
        try:
            return await self._steps.act(
                OrderActivities.submit_order, request, via(self._queues.broker, options, summary)
            )
        except ActivityError as lost:
            # The single attempt was lost. The resolver determines whether the order was sent.
            self._steps.logger.warning(
                "submit_attempt_lost", extra={"intent_id": request.intent_id, "order": summary, "cause": str(lost)}
            )
            return None

    async def _follow(self, intent_id: IntentId, patience: timedelta, summary: str, lease: Lease | None) -> OrderRecord:
        return await self._steps.act(
            OrderActivities.follow_order,
            FollowRequest(intent_id, patience, lease),
            via(self._queues.watch, LOOK, f"follow: {summary}"),
        )

    async def _resolve(self, intent_id: IntentId, summary: str, lease: Lease | None) -> OrderRecord:
        return await self._steps.act(
            ResolvingActivities.resolve_order,
            ResolveRequest(intent_id, self._waits_for_operator, lease),
            via(self._queues.watch, LOOK, f"resolve: {summary}"),
        )

    async def _cancel(self, intent_id: IntentId, summary: str) -> None:
        try:
            await self._steps.act(
                OrderActivities.cancel_order,
                intent_id,
                via(self._queues.broker, CANCEL_ONCE, f"cancel the rest: {summary}"),
            )
        except ActivityError as lost:
            self._steps.logger.warning(
                "cancel_attempt_lost", extra={"intent_id": intent_id, "order": summary, "cause": str(lost)}
            )


def _until_the_next_cancel(cancels: int) -> timedelta:
    """Return how long to wait for a cancel: it grows, since repeated cancels fill a workflow history."""
    return RESOLVED_QUICKLY * (1 << min(max(cancels - _QUICK_CANCELS, 0), _MOST_DOUBLINGS))
