"""Scenes of the joined steps, each with a second attempt after the death of the first one's process."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from activities.entries import EntryActivities, NoEntry, PreparedEntry
from activities.joined import Entered, EnterRequest, FinishRequest, JoinedActivities
from activities.market.last_look import NotBought
from activities.orders import FollowRequest, OrderActivities, SubmitRequest
from activities.settling import CloseRequest
from activities.watch.messages import FirstOrder
from database.locks import Locks
from domain.errors import OvertakenError
from domain.identity import IntentId
from domain.order import OrderPurpose
from domain.position import ExitReason
from tests.activities.desk import PLAN, Desk
from tests.support.builders import HYNIX, SAMSUNG
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

    with swapped(OrderActivities, "follow_order", dies), suppress(ProcessDiedError):
        await _enters(desk, 1)
    entered = await _enters(desk, 2)
    is_known = isinstance(entered.decision, PreparedEntry) and entered.order is not None
    return [] if is_known else ["scene: an order in flight is reported as no entry"]


async def refused_while_a_process_was_stopped(desk: Desk) -> list[str]:
    """A process stops at its first stock, the next attempt refuses both, and the process goes on to the second."""
    decide, answers = EntryActivities._decided, list[Entered]()

    async def stopped(self: EntryActivities, *about: Any) -> Any:
        if answers:
            return await decide(self, *about)
        await desk.database.risk.press_kill_switch(ACCOUNT, "the test", "while a process is stopped")
        with swapped(EntryActivities, "_decided", decide):
            answers.append(await _enters(desk, 2))
        await desk.database.risk.lift_kill_switch(ACCOUNT, "the test", "it goes on")
        return NotBought("its price has moved")

    with swapped(EntryActivities, "_decided", stopped), suppress(OvertakenError):
        await _enters(desk, 1)
    is_refused = isinstance(answers[0].decision, NoEntry)
    return ["scene: an order leaves after no entry"] if is_refused and desk.sent else []


async def sent_before_its_lock_was_lost(desk: Desk) -> list[str]:
    """An attempt dies with an unsent intent. The next one reads it; then it is sent, and its lock is taken."""
    submit, acquire = OrderActivities.submit_order, Locks.acquire

    async def dies(*_: Any) -> None:
        raise ProcessDiedError

    async def too_late(self: Locks, *about: Any) -> Any:
        request = desk.entry_request()
        await submit(desk.orders, SubmitRequest(request.intent_id, OrderPurpose.ENTRY, request.rules.risk, PLAN))
        await desk.database._pool.execute(_OVERTAKEN)
        return await acquire(self, *about)

    with swapped(OrderActivities, "submit_order", dies), suppress(ProcessDiedError):
        await _enters(desk, 1)
    with swapped(Locks, "acquire", too_late):
        entered = await _enters(desk, 2)
    return [] if isinstance(entered.decision, PreparedEntry) else ["scene: an order in flight is reported as no entry"]


async def _enters(desk: Desk, attempt: int) -> Entered:
    await desk.registers()
    request = EnterRequest(
        desk.entry_request(SAMSUNG, HYNIX), f"{ACCOUNT}/trading", FirstOrder(IntentId("run.2"), PLAN.session)
    )
    return await desk.does(joined_of(desk).enter_position, request, attempt=attempt)


def joined_of(desk: Desk) -> JoinedActivities:
    """Return the joined steps of a desk's process."""
    return JoinedActivities(desk.entries, desk.orders, desk.market_watch, desk.settling, desk.database, desk.pace)
