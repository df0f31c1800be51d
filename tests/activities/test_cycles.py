"""The start of each run: what the worker still has from an earlier run or process."""

from datetime import timedelta

from activities.closing import CLOSER
from activities.cycles import Cycle, CycleActivities, CycleRequest
from domain.close_plan import CloseLeads
from domain.identity import IntentId, WorkerId
from domain.order import OrderPurpose, OrderStatus
from domain.position import ExitReason
from domain.session import SessionDate
from domain.worker_state import WorkerState
from tests.activities.desk import PLAN, Desk
from tests.support.builders import SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT, CALENDAR, kst


async def begins(desk: Desk, worker: WorkerId = WORKER) -> Cycle:
    return await desk.does(desk.cycles.begin_cycle, CycleRequest(ACCOUNT, worker, f"trading-worker/{ACCOUNT}/{worker}"))


async def test_a_new_worker_is_registered_with_empty_hands(desk: Desk) -> None:
    cycle = await begins(desk)

    assert (cycle.held, cycle.unfinished, cycle.plan) == (None, (), PLAN)
    (worker,) = await desk.database.workers.all_of(ACCOUNT)
    assert (worker.worker_id, worker.state) == (WORKER, WorkerState.IDLE)
    first = cycle.plan.session.date
    assert await desk.database.workers.in_session(ACCOUNT, first) == (WORKER,)
    assert await desk.database.workers.in_session(ACCOUNT, SessionDate(first - timedelta(days=1))) == ()


async def test_a_worker_plans_its_close_with_the_whole_fleet_and_the_accounts_rate(desk: Desk) -> None:
    desk.cycles = CycleActivities(desk.database, CALENDAR, CloseLeads(calls_per_second=1), desk.pace)
    alone = await begins(desk)
    names = [WorkerId(f"worker-{number}") for number in range(1, 31)]
    await desk.database.workers.register_all(ACCOUNT, {name: f"trading-worker/{ACCOUNT}/{name}" for name in names})

    among_thirty = await begins(desk)

    assert alone.plan.liquidation_at == kst("2026-11-23 15:15")
    assert among_thirty.plan.liquidation_at == kst("2026-11-23 15:12")


async def test_an_open_position_is_held_under_the_same_token(desk: Desk) -> None:
    entry = await desk.buys()

    cycle = await begins(desk)

    assert cycle.held is not None
    assert (cycle.held.position_id, cycle.held.quantity) == (entry.position_id, entry.quantity)
    assert cycle.held.lease.fencing_token == entry.lease.fencing_token
    assert not cycle.held.overdue
    assert cycle.held.sold_because is None


async def test_a_position_whose_lease_ran_out_is_held_under_a_higher_token(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.database.locks.renew(entry.lease, timedelta(0))

    cycle = await begins(desk)

    assert cycle.held is not None
    assert cycle.held.lease.fencing_token > entry.lease.fencing_token


async def test_an_intent_that_was_never_sent_is_unfinished(desk: Desk) -> None:
    entry = await desk.prepared()

    cycle = await begins(desk)

    assert cycle.held is None
    (unfinished,) = cycle.unfinished
    assert (unfinished.intent_id, unfinished.purpose) == (entry.intent_id, OrderPurpose.ENTRY)
    assert unfinished.lease is not None


async def test_a_partly_filled_entry_is_held_and_unfinished(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.does(desk.selling.prepare_exit, desk.exit_of(entry))

    cycle = await begins(desk)

    assert cycle.held is not None
    assert [order.purpose for order in cycle.unfinished] == [OrderPurpose.EXIT]


async def test_a_position_whose_only_order_came_to_nothing_is_abandoned(desk: Desk) -> None:
    entry = await desk.prepared()
    await desk.database.orders.withdraw(entry.intent_id)

    cycle = await begins(desk)

    assert (cycle.held, cycle.unfinished) == (None, ())
    assert await desk.database.positions.live_of(ACCOUNT, WORKER) is None


async def test_shares_that_are_sold_but_not_booked_are_booked_by_the_next_run(desk: Desk) -> None:
    entry = await desk.buys()
    sale = desk.exit_of(entry, 2, reason=ExitReason.STOP_LOSS, intent_id=IntentId("run-2.1"))
    prepared = await desk.does(desk.selling.prepare_exit, sale)
    await desk.submits(prepared, OrderPurpose.EXIT)  # type: ignore[arg-type]
    assert (await desk.follows(IntentId("run-2.1"))).status is OrderStatus.FILLED

    cycle = await begins(desk)

    assert cycle.held is not None
    assert (cycle.held.quantity, cycle.held.sold_because) == (0, ExitReason.STOP_LOSS)


async def test_a_position_of_an_earlier_session_is_overdue(desk: Desk) -> None:
    await desk.buys()
    desk.simulation.move_clock(kst("2026-11-24 09:00"))

    cycle = await begins(desk)

    assert cycle.held is not None
    assert cycle.held.overdue
    assert cycle.plan.session.date > PLAN.session.date


async def test_a_stock_that_the_close_has_seized_is_not_held_by_its_worker_any_more(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.database.locks.take_over(ACCOUNT, SAMSUNG, WorkerId("somebody"))

    cycle = await begins(desk)

    assert cycle.held is None
    assert (await desk.holding(entry.position_id)).quantity == entry.quantity


async def test_what_a_dead_close_was_selling_is_taken_back_together_with_its_order(desk: Desk) -> None:
    entry = await desk.buys()
    seized = await desk.database.locks.take_over(ACCOUNT, SAMSUNG, CLOSER)
    sale = desk.exit_of(entry, lease=seized)
    await desk.does(desk.selling.prepare_exit, sale)
    while_it_lives = await begins(desk)
    await desk.database.locks.renew(seized, timedelta(0))

    cycle = await begins(desk)

    assert (while_it_lives.held, while_it_lives.unfinished, while_it_lives.elsewhere) == (None, (), SAMSUNG)
    assert cycle.held is not None
    assert cycle.held.lease.fencing_token > seized.fencing_token
    assert [order.intent_id for order in cycle.unfinished] == [sale.intent_id]


async def test_the_hosts_setting_says_who_watches_what_a_run_buys(desk: Desk) -> None:
    assert (await begins(desk)).shared_watch

    desk.cycles = CycleActivities(desk.database, CALENDAR, CloseLeads(), desk.pace, shared_watch=False)
    assert not (await begins(desk)).shared_watch
