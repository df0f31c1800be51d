"""A sale that has begun and whose lease has lapsed: a host follows its order, sells the rest, and books the trade."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ActivityError

from activities.closing import CLOSER
from activities.entries import PreparedEntry
from activities.settling import CloseRequest
from activities.watch.first_exit import HANDED_OVER_WITHIN
from domain.errors import BadRulesError, StaleFencingTokenError
from domain.event_kind import EventKind
from domain.exits import ExitSignal
from domain.identity import IntentId, WorkerId
from domain.market import Side, Symbol
from domain.order import OrderStatus
from domain.position import ClosedTrade, ExitReason
from fleet.duties.unattended_sales import SELLER
from tests.activities.carrying_on import host_of, let_leases_lapse
from tests.activities.conftest import desk
from tests.activities.desk import PLAN, Desk
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT

__all__ = ["desk"]

FIRST = IntentId("run-1.2")
THIN = Symbol("013580")


async def sold_by_its_watch(desk: Desk, *, no_bids: bool = False) -> PreparedEntry:
    """Hold shares, let them fall below the stop, and let the watch send its order."""

    def falls() -> None:
        desk.price_moves(-0.04)
        desk.simulation.set_conditions(SAMSUNG, no_bids=no_bids)

    desk.simulation.force_price(SAMSUNG, desk.price(), natural=False)
    entry = await desk.buys()
    desk.pace.meanwhile.extend([_nothing, falls])
    signal: ExitSignal = await desk.watches(entry, first=FIRST)
    assert signal.sent is not None
    return entry


async def trades(desk: Desk) -> tuple[ClosedTrade, ...]:
    return await desk.database.trades.on(ACCOUNT, PLAN.session.date)


async def test_an_order_that_no_workflow_follows_is_followed_and_booked(desk: Desk) -> None:
    await sold_by_its_watch(desk)
    await let_leases_lapse(desk)

    await host_of(desk).look()

    (trade,) = await trades(desk)
    assert trade.exit_reason is ExitReason.STOP_LOSS
    assert trade.net_pnl == desk.broker_account.cash - desk.broker_account.opening_cash
    assert len(desk.side_of(Side.SELL)) == 1
    assert SAMSUNG not in await desk.database.locks.locked_symbols(ACCOUNT)
    kinds = [event.kind for event in await desk.database.events.latest(ACCOUNT, 20)]
    assert kinds.count(EventKind.POSITION_ADOPTED) == 1


async def test_a_lost_reply_is_resolved_first(desk: Desk) -> None:
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash", side="sell")
    await sold_by_its_watch(desk)
    await let_leases_lapse(desk)

    await host_of(desk).look()

    assert len(await trades(desk)) == len(desk.side_of(Side.SELL)) == 1


@pytest.mark.parametrize("fault", [{"kind": "drop_before"}, {"kind": "refuse", "msg_cd": "APBK0919", "message": "x"}])
async def test_a_sale_without_an_order_at_the_broker_goes_on_by_the_ladder(desk: Desk, fault: dict[str, Any]) -> None:
    desk.simulation.add_fault(**{"path": "order-cash", "side": "sell", **fault})
    await sold_by_its_watch(desk)
    await let_leases_lapse(desk)

    await host_of(desk).look()

    assert len(await trades(desk)) == len(desk.side_of(Side.SELL)) == 1
    orders = await desk.database.orders.on(ACCOUNT, PLAN.session.date)
    assert [order.status for order in orders][-1] is OrderStatus.FILLED
    assert orders[-1].intent.worker_id == SELLER


async def test_an_order_that_finds_no_bid_is_cancelled_and_repriced(desk: Desk) -> None:
    def bids_come_back() -> None:
        desk.simulation.set_conditions(SAMSUNG, no_bids=False)

    entry = await sold_by_its_watch(desk, no_bids=True)
    await let_leases_lapse(desk)
    assert not desk.pace.meanwhile
    desk.pace.meanwhile.extend([*[_nothing] * 8, bids_come_back])

    await host_of(desk).look()

    (trade,) = await trades(desk)
    assert trade.quantity == entry.quantity
    assert len(desk.side_of(Side.SELL)) > 1


async def test_an_unfinished_buy_is_ended_meanwhile_and_its_late_shares_are_sold(desk: Desk) -> None:
    desk.simulation.force_price(THIN, desk.price(THIN), volume=0)
    desk.simulation.set_conditions(THIN, thin=True)
    entry = await desk.prepared(THIN)
    await desk.submits(entry)
    assert (await desk.follows(entry.intent_id, timedelta(seconds=3))).is_active
    desk.pace.meanwhile.extend([_nothing, lambda: desk.price_moves(-0.04, THIN)])
    signal: ExitSignal = await desk.watches(entry, first=FIRST)
    assert signal.sent is not None
    desk.simulation.set_conditions(THIN, thin=False)
    await let_leases_lapse(desk)

    await host_of(desk).look()

    (trade,) = await trades(desk)
    assert trade.net_pnl == desk.broker_account.cash - desk.broker_account.opening_cash
    orders = await desk.database.orders.on(ACCOUNT, PLAN.session.date)
    assert not any(order.is_active for order in orders)


async def test_a_trade_that_its_workflow_books_first_frees_the_stock(desk: Desk) -> None:
    entry = await sold_by_its_watch(desk)
    await let_leases_lapse(desk)

    async def booked_meanwhile(request: Any) -> Any:
        desk.pace.begin()
        record = await desk.orders.follow_order(request)
        close = CloseRequest(entry.position_id, ExitReason.STOP_LOSS, entry.lease, timedelta(0))
        await desk.settling.close_position(close)
        return record

    await host_of(desk, follow_order=booked_meanwhile).look()

    assert len(await trades(desk)) == 1
    assert SAMSUNG not in await desk.database.locks.locked_symbols(ACCOUNT)


async def test_a_workflow_that_returns_finds_its_trade_booked(desk: Desk) -> None:
    entry = await sold_by_its_watch(desk)
    await let_leases_lapse(desk)
    await host_of(desk).look()
    booked = await trades(desk)

    signal: ExitSignal = await desk.watches(entry, first=FIRST)
    assert signal.sent is not None
    assert (await desk.follows(FIRST)).status is OrderStatus.FILLED
    result = await desk.settles(CloseRequest(entry.position_id, signal.reason, entry.lease, timedelta(0)))

    assert result.net_pnl == booked[0].net_pnl
    assert await trades(desk) == booked


async def test_the_workflows_next_order_is_refused_after_the_takeover(desk: Desk) -> None:
    entry = await sold_by_its_watch(desk)
    await let_leases_lapse(desk)
    lease = await desk.database.locks.take_lapsed(ACCOUNT, SAMSUNG, SELLER, entry.lease.fencing_token)
    assert lease is not None

    with pytest.raises(StaleFencingTokenError):
        await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 1))


async def test_only_one_host_takes_a_sale(desk: Desk) -> None:
    await sold_by_its_watch(desk)
    await let_leases_lapse(desk)

    await asyncio.gather(*(host_of(desk).look() for _ in range(3)))

    assert len(await trades(desk)) == len(desk.side_of(Side.SELL)) == 1
    kinds = [event.kind for event in await desk.database.events.latest(ACCOUNT, 20)]
    assert kinds.count(EventKind.POSITION_ADOPTED) == 1


async def test_a_followed_sale_is_left_to_its_workflow(desk: Desk) -> None:
    await sold_by_its_watch(desk)

    await host_of(desk).look()

    assert await trades(desk) == ()
    assert await desk.database.locks.last_held_by(ACCOUNT, SELLER) == set()


async def test_a_held_position_without_a_sale_is_no_sale(desk: Desk) -> None:
    await desk.buys()
    await let_leases_lapse(desk)

    await host_of(desk).look()

    assert desk.side_of(Side.SELL) == []


async def test_a_position_that_another_worker_has_adopted_is_watched_not_sold(desk: Desk) -> None:
    await sold_by_its_watch(desk)
    await let_leases_lapse(desk)
    await desk.registers(WorkerId("worker-2"))
    assert await desk.database.locks.adopt_orphan(ACCOUNT, SAMSUNG, WorkerId("worker-2"))
    await let_leases_lapse(desk)

    await host_of(desk).look()

    assert await trades(desk) == ()


async def test_what_the_close_has_seized_is_left_to_it(desk: Desk) -> None:
    await sold_by_its_watch(desk)
    await desk.database.locks.take_over(ACCOUNT, SAMSUNG, CLOSER, timedelta(0))

    await host_of(desk).look()

    assert await trades(desk) == ()


async def test_a_close_that_seizes_meanwhile_ends_the_hosts_sale(desk: Desk) -> None:
    desk.simulation.add_fault(kind="drop_before", path="order-cash", side="sell")
    await sold_by_its_watch(desk)
    await let_leases_lapse(desk)

    async def seized_before(request: Any) -> Any:
        await desk.database.locks.take_over(ACCOUNT, SAMSUNG, CLOSER)
        return await desk.selling.prepare_exit(request)

    await host_of(desk, prepare_exit=seized_before).look()

    assert desk.side_of(Side.SELL) == []


async def test_a_sale_that_fails_is_reported_and_taken_up_again(desk: Desk) -> None:
    await sold_by_its_watch(desk)
    await let_leases_lapse(desk)

    async def fails(_: Any) -> Any:
        raise BadRulesError("no rule")

    with pytest.raises(ActivityError):
        await host_of(desk, follow_order=fails).look()
    await let_leases_lapse(desk)
    await host_of(desk).look()

    assert len(await trades(desk)) == 1


async def test_a_step_that_fails_is_repeated(desk: Desk) -> None:
    await sold_by_its_watch(desk)
    await let_leases_lapse(desk)
    faults = [OSError("reset"), OSError("reset")]

    async def fails_twice(request: Any) -> Any:
        if faults:
            raise faults.pop()
        desk.pace.begin()
        return await desk.orders.follow_order(request)

    await host_of(desk, follow_order=fails_twice).look()

    assert len(await trades(desk)) == 1


async def test_a_new_host_leaves_the_workflows_of_an_old_one_time_to_resume(desk: Desk) -> None:
    await sold_by_its_watch(desk)
    await let_leases_lapse(desk)
    host = host_of(desk)
    host._first_after = 3600

    await host.look()

    assert await trades(desk) == ()
    assert timedelta(seconds=5) < HANDED_OVER_WITHIN


def _nothing() -> None:
    """Let time pass."""
