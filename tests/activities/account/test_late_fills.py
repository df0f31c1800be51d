"""Fills that the broker lists late, and amounts that it corrects: watched, sold and booked to the won (F42)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from activities.account.comparing import Reconciled, ReconcileRequest
from activities.closing import AwaitFlatRequest
from activities.cycles import AdoptionRequest, Held
from activities.entries import PreparedEntry
from activities.resolving import ProofRules, ResolveRequest
from activities.selling import PreparedExit
from activities.settling import CloseRequest
from activities.support.requests import SessionRequest
from domain.costs import Costs
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import WorkerId
from domain.market import Side, Symbol
from domain.money import Quantity, Won
from domain.order import Accepted, OrderPurpose, OrderStatus
from domain.position import ExitReason
from tests.activities.desk import PLAN, Desk
from tests.support.builders import HYNIX, SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT
from verifier.books import Books, BrokerBook, BrokerRow, Ledger
from verifier.money import books_are_the_brokers, every_won_traces

TODAY = PLAN.session.date
RIVAL = WorkerId("worker-2")
LATE = 4
LISTS = "inquire-daily-ccld"


async def reconciled(desk: Desk) -> Reconciled:
    return await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))


async def events_of(desk: Desk, kind: str) -> list[Event]:
    return [event for event in await desk.database.events.latest(ACCOUNT, 100) if event.kind == kind]


def earned(desk: Desk) -> int:
    return desk.broker_account.cash - desk.broker_account.opening_cash


async def net(desk: Desk) -> int:
    return sum(trade.net_pnl for trade in await desk.database.trades.on(ACCOUNT, TODAY))


async def settled(desk: Desk, entry: PreparedEntry) -> None:
    await desk.settles(CloseRequest(entry.position_id, ExitReason.OPERATOR, entry.lease, timedelta(0)))


async def traded_but_for_late_shares(desk: Desk) -> PreparedEntry:
    """Buy all. The list shows the last shares as withdrawn; the rest is sold and its trade booked."""
    entry = await desk.prepared()
    await desk.submits(entry)
    desk.simulation.add_fault(kind="hide_fills", path=LISTS, shares=LATE, number=desk.sent[0].number, count=0)
    record = await desk.follows(entry.intent_id)
    assert (record.status, record.filled_quantity) == (OrderStatus.CANCELLED, entry.quantity - LATE)
    await desk.sells(entry)
    await settled(desk, entry)
    desk.simulation.clear_faults()
    return entry


async def adopted(desk: Desk, worker: WorkerId = RIVAL) -> Held:
    """Let a scanning worker find the orphaned position and take it over."""
    await desk.registers(worker)
    (symbol,) = await desk.database.locks.orphans(ACCOUNT)
    held = await desk.does(desk.cycles.adopt_orphan, AdoptionRequest(ACCOUNT, worker, symbol, PLAN))
    assert held is not None
    return held


async def sold_by(desk: Desk, entry: PreparedEntry, held: Held) -> None:
    """Watch until the stop-loss fires, sell and book."""
    desk.pace.meanwhile.append(lambda: desk.price_moves(-0.1, entry.symbol))
    signal = await desk.watches(entry, held.lease)
    assert signal.reason is ExitReason.STOP_LOSS
    taken = replace(entry, lease=held.lease)
    assert (await desk.sells(taken, attempt=5)).filled_quantity == held.quantity
    await desk.settles(CloseRequest(entry.position_id, signal.reason, held.lease, timedelta(0)))
    assert not desk.broker_account.holdings[entry.symbol].quantity


async def verified(desk: Desk) -> list[str]:
    """Return the verifier's findings about the day's money."""
    database, account = desk.database, desk.broker_account
    rows = tuple(
        BrokerRow(
            day=order.day,
            number=order.number,
            symbol=Symbol(order.symbol),
            side=Side(order.side),
            quantity=Quantity(order.quantity),
            placed_at=order.placed_at,
            filled=Quantity(order.filled),
            amount=Won(order.amount),
            remaining=Quantity(order.remaining),
            costs=Costs(Won(order.costs.commission), Won(order.costs.tax)),
            original=order.original,
            by_hand=order.by_hand,
            is_new=not order.original,
        )
        for order in account.orders
    )
    holdings = {Symbol(symbol): Quantity(held.quantity) for symbol, held in account.holdings.items() if held.quantity}
    books = Books(
        plan=PLAN,
        clock=desk.pace.clock,
        read_at=PLAN.session.ends_at + timedelta(minutes=1),
        broker=BrokerBook(rows, holdings, Won(account.opening_cash), Won(account.cash)),
        ledger=Ledger(
            orders=await database.audit.orders_on(ACCOUNT, TODAY),
            fills=await database.audit.fills_on(ACCOUNT, TODAY),
            positions=await database.audit.positions_around(ACCOUNT, TODAY),
            trades=await database.trades.on(ACCOUNT, TODAY),
            summaries=await database.summaries.compute(ACCOUNT, TODAY),
            events=await database.audit.events_on(ACCOUNT, TODAY),
        ),
    )
    return [str(each) for each in (*books_are_the_brokers(books), *every_won_traces(books))]


async def test_a_lost_buy_is_absent_though_late_shares_of_another_buy_are_held(desk: Desk) -> None:
    desk.simulation.add_fault(kind="hide_fills", path=LISTS, shares=1_000_000, count=1)
    first = await desk.prepared()
    await desk.submits(first)
    assert (await desk.follows(first.intent_id)).status is OrderStatus.CANCELLED
    await desk.does(
        desk.settling.abandon_entry, CloseRequest(first.position_id, ExitReason.OPERATOR, first.lease, timedelta(0))
    )
    second = await desk.prepared(worker=RIVAL)
    desk.simulation.add_fault(kind="drop_before", path="order-cash")
    assert (await desk.submits(second)).status is OrderStatus.UNKNOWN
    desk.rebuild(ProofRules(settle_time=timedelta(seconds=5), clean_reads=2))

    lost = await desk.does(desk.resolving.resolve_order, ResolveRequest(second.intent_id, False))

    assert lost.status is OrderStatus.NEVER_PLACED
    await desk.does(
        desk.settling.abandon_entry, CloseRequest(second.position_id, ExitReason.OPERATOR, second.lease, timedelta(0))
    )
    await reconciled(desk)
    assert (await desk.holding(first.position_id)).quantity == first.quantity


async def test_late_shares_of_a_booked_trade_are_watched_and_sold_and_correct_the_trade(desk: Desk) -> None:
    entry = await traded_but_for_late_shares(desk)

    found = await reconciled(desk)
    held = await adopted(desk)

    assert (found.differences, held.quantity, held.position_id) == ((), LATE, entry.position_id)
    (event,) = await events_of(desk, EventKind.LATE_SHARES_RECOVERED)
    assert (event.level, event.symbol) == (EventLevel.CRITICAL, SAMSUNG)
    await sold_by(desk, entry, held)
    (trade,) = await desk.database.trades.on(ACCOUNT, TODAY)
    assert (trade.quantity, trade.worker_id, trade.net_pnl) == (entry.quantity, WORKER, earned(desk))
    assert await verified(desk) == []
    assert await events_of(desk, EventKind.LATE_FILL_NOT_BOOKED) == []


async def test_the_close_sells_late_shares_of_a_booked_trade(desk: Desk) -> None:
    entry = await traded_but_for_late_shares(desk)

    left = await desk.does(desk.closing.await_flat, AwaitFlatRequest(ACCOUNT, timedelta(0)))
    held = await desk.does(desk.closing.seize_position, entry.position_id)

    assert left == (entry.position_id,)
    assert held is not None
    await desk.sells(replace(entry, lease=held.lease), attempt=5)
    await desk.settles(CloseRequest(entry.position_id, ExitReason.DEADLINE, held.lease, timedelta(0)))
    assert await net(desk) == earned(desk)
    assert (await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))).flat
    assert await verified(desk) == []


async def test_late_shares_of_a_worker_that_holds_another_stock_are_sold_as_well(desk: Desk) -> None:
    entry = await desk.prepared()
    await desk.submits(entry)
    desk.simulation.add_fault(kind="hide_fills", path=LISTS, shares=1_000_000, number=desk.sent[0].number, count=0)
    await desk.follows(entry.intent_id)
    close = CloseRequest(entry.position_id, ExitReason.OPERATOR, entry.lease, timedelta(0))
    await desk.does(desk.settling.abandon_entry, close)
    other = await desk.buys(HYNIX, name="worker-1.2")
    desk.simulation.clear_faults()

    await reconciled(desk)
    held = await adopted(desk)

    assert (held.symbol, held.quantity) == (SAMSUNG, entry.quantity)
    await sold_by(desk, entry, held)
    await desk.sells(other)
    await settled(desk, other)
    assert await net(desk) == earned(desk)
    assert await verified(desk) == []


async def test_shares_that_come_before_the_entry_is_let_go_are_left_to_be_sold(desk: Desk) -> None:
    entry = await desk.prepared()
    await desk.submits(entry)
    desk.simulation.add_fault(kind="hide_fills", path=LISTS, shares=1_000_000, count=1)
    await desk.follows(entry.intent_id)
    await reconciled(desk)

    close = CloseRequest(entry.position_id, ExitReason.OPERATOR, entry.lease, timedelta(0))
    await desk.does(desk.settling.abandon_entry, close)

    assert (await adopted(desk)).quantity == entry.quantity


async def test_late_shares_wait_while_another_worker_holds_their_stock(desk: Desk) -> None:
    entry = await traded_but_for_late_shares(desk)
    again = await desk.buys(worker=RIVAL)

    await reconciled(desk)
    (waiting,) = await events_of(desk, EventKind.LATE_FILL_NOT_BOOKED)
    await desk.sells(again)
    await settled(desk, again)
    await reconciled(desk)

    assert waiting.level is EventLevel.CRITICAL
    held = await adopted(desk, WorkerId("worker-3"))
    await sold_by(desk, entry, held)
    assert await net(desk) == earned(desk)
    assert await verified(desk) == []


@pytest.mark.parametrize("won", [-700, 1_300])
@pytest.mark.parametrize("whole", [True, False], ids=["both amounts", "the sale's amount"])
async def test_an_amount_that_the_broker_corrects_after_the_trade_corrects_the_trade(
    desk: Desk, won: int, whole: bool
) -> None:
    if whole:
        desk.simulation.add_fault(kind="wrong_amount", path=LISTS, won=won, count=0)
    entry = await desk.buys()
    desk.simulation.clear_faults()
    desk.simulation.add_fault(kind="wrong_amount", path=LISTS, won=-won if whole else won, count=0)
    await desk.sells(entry)
    await settled(desk, entry)
    assert await net(desk) != earned(desk)
    desk.simulation.clear_faults()

    await reconciled(desk)
    again = await reconciled(desk)

    (trade,) = await desk.database.trades.on(ACCOUNT, TODAY)
    assert trade.net_pnl == earned(desk)
    assert (trade.quantity, trade.exit_reason) == (entry.quantity, ExitReason.OPERATOR)
    assert again.booked_fills == 0
    assert await events_of(desk, EventKind.TRADE_CORRECTED)
    assert await desk.database.positions.live_in(ACCOUNT) == ()
    assert await verified(desk) == []


async def test_an_amount_that_is_corrected_while_holding_changes_the_cost(desk: Desk) -> None:
    desk.simulation.add_fault(kind="wrong_amount", path=LISTS, won=500, count=0)
    entry = await desk.buys()
    desk.simulation.clear_faults()

    await reconciled(desk)

    assert (await desk.holding(entry.position_id)).cost == desk.broker_account.holdings[SAMSUNG].cost
    assert await desk.database.positions.held_by(ACCOUNT, WORKER) is not None


async def test_our_own_sale_that_was_booked_as_the_owners_corrects_the_trade(desk: Desk) -> None:
    entry = await desk.buys()
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert isinstance(sale, PreparedExit)
    await desk.submits(sale, OrderPurpose.EXIT)
    number = desk.sent[-1].number
    desk.simulation.add_fault(kind="hide_fills", path=LISTS, shares=1_000_000, number=number, count=0)
    await desk.follows(sale.intent_id)
    by_others = CloseRequest(entry.position_id, ExitReason.FOREIGN_SALE, entry.lease, timedelta(0), Won(1))
    await desk.does(desk.settling.close_position, by_others)
    desk.simulation.clear_faults()

    await reconciled(desk)

    (trade,) = await desk.database.trades.on(ACCOUNT, TODAY)
    assert (trade.exit_reason, trade.net_pnl) == (ExitReason.OPERATOR, earned(desk))
    assert await desk.database.positions.live_in(ACCOUNT) == ()
    assert await verified(desk) == []


async def test_a_comparison_ends_an_order_that_the_list_shows_withdrawn_without_a_fill(desk: Desk) -> None:
    entry = await desk.prepared()
    desk.price_moves(0.05)
    await desk.submits(entry)
    assert isinstance(await desk.does(desk.orders.cancel_order, entry.intent_id), Accepted)

    await reconciled(desk)

    record = await desk.database.orders.get(entry.intent_id)
    assert record is not None
    assert (record.status, record.filled_quantity) == (OrderStatus.CANCELLED, 0)
