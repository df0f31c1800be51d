"""A rule that fires sends the first order of the sale itself: at most once, under the lease, and then hands it over."""

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities import watching
from activities.entries import PreparedEntry
from activities.resolving import ResolveRequest
from activities.selling import PreparedExit
from activities.settling import CloseRequest
from activities.watch import first_exit
from activities.watch.first_exit import HANDED_OVER_WITHIN
from domain.errors import StaleFencingTokenError
from domain.exits import ExitSignal
from domain.identity import IntentId, WorkerId
from domain.ladder import Rung
from domain.lock import LEASE_DURATION
from domain.market import Side
from domain.order import OrderRecord, OrderStatus
from domain.position import ExitReason
from tests.activities.desk import Desk
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT

FIRST = IntentId("run-1.2")


async def held(desk: Desk) -> PreparedEntry:
    """Hold shares at a constant price."""
    desk.simulation.force_price(SAMSUNG, desk.price(), natural=False)
    return await desk.buys()


def falls(desk: Desk) -> None:
    """Let the price fall below the stop while the watch waits."""
    desk.pace.meanwhile.extend([lambda: None, lambda: desk.price_moves(-0.04)])


async def recorded(desk: Desk) -> OrderRecord:
    record = await desk.database.orders.get(FIRST)
    assert record is not None
    return record


async def lease_left(desk: Desk) -> timedelta:
    """Return how long (real time) the stock's lease still lasts."""
    row = await desk.database._pool.fetchrow("SELECT expires_at - clock_timestamp() AS left FROM stock_locks")
    assert row is not None
    left: timedelta = row["left"]
    return left


async def test_a_stop_sends_its_order_and_hands_it_over(desk: Desk) -> None:
    entry = await held(desk)
    falls(desk)

    signal: ExitSignal = await desk.watches(entry, first=FIRST)

    assert signal.reason is ExitReason.STOP_LOSS
    assert signal.sent is not None
    assert (signal.sent.intent_id, signal.sent.quantity, signal.sent.rung) == (FIRST, entry.quantity, Rung.BEST_BID)
    assert len(desk.side_of(Side.SELL)) == 1
    assert (await recorded(desk)).status is OrderStatus.ACCEPTED
    assert timedelta(0) < await lease_left(desk) <= HANDED_OVER_WITHIN
    await desk.follows(FIRST)
    assert await lease_left(desk) > HANDED_OVER_WITHIN, "the follower has renewed it"


async def test_the_order_is_the_one_that_the_workflow_would_send(desk: Desk) -> None:
    entry = await held(desk)
    falls(desk)
    signal: ExitSignal = await desk.watches(entry)
    changes: dict[str, Any] = {"reason": signal.reason, "seen": signal.seen, "detail": signal.detail}
    decided = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, intent_id=IntentId("a"), **changes))
    assert isinstance(decided, PreparedExit)
    by_workflow = await desk.database.orders.get(decided.intent_id)
    assert by_workflow is not None
    await desk.database.orders.withdraw(decided.intent_id)

    sent = (await desk.watches(entry, first=FIRST)).sent

    assert (sent.rung, sent.quantity, sent.description) == (decided.rung, decided.quantity, decided.description)
    ours = replace((await recorded(desk)).intent, intent_id=by_workflow.intent.intent_id)
    assert replace(ours, decided_at=by_workflow.intent.decided_at) == by_workflow.intent


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "drop_reply_after"}, OrderStatus.UNKNOWN),
        ({"kind": "drop_before"}, OrderStatus.UNKNOWN),
        ({"kind": "refuse", "msg_cd": "APBK0919", "message": "장운영일자가 주문일과 상이합니다"}, OrderStatus.REJECTED),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
async def test_a_next_attempt_sends_nothing_and_hands_the_same_order_over(
    desk: Desk, fault: dict[str, Any], status: OrderStatus
) -> None:
    entry = await held(desk)
    desk.simulation.add_fault(**{"path": "order-cash", "side": "sell", **fault})
    falls(desk)
    first: ExitSignal = await desk.watches(entry, first=FIRST)
    assert first.sent is not None
    assert (await recorded(desk)).status is status
    placed = len(desk.side_of(Side.SELL))

    desk.rebuild()
    again: ExitSignal = await desk.watches(entry, first=FIRST)

    assert again.sent == first.sent
    assert again.reason is ExitReason.STOP_LOSS
    assert len(desk.side_of(Side.SELL)) == placed
    assert await lease_left(desk) <= HANDED_OVER_WITHIN


async def test_a_lost_reply_is_resolved_and_followed(desk: Desk) -> None:
    entry = await held(desk)
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash", side="sell")
    falls(desk)
    await desk.watches(entry, first=FIRST)

    record = await desk.does(desk.resolving.resolve_order, ResolveRequest(FIRST))
    assert record.status is OrderStatus.ACCEPTED
    assert (await desk.follows(FIRST)).status is OrderStatus.FILLED
    assert len(desk.side_of(Side.SELL)) == 1


async def test_an_attempt_after_the_trade_was_booked_still_names_the_order(desk: Desk) -> None:
    entry = await held(desk)
    falls(desk)
    first: ExitSignal = await desk.watches(entry, first=FIRST)
    await desk.follows(FIRST)
    close = CloseRequest(entry.position_id, first.reason, entry.lease, timedelta(0))
    booked = await desk.settles(close)

    again: ExitSignal = await desk.watches(entry, first=FIRST)

    assert again.sent == first.sent
    assert await desk.settles(close) == booked, "booking twice changes nothing"
    assert len(await desk.database.trades.on(ACCOUNT, booked.session_date)) == 1


async def test_a_watch_that_has_lost_its_lease_sends_nothing(desk: Desk) -> None:
    entry = await held(desk)
    take = desk.database.locks.take_over
    desk.price_moves(-0.04)
    desk.passes(seconds=5)
    await take(ACCOUNT, SAMSUNG, WorkerId("worker-2"))

    with pytest.raises(StaleFencingTokenError):
        await desk.watches(entry, first=FIRST)

    assert await desk.database.orders.get(FIRST) is None
    assert desk.side_of(Side.SELL) == []


async def test_a_sale_of_another_decision_is_left_to_the_workflow(desk: Desk) -> None:
    entry = await held(desk)
    other = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry))
    falls(desk)

    signal: ExitSignal = await desk.watches(entry, first=FIRST)

    assert signal.sent is None
    assert await desk.database.orders.get(FIRST) is None
    assert await lease_left(desk) > LEASE_DURATION / 2
    assert isinstance(other, PreparedExit)


async def test_with_too_many_sales_at_once_the_workflow_sends_the_rest(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await held(desk)
    falls(desk)
    monkeypatch.setattr(first_exit, "_AT_ONCE", 0)

    assert (await desk.watches(entry, first=FIRST)).sent is None

    assert await desk.database.orders.get(FIRST) is None
    assert desk.side_of(Side.SELL) == []


async def test_a_decision_that_hangs_is_left_to_the_workflow(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = await held(desk)
    desk.price_moves(-0.04)
    desk.passes(seconds=5)
    monkeypatch.setattr(first_exit, "_DECIDES_WITHIN", 0.2)
    async with desk.database._pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT 1 FROM stock_locks FOR UPDATE")  # no lease can be renewed now

        assert (await desk.watches(entry, first=FIRST)).sent is None

    assert await desk.database.orders.get(FIRST) is None
    assert desk.side_of(Side.SELL) == []


async def test_nothing_bounds_an_order_from_its_permit_to_its_reply(desk: Desk) -> None:
    entry = await held(desk)
    decided = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry))
    assert isinstance(decided, PreparedExit)
    order = await desk.database.orders.get(decided.intent_id)
    assert order is not None
    await desk.database.orders.withdraw(decided.intent_id)

    async with asyncio.timeout(60) as bound:
        await desk.first_exit._record_and_post(bound, ExitStack(), replace(order.intent, intent_id=FIRST))
        assert bound.when() is None

    assert (await recorded(desk)).status is OrderStatus.ACCEPTED


async def test_while_temporal_is_silent_the_watch_tries_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = await held(desk)
    falls(desk)
    monkeypatch.setattr(first_exit, "_AT_ONCE", 0)
    monkeypatch.setattr(watching, "is_silent", lambda: True)
    desk.pace.meanwhile.append(lambda: monkeypatch.setattr(first_exit, "_AT_ONCE", 1))

    assert (await desk.watches(entry, first=FIRST)).sent is not None

    assert len(desk.side_of(Side.SELL)) == 1


async def test_a_command_meanwhile_finds_the_order_and_sends_no_other(desk: Desk) -> None:
    entry = await held(desk)
    falls(desk)
    await desk.watches(entry, first=FIRST)

    decided = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry))

    assert isinstance(decided, PreparedExit)
    assert (decided.intent_id, decided.works_already) == (FIRST, True)


async def test_a_cancelled_watch_does_not_abandon_its_request(desk: Desk) -> None:
    entry = await held(desk)
    desk.price_moves(-0.04)
    desk.passes(seconds=5)
    desk.simulation.add_fault(kind="delay", path="order-cash", side="sell", seconds=1)
    watching = asyncio.create_task(desk.watches(entry, first=FIRST))
    while await desk.database.orders.get(FIRST) is None:
        await asyncio.sleep(0.01)

    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching

    assert (await recorded(desk)).status is OrderStatus.ACCEPTED


async def test_the_watch_does_not_sell_for_a_workflow_of_an_earlier_build(desk: Desk) -> None:
    entry = await held(desk)
    falls(desk)

    assert (await desk.watches(entry)).sent is None
    assert desk.side_of(Side.SELL) == []
