"""Scenes of the joined steps, each with a second attempt after the death of the first one's process."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from activities.entries import PreparedEntry
from activities.joined import EnterRequest, FinishRequest, JoinedActivities
from activities.orders import FollowRequest, OrderActivities
from activities.settling import CloseRequest
from activities.watch.messages import FirstOrder
from domain.identity import IntentId
from domain.order import OrderPurpose
from domain.position import ExitReason
from tests.activities.desk import PLAN, Desk
from tests.support.stepping import ACCOUNT
from tests.trials.clockwork.mortal import ProcessDiedError
from tests.trials.planted_bugs.swapping import swapped

_OVERTAKEN = "UPDATE stock_locks SET fencing_token = fencing_token + 1, worker_id = 'worker-2'"


async def finished_by_two_attempts(desk: Desk) -> list[str]:
    """The process dies after it has booked the trade, before Temporal has the answer."""
    entry = await desk.buys()
    decision: Any = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    await desk.submits(decision, OrderPurpose.EXIT)
    close = CloseRequest(entry.position_id, ExitReason.STOP_LOSS, entry.lease, timedelta(0))
    request = FinishRequest(FollowRequest(decision.intent_id, timedelta(seconds=5)), close)
    for _ in range(2):
        await desk.does(joined_of(desk).finish_sale, request)
    return []


async def bought_under_a_lock_that_another_took(desk: Desk) -> list[str]:
    """The process dies with its order at the broker, and another worker takes the lock before the next attempt."""

    async def dies(*_: Any) -> None:
        await desk.database._pool.execute(_OVERTAKEN)
        raise ProcessDiedError

    await desk.registers()
    request = EnterRequest(desk.entry_request(), f"{ACCOUNT}/trading", FirstOrder(IntentId("run.2"), PLAN.session))
    with swapped(OrderActivities, "follow_order", dies), suppress(ProcessDiedError):
        await desk.does(joined_of(desk).enter_position, request)
    entered = await desk.does(joined_of(desk).enter_position, request)
    is_known = isinstance(entered.decision, PreparedEntry) and entered.order is not None
    return [] if is_known else ["scene: an order in flight is reported as no entry"]


def joined_of(desk: Desk) -> JoinedActivities:
    """Return the joined steps of a desk's process."""
    return JoinedActivities(desk.entries, desk.orders, desk.market_watch, desk.settling, desk.database, desk.pace)
