"""A buy that seemed over fills late, while its position is being closed: those shares are sold, too (F42)."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from activities.closing import AwaitFlatRequest
from activities.entries import PreparedEntry
from activities.reconciling import ReconcileRequest
from activities.selling import NothingToSell, PreparedExit
from activities.settling import CloseRequest, StillHeld, TradeResult
from database.booking import book_on
from database.pool import transaction
from domain.event import LATE_FILL_UNBOOKED, Event, EventLevel
from domain.identity import IntentId
from domain.lane import Lane
from domain.money import Quantity, Won
from domain.order import BrokerOrder, OrderPurpose, OrderRecord, OrderStatus
from domain.position import ExitReason
from tests.activities.desk import PLAN, Desk
from tests.builders import WORKER
from tests.stepping import ACCOUNT

LATE = 4


async def sold_out_but_for_a_late_fill(desk: Desk) -> tuple[PreparedEntry, BrokerOrder]:
    """Buy all, let the list show the last shares as withdrawn, and sell what it shows; return the true row as well."""
    entry = await desk.prepared()
    record = await desk.submits(entry)
    (listed,) = await desk.broker.orders_on(PLAN.session.date, Lane.RESOLVE)
    seen = Quantity(listed.quantity - LATE)
    amount = Won(listed.filled_amount // listed.quantity * seen)
    shown = replace(listed, filled_quantity=seen, filled_amount=amount, remaining_quantity=Quantity(0))
    await desk.database.orders.book(record.intent.intent_id, shown, desk.pace.now())
    assert (await desk.sells(entry)).filled_quantity == seen
    assert await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 3)) == NothingToSell()
    return entry, listed


def close_of(entry: PreparedEntry) -> CloseRequest:
    return CloseRequest(entry.position_id, ExitReason.STOP_LOSS, entry.lease, timedelta(0))


async def is_sold_after_all(desk: Desk, entry: PreparedEntry, listed: BrokerOrder) -> TradeResult:
    """Sell what has come late, and book the one trade of it all."""
    order = await desk.sells(entry, attempt=4)
    assert (order.status, order.filled_quantity) == (OrderStatus.FILLED, LATE)
    result = await desk.settles(close_of(entry))
    assert (result.quantity, result.exit_reason) == (listed.quantity, ExitReason.STOP_LOSS)
    assert (
        desk.broker_account.holdings.get(entry.symbol) is None
        or not desk.broker_account.holdings[entry.symbol].quantity
    )
    assert result.net_pnl == desk.broker_account.cash - desk.broker_account.opening_cash
    return result


async def test_a_fill_before_the_trade_is_booked_is_sold_first(desk: Desk) -> None:
    entry, listed = await sold_out_but_for_a_late_fill(desk)
    await desk.database.orders.book(entry.intent_id, listed, desk.pace.now())

    assert await desk.does(desk.settling.close_position, close_of(entry)) == StillHeld(
        entry.position_id, Quantity(LATE)
    )

    await is_sold_after_all(desk, entry, listed)


async def test_a_fill_between_two_reads_is_not_taken_for_somebody_elses_sale(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, listed = await sold_out_but_for_a_late_fill(desk)
    read = desk.database.orders.of_position

    async def overtaken(position_id: str) -> tuple[OrderRecord, ...]:
        orders = await read(entry.position_id)
        await desk.database.orders.book(entry.intent_id, listed, desk.pace.now())
        return orders

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(desk.database.orders, "of_position", overtaken)
        result = await desk.does(desk.settling.close_position, close_of(entry))

    assert isinstance(result, StillHeld)
    await is_sold_after_all(desk, entry, listed)


async def test_a_fill_that_is_being_booked_while_the_trade_is_written_is_seen(desk: Desk) -> None:
    entry, listed = await sold_out_but_for_a_late_fill(desk)
    pool = desk.database.orders._pool

    async with transaction(pool) as connection:
        await book_on(connection, IntentId(entry.intent_id), listed, desk.pace.now())
        closing = asyncio.create_task(desk.does(desk.settling.close_position, close_of(entry)))
        async with asyncio.timeout(20):
            while not await pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.02)

    assert await closing == StillHeld(entry.position_id, Quantity(LATE))
    await is_sold_after_all(desk, entry, listed)
    assert len(await desk.database.trades.on(ACCOUNT, PLAN.session.date)) == 1


async def test_a_trade_that_will_never_add_up_is_still_refused(desk: Desk) -> None:
    entry, _ = await sold_out_but_for_a_late_fill(desk)
    await desk.database.orders._pool.execute("UPDATE positions SET proceeds = proceeds + 1")

    with pytest.raises(Exception, match="does not add up"):
        await desk.does(desk.settling.close_position, close_of(entry))


async def told_of_the_unbooked(desk: Desk) -> list[Event]:
    return [event for event in await desk.database.events.latest(ACCOUNT, 50) if event.kind == LATE_FILL_UNBOOKED]


async def test_a_fill_of_a_trade_that_is_booked_is_told_loudly_once_and_ends_the_days_buying(desk: Desk) -> None:
    entry, listed = await sold_out_but_for_a_late_fill(desk)
    booked = await desk.settles(close_of(entry))

    await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))
    found = await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))

    (event,) = await told_of_the_unbooked(desk)
    assert event.level is EventLevel.CRITICAL
    assert (event.symbol, event.detail["side"]) == (entry.symbol, "buy")
    assert (event.detail["ledger"], event.detail["broker"]) == (listed.quantity - LATE, listed.quantity)
    snapshot = await desk.database.risk.snapshot(ACCOUNT, WORKER, PLAN.session.date, desk.pace.now())
    assert snapshot.entries_closed_because.startswith(f"books disagree: missing_fill: {entry.symbol}")
    assert found.differences == (f"foreign_holding: {entry.symbol}, ledger 0, broker {LATE}",)
    assert [trade.quantity for trade in await desk.database.trades.on(ACCOUNT, PLAN.session.date)] == [booked.quantity]


async def test_the_shares_of_a_fill_that_came_too_late_are_nobodys_at_the_close_and_not_the_owners(desk: Desk) -> None:
    entry, _ = await sold_out_but_for_a_late_fill(desk)
    await desk.settles(close_of(entry))
    assert await desk.does(desk.closing.await_flat, AwaitFlatRequest(ACCOUNT, timedelta(0))) == ()

    proof = await desk.does(desk.flatness.prove_flat, ACCOUNT, PLAN.session.date)

    assert len(await told_of_the_unbooked(desk)) == 1
    assert (proof.flat, proof.unexplained, proof.owners) == (False, {entry.symbol: LATE}, {})


async def test_a_sale_of_ours_that_turns_out_filled_after_the_trade_was_booked_as_somebody_elses_is_told(
    desk: Desk,
) -> None:
    entry = await desk.buys()
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert isinstance(sale, PreparedExit)
    record = await desk.submits(sale, OrderPurpose.EXIT)
    (listed,) = [row for row in await desk.broker.orders_on(PLAN.session.date, Lane.RESOLVE) if row.ref == record.ref]
    unseen = replace(listed, filled_quantity=Quantity(0), filled_amount=Won(0), remaining_quantity=Quantity(0))
    await desk.database.orders.book(sale.intent_id, unseen, desk.pace.now())
    by_others = CloseRequest(entry.position_id, ExitReason.FOREIGN_SALE, entry.lease, timedelta(0), Won(1))
    await desk.does(desk.settling.close_position, by_others)

    await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))

    (event,) = await told_of_the_unbooked(desk)
    assert (event.detail["side"], event.detail["ledger"], event.detail["broker"]) == ("sell", 0, listed.quantity)
