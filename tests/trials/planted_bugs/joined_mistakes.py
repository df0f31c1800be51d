"""Mistakes of the joined steps, each planted by replacing a small part of the product."""

from contextlib import AbstractContextManager

from activities.entries import EntryDecision, EntryRequest, NoEntry, PreparedEntry
from activities.joined import Entered, EnterRequest, JoinedActivities
from activities.support.pace import SendWindow
from database.entry_attempts import EntryAttempts
from domain.order import OrderRecord, OrderStatus
from tests.trials.planted_bugs.swapping import swapped


def sends_again_in_a_later_attempt() -> AbstractContextManager[None]:
    """Takes an order without a reply for one that was never sent."""
    permitted = JoinedActivities._permitted

    async def again(self: JoinedActivities, entry: EntryRequest, order: OrderRecord) -> PreparedEntry:
        if order.status is OrderStatus.SENDING:
            await self._orders.send(order.intent, SendWindow())
        return await permitted(self, entry, order)

    return swapped(JoinedActivities, "_permitted", again)


def takes_a_lost_lock_for_no_entry() -> AbstractContextManager[None]:
    """Answers as the preparation alone does: without the lock nothing was bought."""
    followed = JoinedActivities._followed

    async def gives_up(
        self: JoinedActivities, request: EnterRequest, decision: PreparedEntry, order: OrderRecord
    ) -> Entered:
        if decision.lease.acquired_at == decision.lease.expires_at:
            return Entered(NoEntry(("lock lost",)))
        return await followed(self, request, decision, order)

    return swapped(JoinedActivities, "_followed", gives_up)


def lets_overtaken_attempts_act() -> AbstractContextManager[None]:
    """Shuts no earlier attempt out, so that a process which was stopped goes on with its candidates."""

    async def none(*_: object) -> None: ...

    return swapped(EntryAttempts, "begin", none)


def refuses_without_a_second_look() -> AbstractContextManager[None]:
    """Answers what the preparation found, though an earlier attempt may have sent meanwhile."""

    async def prepared(self: JoinedActivities, entry: EntryRequest, _: object) -> EntryDecision:
        return await self._entries.prepare_entry(entry)

    return swapped(JoinedActivities, "_prepared", prepared)
