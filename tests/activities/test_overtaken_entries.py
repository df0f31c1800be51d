"""An attempt of a buy whose process stops, and goes on after a later attempt has answered: it changes no row."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from activities.entries import EntryActivities, NoEntry
from activities.joined import Entered, EnterRequest
from activities.market.last_look import NotBought
from activities.watch.messages import FirstOrder
from domain.errors import TradingError
from domain.identity import IntentId
from tests.activities.desk import PLAN, Desk
from tests.support.builders import HYNIX, SAMSUNG
from tests.support.stepping import ACCOUNT
from tests.trials.planted_bugs.joined_scenes import joined_of, sent_before_its_lock_was_lost
from tests.trials.planted_bugs.swapping import swapped


async def enters(desk: Desk, attempt: int, busy: int = 0) -> Entered:
    await desk.registers()
    first, joined = FirstOrder(IntentId("run.2"), PLAN.session), joined_of(desk)
    joined._sending = busy
    request = EnterRequest(desk.entry_request(SAMSUNG, HYNIX), f"{ACCOUNT}/trading", first)
    return await desk.does(joined.enter_position, request, attempt=attempt)


async def stopped_in(name: str, desk: Desk, meanwhile: Callable[[], Awaitable[Any]], goes_on: Any = None) -> None:
    """Make a first attempt that stops in a call while others act; then it goes on with the call, or its answer."""
    act, stopped = vars(EntryActivities)[name], list[str]()

    async def slow(self: EntryActivities, *about: Any) -> Any:
        if stopped:
            return await act(self, *about)
        stopped.append(name)
        await meanwhile()
        return goes_on or await act(self, *about)

    with swapped(EntryActivities, name, slow), suppress(TradingError):
        await enters(desk, attempt=1)
    assert stopped == [name]


async def refused(desk: Desk) -> None:
    """Let the next attempt refuse every stock; afterwards entries are open again."""
    await desk.database.risk.press_kill_switch(ACCOUNT, "the test", "while the first attempt is stopped")
    assert isinstance((await enters(desk, attempt=2)).decision, NoEntry)
    await desk.database.risk.lift_kill_switch(ACCOUNT, "the test", "it is over")


async def test_it_neither_locks_nor_buys_the_next_stock_after_no_entry(desk: Desk) -> None:
    await stopped_in("_decided", desk, lambda: refused(desk), NotBought("its price has moved"))

    assert desk.sent == [], "the workflow goes on without an order"
    assert await desk.database.locks.locked_symbols(ACCOUNT) == set()


async def test_it_records_nothing_after_no_entry(desk: Desk) -> None:
    await stopped_in("_written", desk, lambda: refused(desk))

    assert await desk.database.orders.get(desk.entry_request().intent_id) is None
    assert desk.sent == []


async def test_it_releases_no_lock_of_shares_that_the_next_attempt_has_bought(desk: Desk) -> None:
    bought = list[Entered]()

    async def bought_meanwhile() -> None:
        bought.append(await enters(desk, attempt=2))

    await stopped_in("_decided", desk, bought_meanwhile, NotBought("its price has moved"))

    assert bought[0].watched is not None
    assert await desk.database.locks.locked_symbols(ACCOUNT) == {SAMSUNG}
    assert len(desk.sent) == 1


async def test_it_ends_when_it_begins_after_a_later_one(desk: Desk) -> None:
    await refused(desk)

    with suppress(TradingError):
        await enters(desk, attempt=1)

    assert desk.sent == []


async def test_a_later_attempt_never_leaves_the_buy_to_single_steps(desk: Desk) -> None:
    """Their attempts are counted from one again, so an earlier attempt of the joined step would not be shut out."""
    assert (await enters(desk, attempt=1, busy=50)) == Entered()

    assert (await enters(desk, attempt=2, busy=50)).watched is not None


async def test_an_order_that_the_first_attempt_sends_before_its_lock_is_lost_is_never_reported_as_no_entry(
    desk: Desk,
) -> None:
    assert await sent_before_its_lock_was_lost(desk) == []
    assert len(desk.sent) == 1
