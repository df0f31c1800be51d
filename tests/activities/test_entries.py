"""Candidates become one recorded, locked and approved buy decision, or a reason why not."""

from dataclasses import replace

from activities.entries import NoEntry, PreparedEntry
from domain.identity import WorkerId
from domain.lock import Lease
from domain.market import Side
from domain.money import Rate, Won, notional
from domain.order import OrderStatus
from tests.activities.desk import PLAN, Desk
from tests.support.builders import HYNIX, SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT, RULES

RIVAL = WorkerId("worker-2")


async def test_an_entry_is_written_down_with_its_position_before_anything_is_sent(desk: Desk) -> None:
    entry = await desk.prepared(SAMSUNG)

    record = await desk.database.orders.get(entry.intent_id)
    assert record is not None
    assert record.status is OrderStatus.INTENDED
    assert record.intent.fencing_token == entry.lease.fencing_token
    assert notional(record.intent.limit_price or record.intent.decision_price, entry.quantity) > 0
    assert await desk.database.positions.live_of(ACCOUNT, WORKER) == entry.position_id
    assert desk.sent == []


async def test_a_lock_that_a_rival_holds_moves_on_to_the_next_candidate_at_once(desk: Desk) -> None:
    assert isinstance(await desk.database.locks.acquire(ACCOUNT, SAMSUNG, RIVAL), Lease)

    entry = await desk.prepared(SAMSUNG, HYNIX)

    assert entry.symbol == HYNIX
    assert await desk.database.locks.locked_symbols(ACCOUNT) == {SAMSUNG, HYNIX}


async def test_without_a_candidate_left_every_reason_is_reported(desk: Desk) -> None:
    await desk.database.locks.acquire(ACCOUNT, SAMSUNG, RIVAL)

    decision = await desk.prepares(SAMSUNG)

    assert decision == NoEntry((f"{SAMSUNG}: lock lost",))


async def test_a_stock_of_which_no_share_is_affordable_is_let_go(desk: Desk) -> None:
    decision = await desk.prepares(SAMSUNG, risk=replace(RULES.risk, capital_per_trade=Won(10_000)))

    assert decision == NoEntry((f"{SAMSUNG}: no share affordable",))
    assert await desk.database.locks.locked_symbols(ACCOUNT) == set()


async def test_a_denial_is_written_down_and_gives_the_lock_back(desk: Desk) -> None:
    await desk.database.risk.press_kill_switch(ACCOUNT, "operator", "test")

    decision = await desk.prepares(SAMSUNG)

    assert isinstance(decision, NoEntry)
    assert "KILL_SWITCH_ON" in decision.reasons[0]
    assert await desk.database.locks.locked_symbols(ACCOUNT) == set()
    assert (await desk.database.events.denials_on(ACCOUNT, PLAN.session.date))[WORKER] == {"KILL_SWITCH_ON": 1}


async def test_a_flagged_stock_is_not_bought(desk: Desk) -> None:
    desk.simulation.set_conditions(SAMSUNG, flags=["warned"])

    decision = await desk.prepares(SAMSUNG)

    assert decision == NoEntry((f"{SAMSUNG}: flagged warned",))


async def test_a_broker_that_refuses_to_report_the_buying_power_costs_only_the_candidate(desk: Desk) -> None:
    desk.simulation.add_fault(kind="refuse", path="inquire-psbl-order", symbol=SAMSUNG, msg_cd="APBK0952", message="no")

    entry = await desk.prepared(SAMSUNG, HYNIX)

    assert entry.symbol == HYNIX


async def test_preparing_again_after_a_crash_finds_the_same_decision(desk: Desk) -> None:
    first = await desk.prepared(SAMSUNG)
    desk.price_moves(0.05)
    desk.rebuild()

    second = await desk.prepares(HYNIX, SAMSUNG)

    assert isinstance(second, PreparedEntry)
    assert (second.intent_id, second.symbol, second.quantity) == (first.intent_id, first.symbol, first.quantity)
    assert second.lease.fencing_token == first.lease.fencing_token


async def test_two_workers_never_prepare_the_same_stock(desk: Desk) -> None:
    mine = await desk.prepared(SAMSUNG, HYNIX)
    theirs = await desk.prepared(SAMSUNG, HYNIX, worker=RIVAL)

    assert {mine.symbol, theirs.symbol} == {SAMSUNG, HYNIX}
    assert {order.intent.side for order in await desk.database.orders.active_in(ACCOUNT)} == {Side.BUY}


async def test_a_stock_without_offers_is_let_go(desk: Desk) -> None:
    desk.simulation.set_conditions(SAMSUNG, no_asks=True)

    decision = await desk.prepares(SAMSUNG)

    assert isinstance(decision, NoEntry)
    assert decision.reasons[0].startswith(f"{SAMSUNG}: spread too wide: bid ")
    assert await desk.database.locks.locked_symbols(ACCOUNT) == set()


async def test_a_buy_beyond_the_fleets_open_risk_is_denied_before_it_becomes_an_intent(desk: Desk) -> None:
    risk = replace(RULES.risk, fleet_daily_loss=Won(20_000), worker_daily_loss=Won(20_000))

    decision = await desk.prepares(SAMSUNG, risk=risk)

    assert isinstance(decision, NoEntry)
    assert "OPEN_RISK_EXCEEDED" in decision.reasons[0]
    assert await desk.database.orders.active_in(ACCOUNT) == ()


async def test_a_stop_that_is_off_puts_the_price_limit_at_stake(desk: Desk) -> None:
    exits = replace(RULES.exits, stop_loss=Rate(0))
    risk = replace(RULES.risk, fleet_daily_loss=Won(RULES.risk.capital_per_trade // 4))

    decision = await desk.prepares(SAMSUNG, risk=risk, exits=exits)

    assert isinstance(decision, NoEntry)
    assert "OPEN_RISK_EXCEEDED" in decision.reasons[0]


async def test_two_workers_do_not_both_spend_what_the_broker_shows(desk: Desk) -> None:
    desk.broker_account.cash = Won(RULES.risk.capital_per_trade * 3 // 2)

    mine = await desk.prepared(SAMSUNG)
    theirs = await desk.prepares(HYNIX, worker=RIVAL)

    assert isinstance(theirs, NoEntry)
    assert "BUYING_POWER_RESERVED" in theirs.reasons[0]
    assert await desk.database.locks.locked_symbols(ACCOUNT) == {SAMSUNG}

    await desk.submits(mine)
    assert isinstance(await desk.prepares(HYNIX, worker=RIVAL, name="while mine works"), NoEntry)
    await desk.follows(mine.intent_id)
    assert isinstance(await desk.prepares(HYNIX, worker=RIVAL, name="again"), PreparedEntry)
