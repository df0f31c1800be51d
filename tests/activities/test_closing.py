"""The close, its reconciliation and its summaries: idempotent, and the broker's data is authoritative."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from activities.account.comparing import ReconcileRequest
from activities.closing import (
    CLOSER,
    AwaitFlatRequest,
    ClosePlan,
    ClosingActivities,
    NoSession,
    OpenOrder,
    OpenOrdersRequest,
    PlanCloseRequest,
)
from activities.cycles import Held
from activities.entries import PreparedEntry
from activities.orders import FollowRequest
from activities.selling import PreparedExit
from activities.settling import CloseRequest
from activities.summarising import SummaryRequest
from activities.support.requests import SessionRequest
from domain.close_plan import CloseLeads
from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.identity import IntentId, WorkerId
from domain.lane import Lane
from domain.lock import LockHeld
from domain.market import Side, Symbol
from domain.money import Price, Quantity, Won
from domain.order import OrderPurpose, OrderStatus
from domain.order import OrderType as OurType
from domain.position import ExitReason
from domain.summary import totals_of
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.desk import PLAN, Desk
from tests.support.builders import HYNIX, SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT, CALENDAR, kst

TODAY = PLAN.session.date
RIVAL = WorkerId("worker-2")


def bought_by_hand(desk: Desk, symbol: Symbol = HYNIX, quantity: int = 3) -> None:
    account = desk.broker_account.id
    order = OrderRequest(account, symbol, Side.BUY, OrderType.MARKET, Quantity(quantity), Price(0))
    assert desk.simulation.place_order(order, by_hand=True).filled == quantity


async def test_the_plan_is_the_session_of_the_day_on_which_the_close_was_started(desk: Desk) -> None:
    started_at = desk.simulation.market_now()
    planned = await desk.does(desk.closing.plan_close, PlanCloseRequest(ACCOUNT, started_at))
    desk.simulation.move_clock(kst("2026-11-24 08:30"))
    next_morning = await desk.does(desk.closing.plan_close, PlanCloseRequest(ACCOUNT, started_at))
    saturday = await desk.does(desk.closing.plan_close, PlanCloseRequest(ACCOUNT, kst("2026-11-28 15:15")))

    assert isinstance(planned, ClosePlan)
    assert isinstance(next_morning, ClosePlan)
    assert planned.plan == next_morning.plan == PLAN
    assert isinstance(saturday, NoSession)


async def test_once_entries_are_shut_a_prepared_buy_is_not_sent(desk: Desk) -> None:
    entry = await desk.prepared()

    for _ in range(2):
        await desk.does(desk.closing.shut_entries, SessionRequest(ACCOUNT, TODAY))

    assert (await desk.submits(entry)).status is OrderStatus.DENIED
    assert desk.sent == []


async def test_patience_with_the_workers_ends_and_names_what_is_left_largest_first(desk: Desk) -> None:
    small = await desk.buys(SAMSUNG)
    large = await desk.buys(HYNIX, worker=RIVAL)
    costs = {entry.position_id: (await desk.holding(entry.position_id)).cost for entry in (small, large)}

    left = await desk.does(desk.closing.await_flat, AwaitFlatRequest(ACCOUNT, timedelta(seconds=2)))

    assert list(left) == sorted(costs, key=lambda name: costs[name], reverse=True)
    assert desk.pace.waited() == timedelta(seconds=2)


async def test_the_more_workers_wait_for_their_turn_the_longer_the_close_leaves_them_to_it(desk: Desk) -> None:
    await desk.buys()
    for number in range(2, 19):
        await desk.registers(WorkerId(f"worker-{number}"))
    leads = CloseLeads(calls_per_second=18)
    closing = ClosingActivities(desk.broker, desk.database, CALENDAR, leads, desk.pace)

    left = await desk.does(closing.await_flat, AwaitFlatRequest(ACCOUNT, timedelta(seconds=2)))

    assert len(left) == 1
    assert desk.pace.waited() == timedelta(seconds=2) + timedelta(seconds=18 * 2 / 18)


async def test_a_look_without_patience_waits_for_no_turn(desk: Desk) -> None:
    await desk.buys()
    closing = ClosingActivities(desk.broker, desk.database, CALENDAR, CloseLeads(calls_per_second=18), desk.pace)

    left = await desk.does(closing.await_flat, AwaitFlatRequest(ACCOUNT, timedelta(0)))

    assert len(left) == 1
    assert desk.pace.waited() == timedelta(0)


async def test_a_buy_that_still_works_is_left_for_the_close_as_well(desk: Desk) -> None:
    entry = await desk.prepared()
    desk.simulation.set_conditions(entry.symbol, no_asks=True)
    await desk.submits(entry)
    assert await desk.database.positions.held_in(ACCOUNT) == ()

    left = await desk.does(desk.closing.await_flat, AwaitFlatRequest(ACCOUNT, timedelta(seconds=2)))

    assert left == (entry.position_id,)
    assert desk.pace.waited() == timedelta(seconds=2)


async def given_up_though_it_filled(desk: Desk) -> PreparedEntry:
    """Buy; the list first shows the order as withdrawn and its fill later, so the ledger looks flat."""
    entry = await desk.prepared()
    record = await desk.submits(entry)
    (listed,) = await desk.broker.orders_on(TODAY, Lane.RESOLVE)
    withdrawn = replace(listed, filled_quantity=Quantity(0), filled_amount=Won(0), remaining_quantity=Quantity(0))
    await desk.database.orders.book(record.intent.intent_id, withdrawn, desk.pace.now())
    close = CloseRequest(entry.position_id, ExitReason.OPERATOR, entry.lease, timedelta(0))
    await desk.does(desk.settling.abandon_entry, close)
    assert await desk.database.positions.held_in(ACCOUNT) == ()
    return entry


async def test_shares_that_only_the_broker_knows_from_our_own_late_fill_are_left_for_the_close_to_sell(
    desk: Desk,
) -> None:
    entry = await given_up_though_it_filled(desk)

    left = await desk.does(desk.closing.await_flat, AwaitFlatRequest(ACCOUNT, timedelta(seconds=2)))

    assert left == (entry.position_id,)
    held = await desk.does(desk.closing.seize_position, entry.position_id)
    assert held is not None
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2, lease=held.lease))
    assert isinstance(sale, PreparedExit)
    assert sale.quantity == entry.quantity


async def test_a_late_fill_of_an_order_that_seemed_over_is_reconciled(desk: Desk) -> None:
    entry = await given_up_though_it_filled(desk)

    found = await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))

    assert (found.booked_fills, found.differences) == (1, ())
    assert (await desk.holding(entry.position_id)).quantity == entry.quantity


async def test_a_broker_that_is_away_keeps_no_flat_ledger_waiting(desk: Desk) -> None:
    desk.simulation.add_fault(kind="http_error", path="inquire-daily-ccld", count=0)

    assert await desk.does(desk.closing.await_flat, AwaitFlatRequest(ACCOUNT, timedelta(seconds=2))) == ()


async def test_an_order_list_that_cannot_be_read_keeps_nothing_from_being_sold(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.add_fault(kind="garbage", path="inquire-daily-ccld", count=0, body="<html>")

    left = await desk.does(desk.closing.await_flat, AwaitFlatRequest(ACCOUNT, timedelta(0)))

    assert left == (entry.position_id,)


async def test_a_close_that_waits_for_the_brokers_answer_is_not_taken_for_dead(desk: Desk) -> None:
    desk.simulation.add_fault(kind="delay", path="inquire-daily-ccld", seconds=1.3, count=1)

    await desk.does(desk.closing.await_flat, AwaitFlatRequest(ACCOUNT, timedelta(0)))

    assert len(desk.heartbeats) >= 3


async def test_a_flat_ledger_is_not_waited_for(desk: Desk) -> None:
    assert await desk.does(desk.closing.await_flat, AwaitFlatRequest(ACCOUNT, timedelta(seconds=2))) == ()
    assert desk.pace.pauses == 0


async def test_a_seized_position_can_be_sold_by_the_close_and_not_by_its_worker(desk: Desk) -> None:
    entry = await desk.buys()
    mine = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry))

    held = await desk.does(desk.closing.seize_position, entry.position_id)

    assert held is not None
    assert held.lease.fencing_token > entry.lease.fencing_token
    assert (await desk.submits(mine)).status is OrderStatus.DENIED  # type: ignore[arg-type]
    assert await desk.does(desk.closing.seize_position, entry.position_id) is not None
    await asyncio.gather(*desk.database.reports._under_way.values())
    (seized,) = [each for each in await desk.database.events.latest(ACCOUNT, 50) if each.kind == "position_seized"]
    assert (seized.level, seized.worker_id, seized.symbol) == (EventLevel.WARNING, WORKER, SAMSUNG)


async def resting_sale_of_a_lost_worker(desk: Desk) -> tuple[PreparedExit, Held]:
    entry = await desk.buys()
    desk.simulation.set_conditions(SAMSUNG, no_bids=True)
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert isinstance(sale, PreparedExit)
    await desk.submits(sale, OrderPurpose.EXIT)
    held = await desk.does(desk.closing.seize_position, entry.position_id)
    assert held is not None
    return sale, held


async def test_the_close_keeps_its_lease_while_it_follows_the_workers_own_order(desk: Desk) -> None:
    sale, held = await resting_sale_of_a_lost_worker(desk)
    lapses: list[asyncio.Task[object]] = []

    def lapse() -> None:
        lapses.append(asyncio.create_task(desk.database.locks.renew(held.lease, timedelta(0))))

    desk.pace.meanwhile.extend([str] * 60 + [lapse])
    request = FollowRequest(sale.intent_id, timedelta(minutes=1), held.lease)
    assert (await desk.does(desk.orders.follow_order, request)).is_active

    assert len(lapses) == 1
    kept = await desk.database.locks.acquire(ACCOUNT, SAMSUNG, RIVAL)
    assert isinstance(kept, LockHeld)
    assert kept.owner == CLOSER


async def test_a_close_that_lost_the_stock_keeps_no_lease(desk: Desk) -> None:
    sale, held = await resting_sale_of_a_lost_worker(desk)
    await desk.database.locks.take_over(ACCOUNT, SAMSUNG, RIVAL, timedelta(0))

    request = FollowRequest(sale.intent_id, timedelta(seconds=30), held.lease)
    assert (await desk.does(desk.orders.follow_order, request)).is_active

    assert await desk.database.locks.locked_symbols(ACCOUNT) == set()


async def test_a_position_whose_trade_is_booked_is_not_seized(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.sells(entry)
    await desk.settles(CloseRequest(entry.position_id, ExitReason.OPERATOR, entry.lease, timedelta(0)))

    assert await desk.does(desk.closing.seize_position, entry.position_id) is None


async def test_open_orders_are_listed_for_one_position_or_for_all(desk: Desk) -> None:
    mine = await desk.prepared(SAMSUNG)
    theirs = await desk.prepared(HYNIX, worker=RIVAL)

    limits = [OpenOrder(entry.intent_id, OurType.LIMIT) for entry in (mine, theirs)]
    assert await desk.does(desk.closing.list_open_orders, OpenOrdersRequest(ACCOUNT, mine.position_id)) == (limits[0],)
    assert set(await desk.does(desk.closing.list_open_orders, OpenOrdersRequest(ACCOUNT, None))) == set(limits)


async def test_a_missing_fill_is_booked_and_a_second_run_changes_nothing(desk: Desk) -> None:
    entry = await desk.prepared()
    await desk.submits(entry)

    first = await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))
    second = await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))

    assert (first.booked_fills, second.booked_fills) == (1, 0)
    assert first.differences == second.differences == ()
    assert await desk.database.events.counts(ACCOUNT, TODAY, EventKind.MISSING_FILL_BOOKED) == 1
    assert (await desk.holding(entry.position_id)).quantity == entry.quantity


async def test_a_foreign_holding_is_reported_once_and_not_touched(desk: Desk) -> None:
    bought_by_hand(desk)

    await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))
    found = await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))

    assert found.differences == (f"foreign_holding: {HYNIX}, ledger 0, broker 3",)
    assert await desk.database.events.counts(ACCOUNT, TODAY, EventKind.DISCREPANCY_FOUND) == 1
    (event,) = await desk.database.events.latest(ACCOUNT, 1)
    assert event.level is EventLevel.ERROR
    assert [order.by_hand for order in desk.sent] == [True]


async def test_shares_sold_by_hand_are_missed(desk: Desk) -> None:
    entry = await desk.buys()
    account = desk.broker_account.id
    sale = OrderRequest(account, SAMSUNG, Side.SELL, OrderType.MARKET, Quantity(1), Price(0))
    desk.simulation.place_order(sale, by_hand=True)

    found = await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))

    assert [line.split(":")[0] for line in found.differences] == ["missing_holding"]
    assert (await desk.holding(entry.position_id)).quantity == entry.quantity
    assert found.entries_closed
    snapshot = await desk.database.risk.snapshot(ACCOUNT, WORKER, TODAY, desk.pace.now())
    assert snapshot.entries_closed_because.startswith("books disagree: missing_holding")


async def test_the_result_of_a_session_names_what_is_still_held(desk: Desk) -> None:
    entry = await desk.buys()

    await desk.does(desk.summaries.write_summaries, SummaryRequest(ACCOUNT, TODAY))

    (result,) = [
        each for each in await desk.database.events.latest(ACCOUNT, 50) if each.kind == EventKind.DAY_SUMMED_UP
    ]
    carried = str(result.detail["carried"])
    assert carried.startswith(SAMSUNG)
    assert carried.endswith(f"×{entry.quantity:,}")


async def test_summaries_written_twice_are_the_same(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.sells(entry)
    await desk.does(
        desk.settling.close_position, CloseRequest(entry.position_id, ExitReason.OPERATOR, entry.lease, timedelta(0))
    )
    await desk.database.risk.press_kill_switch(ACCOUNT, "operator", "test")
    await desk.prepares(HYNIX, name=IntentId("worker-1.9"))

    first = await desk.does(desk.summaries.write_summaries, SummaryRequest(ACCOUNT, TODAY))
    second = await desk.does(desk.summaries.write_summaries, SummaryRequest(ACCOUNT, TODAY))

    assert first == second
    assert first.performance.net == desk.broker_account.cash - desk.broker_account.opening_cash
    assert first.denials == {"KILL_SWITCH_ON": 1}
    kept = await desk.database.summaries.on(ACCOUNT, TODAY)
    assert [summary.scope for summary in kept] == ["fleet", WORKER]
    assert (set(kept[0].by_symbol), set(kept[0].by_worker)) == ({SAMSUNG}, {WORKER})
    assert first == totals_of(kept[0]), "a workflow's history holds no line for each of a thousand stocks"
