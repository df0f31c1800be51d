"""A buy in one step on real books: sent by one attempt alone, wherever an earlier one has ended."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import activities.joined
from activities.entries import EntryActivities, EntryRequest, NoEntry, PreparedEntry
from activities.joined import Entered, EnterRequest, FinishRequest, JoinedActivities
from activities.market_watch import MarketWatchActivities
from activities.orders import FollowRequest, OrderActivities
from activities.settling import CloseRequest, TradeResult
from activities.watch.messages import FirstOrder
from database.orders import Orders
from domain.errors import TradingError
from domain.identity import IntentId, WorkerId
from domain.lock import LEASE_DURATION, Lease
from domain.order import OrderPurpose, OrderStatus
from domain.position import ExitReason
from domain.screening import Candidate
from tests.activities.desk import PLAN, Desk
from tests.support.builders import HYNIX, SAMSUNG
from tests.support.stepping import ACCOUNT
from tests.trials.planted_bugs.joined_scenes import joined_of
from tests.trials.planted_bugs.swapping import swapped

FIRST = FirstOrder(IntentId("run.2"), PLAN.session)
QUEUE = f"{ACCOUNT}/trading"


class DiedError(BaseException):
    """The process is gone: no handler of it acts."""


async def dies(*_: Any, **__: Any) -> None:
    raise DiedError


async def enters(desk: Desk, joined: JoinedActivities | None = None, first: FirstOrder | None = FIRST) -> Entered:
    await desk.registers()
    request = EnterRequest(desk.entry_request(), QUEUE, first)
    return await desk.does((joined or joined_of(desk)).enter_position, request)


async def dies_in(desk: Desk, owner: type, name: str, act: Callable[..., Awaitable[Any]] = dies) -> None:
    """Make an attempt whose process dies in one of its calls."""
    with swapped(owner, name, act), suppress(DiedError):
        await enters(desk)


async def test_a_straight_buy_is_held_and_watched_after_one_step(desk: Desk) -> None:
    entered = await enters(desk)

    assert isinstance(entered.decision, PreparedEntry)
    assert entered.watched is not None
    assert (entered.order, entered.watched.due) == (None, None)
    position = await desk.holding(entered.watched.held.position_id)
    assert position.quantity == entered.watched.held.quantity == desk.sent[0].quantity
    assert len(desk.temporal.started) == 1
    assert len(desk.sent) == 1


async def test_a_repeated_attempt_of_a_finished_buy_sends_nothing(desk: Desk) -> None:
    first, second = await enters(desk), await enters(desk)

    assert first.watched is not None
    assert second.watched is not None
    assert second.watched.held.position_id == first.watched.held.position_id
    assert len(desk.sent) == 1


async def test_an_intent_that_was_never_permitted_is_left_to_the_resolver(desk: Desk) -> None:
    await dies_in(desk, OrderActivities, "submit_order")

    entered = await enters(desk)

    assert entered.order is not None
    assert entered.order.status is OrderStatus.INTENDED
    assert entered.watched is None
    assert desk.sent == []


async def test_an_order_whose_reply_died_with_its_process_is_left_to_the_resolver(desk: Desk) -> None:
    await dies_in(desk, Orders, "record_outcome")
    assert len(desk.sent) == 1

    entered = await enters(desk)

    assert isinstance(entered.decision, PreparedEntry)
    assert entered.order is not None
    assert entered.order.status is OrderStatus.SENDING
    assert entered.watched is None
    assert len(desk.sent) == 1


async def test_an_accepted_order_is_followed_and_watched_by_the_next_attempt(desk: Desk) -> None:
    await dies_in(desk, OrderActivities, "follow_order")

    entered = await enters(desk)

    assert entered.watched is not None
    assert len(desk.sent) == 1


async def test_a_filled_order_is_watched_by_the_next_attempt(desk: Desk) -> None:
    await dies_in(desk, MarketWatchActivities, "hold")

    entered = await enters(desk)

    assert entered.watched is not None
    assert len(desk.sent) == 1


async def test_an_error_while_sending_counts_as_a_lost_attempt(desk: Desk) -> None:
    async def fails(*_: Any) -> None:
        raise TradingError("the books cannot be written")

    with swapped(Orders, "record_outcome", fails):
        entered = await enters(desk)

    assert entered.order is not None
    assert entered.order.status is OrderStatus.SENDING
    assert len(desk.sent) == 1


async def test_an_entry_that_is_shut_after_the_review_is_refused_in_the_sending_transaction(desk: Desk) -> None:
    prepare = EntryActivities.prepare_entry

    async def shut(self: EntryActivities, request: Any) -> Any:
        decision = await prepare(self, request)
        await desk.database.risk.press_kill_switch(ACCOUNT, "the test", "after the review")
        return decision

    with swapped(EntryActivities, "prepare_entry", shut):
        entered = await enters(desk)

    assert entered.order is not None
    assert not entered.order.is_active
    assert entered.watched is None
    assert desk.sent == []


async def test_a_lease_that_is_lost_before_the_permit_sends_nothing(desk: Desk) -> None:
    prepare = EntryActivities.prepare_entry

    async def overtaken(self: EntryActivities, request: Any) -> Any:
        decision = await prepare(self, request)
        await desk.database._pool.execute(
            "UPDATE stock_locks SET fencing_token = fencing_token + 1, worker_id = 'worker-2'"
        )
        return decision

    with swapped(EntryActivities, "prepare_entry", overtaken):
        entered = await enters(desk)

    assert entered.watched is None
    assert desk.sent == []


@pytest.mark.parametrize("next_attempt", [False, True], ids=["same attempt", "next attempt"])
async def test_a_lease_that_is_lost_after_the_order_begins_no_watch(desk: Desk, next_attempt: bool) -> None:
    follow = OrderActivities.follow_order

    async def overtaken(self: OrderActivities, request: Any) -> Any:
        order = await follow(self, request)
        await desk.database._pool.execute(
            "UPDATE stock_locks SET fencing_token = fencing_token + 1, worker_id = 'worker-2'"
        )
        if next_attempt:
            raise DiedError
        return order

    with swapped(OrderActivities, "follow_order", overtaken), suppress(DiedError):
        entered = await enters(desk)
    if next_attempt:
        entered = await enters(desk)

    assert isinstance(entered.decision, PreparedEntry), "an order in flight is never reported as no entry"
    assert entered.order is not None
    assert entered.order.status is OrderStatus.FILLED
    assert entered.watched is None
    assert len(desk.sent) == 1


async def test_a_watch_that_cannot_begin_is_left_to_the_workflow(desk: Desk) -> None:
    async def fails(*_: Any) -> None:
        raise TradingError("Temporal is away")

    with swapped(MarketWatchActivities, "hold", fails):
        entered = await enters(desk)

    assert entered.order is not None
    assert entered.order.status is OrderStatus.FILLED
    assert entered.watched is None


async def test_a_busy_process_neither_prepares_nor_sends(desk: Desk) -> None:
    joined = joined_of(desk)
    joined._sending = 50

    assert await enters(desk, joined) == Entered()
    assert await desk.database.locks.locked_symbols(ACCOUNT) == set()


async def test_a_run_with_a_watch_of_its_own_gets_the_order(desk: Desk) -> None:
    entered = await enters(desk, first=None)

    assert entered.order is not None
    assert entered.order.status is OrderStatus.FILLED
    assert entered.watched is None


async def test_a_locked_stock_is_no_entry(desk: Desk) -> None:
    assert isinstance(await desk.database.locks.acquire(ACCOUNT, SAMSUNG, WorkerId("worker-2"), LEASE_DURATION), Lease)

    assert isinstance((await enters(desk)).decision, NoEntry)
    assert desk.sent == []


async def test_an_order_that_a_slow_attempt_sends_meanwhile_is_never_reported_as_no_entry(desk: Desk) -> None:
    joined, attempt, begun = joined_of(desk), EntryActivities._try, list[Entered]()

    async def overtaken(self: EntryActivities, *about: Any) -> Any:
        with swapped(EntryActivities, "_try", attempt):
            begun.append(await enters(desk, joined))
        await desk.database.risk.press_kill_switch(ACCOUNT, "the test", "after the permit")
        return await attempt(self, *about)

    with swapped(EntryActivities, "_try", overtaken):
        entered = await enters(desk, joined)

    assert begun[0].watched is not None
    assert isinstance(entered.decision, PreparedEntry), entered.decision
    assert len(desk.sent) == 1


async def test_a_watch_that_hangs_is_left_to_the_workflow_beside_which_the_deadline_acts(desk: Desk) -> None:
    async def hangs(*_: Any) -> None:
        await asyncio.Event().wait()

    with swapped(MarketWatchActivities, "hold", hangs), swapped(activities.joined, "_WATCHED_WITHIN", timedelta(0)):
        entered = await asyncio.wait_for(enters(desk), 20)

    assert entered.order is not None
    assert entered.order.status is OrderStatus.FILLED
    assert entered.watched is None


async def test_a_slow_send_is_no_lost_attempt(desk: Desk) -> None:
    """The books answer slowly before the permit: without a heartbeat another attempt would withdraw the buy."""
    submit = OrderActivities.submit_order

    async def slow(self: OrderActivities, request: Any) -> Any:
        desk.heartbeats.clear()
        async with asyncio.timeout(20):
            while not desk.heartbeats:
                await asyncio.sleep(0.05)
        return await submit(self, request)

    with swapped(OrderActivities, "submit_order", slow):
        entered = await enters(desk)

    assert entered.watched is not None


async def test_a_late_attempt_takes_no_lock_for_shares_that_are_sold_meanwhile(desk: Desk) -> None:
    """Temporal was away, and a host has sold the shares without it: the run must learn that they are gone."""
    joined = joined_of(desk)
    decision: Any = (await enters(desk, joined, first=None)).decision
    sale: Any = await desk.does(desk.selling.prepare_exit, desk.exit_of(decision, 3))
    await desk.submits(sale, OrderPurpose.EXIT)
    close = CloseRequest(decision.position_id, ExitReason.STOP_LOSS, decision.lease, timedelta(0))
    finished = await desk.does(
        joined.finish_sale, FinishRequest(FollowRequest(sale.intent_id, timedelta(seconds=5)), close)
    )
    assert isinstance(finished.closed, TradeResult)

    entered = await enters(desk, joined)

    assert entered.watched is None
    assert await desk.database.locks.locked_symbols(ACCOUNT) == set()


async def test_an_attempt_that_chose_another_stock_meanwhile_follows_the_recorded_order(desk: Desk) -> None:
    joined, attempt = joined_of(desk), EntryActivities._try

    async def overtaken(self: EntryActivities, candidate: Candidate, request: EntryRequest) -> Any:
        with swapped(EntryActivities, "_try", attempt):
            await enters(desk, joined)
        return await attempt(self, replace(candidate, symbol=HYNIX), request)

    with swapped(EntryActivities, "_try", overtaken):
        entered = await enters(desk, joined)

    assert entered.watched is not None
    assert entered.watched.held.symbol == SAMSUNG
    assert len(desk.sent) == 1


async def test_a_slow_attempt_sends_nothing_after_a_later_one_found_the_offer_too_old(desk: Desk) -> None:
    joined, decide, later = joined_of(desk), EntryActivities._decide, list[Entered]()
    await desk.registers()
    entry = replace(desk.entry_request(), scanned_at=desk.pace.now())
    request = EnterRequest(entry, QUEUE, FIRST)

    async def slow(self: EntryActivities, *about: Any) -> Any:
        desk.simulation.move_clock(desk.pace.now() + timedelta(seconds=61))
        later.append(await desk.does(joined.enter_position, request))
        return await decide(self, *about)

    with swapped(EntryActivities, "_decide", slow):
        await desk.does(joined.enter_position, request)

    assert isinstance(later[0].decision, NoEntry)
    assert desk.sent == [], "the workflow goes on without this order"
