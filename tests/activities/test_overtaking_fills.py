"""A buy that seemed closed fills late while its position is being closed: those shares are sold too (F42)."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from activities.entries import PreparedEntry
from activities.selling import NothingToSell
from activities.settling import CloseRequest, StillHeld, TradeResult
from database.booking import book_on
from database.pool import transaction
from domain.identity import IntentId
from domain.lane import Lane
from domain.money import Quantity, Won
from domain.order import BrokerOrder, OrderRecord, OrderStatus
from domain.position import ExitReason
from tests.activities.desk import PLAN, Desk
from tests.support.stepping import ACCOUNT

LATE = 4


async def sold_out_but_for_a_late_fill(desk: Desk) -> tuple[PreparedEntry, BrokerOrder]:
    """Buy all. The list shows the last shares as withdrawn; sell the rest and return the true row as well."""
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
    """Sell the late shares, and book one trade for everything."""
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
