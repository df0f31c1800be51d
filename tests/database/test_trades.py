"""Closing: position, trade, lock and cool-down in one step, once, and only if it adds up."""

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from database.errors import InvalidTransitionError
from domain.costs import Costs
from domain.identity import PositionId, WorkerId
from domain.lock import Lease
from domain.money import Won
from domain.position import ExitReason
from domain.session import SessionDate
from tests.builders import ACCOUNT, HYNIX, MONDAY, NOW, SAMSUNG, WORKER
from tests.database.books import LEASE, Books

OTHER = WorkerId("worker-2")


async def test_a_trade_comes_back_as_it_was_closed(books: Books) -> None:
    trade = await books.traded(entry_costs=Costs(Won(98)), exit_costs=Costs(Won(99), Won(1_420)))

    assert await books.database.trades.on(ACCOUNT, MONDAY) == (trade,)
    assert await books.database.trades.on(ACCOUNT, MONDAY, WORKER) == (trade,)
    assert await books.database.trades.on(ACCOUNT, MONDAY, OTHER) == ()
    assert await books.database.trades.on(ACCOUNT, SessionDate(MONDAY + timedelta(days=1))) == ()


async def test_the_ledger_computes_the_same_net_pnl(books: Books, connection: asyncpg.Connection) -> None:
    trade = await books.traded(entry_costs=Costs(Won(98)), exit_costs=Costs(Won(99), Won(1_420)))

    rows = await connection.fetch("SELECT net_pnl, realised_pnl, status FROM trades JOIN positions USING (position_id)")

    assert [tuple(row) for row in rows] == [(trade.net_pnl, trade.net_pnl, "closed")]


async def test_closing_releases_the_lock_and_rests_the_symbol(books: Books) -> None:
    bought = await books.held()
    trade = books.a_trade(bought, await books.sold(bought))
    lease = await books.locked()

    closed = await books.database.trades.close(trade, lease, release_lock=True, cool_until=NOW + timedelta(minutes=10))

    assert closed
    assert await books.database.locks.locked_symbols(ACCOUNT) == set()
    assert isinstance(await books.database.locks.acquire(ACCOUNT, SAMSUNG, OTHER, LEASE), Lease)
    snapshot = await books.database.risk.snapshot(ACCOUNT, WORKER, MONDAY, NOW)
    assert snapshot.symbols_cooling_down == {SAMSUNG}


async def test_closing_again_changes_nothing(books: Books) -> None:
    bought = await books.held()
    trade = books.a_trade(bought, await books.sold(bought))
    await books.database.trades.close(trade, None, release_lock=False)

    again = await books.database.trades.close(replace(trade, exit_reason=ExitReason.OPERATOR), None, release_lock=False)

    assert not again
    assert await books.database.trades.on(ACCOUNT, MONDAY) == (trade,)


async def test_a_stale_lease_does_not_keep_the_result_from_the_books(books: Books) -> None:
    bought = await books.held()
    trade = books.a_trade(bought, await books.sold(bought))
    lease = await books.locked()
    await books.database.locks.take_over(ACCOUNT, SAMSUNG, OTHER, LEASE)

    assert await books.database.trades.close(trade, lease, release_lock=True)
    assert await books.database.locks.locked_symbols(ACCOUNT) == {SAMSUNG}


async def test_the_lock_stays_when_asked(books: Books) -> None:
    bought = await books.held()
    trade = books.a_trade(bought, await books.sold(bought))

    await books.database.trades.close(trade, await books.locked(), release_lock=False)

    assert await books.database.locks.locked_symbols(ACCOUNT) == {SAMSUNG}


@pytest.mark.parametrize("wrong", [{"exit_amount": Won(1)}, {"entry_amount": Won(1)}, {"quantity": 9}])
async def test_a_trade_that_does_not_trace_to_fills_is_refused(books: Books, wrong: dict[str, int]) -> None:
    bought = await books.held()
    trade = books.a_trade(bought, await books.sold(bought), **wrong)

    with pytest.raises(InvalidTransitionError, match="does not add up"):
        await books.database.trades.close(trade, None, release_lock=False)

    assert await books.database.trades.on(ACCOUNT, MONDAY) == ()


async def test_shares_still_held_keep_the_position_open(books: Books) -> None:
    bought = await books.held()
    trade = books.a_trade(bought, bought)

    with pytest.raises(InvalidTransitionError, match="does not add up"):
        await books.database.trades.close(trade, None, release_lock=False)


async def test_a_position_that_never_opened_cannot_be_closed(books: Books) -> None:
    bought = await books.held()
    trade = books.a_trade(bought, bought)

    with pytest.raises(InvalidTransitionError, match="unknown"):
        await books.database.trades.close(replace(trade, position_id=PositionId("nowhere")), None, release_lock=False)


async def test_what_somebody_else_sold_closes_at_its_price(books: Books) -> None:
    bought = await books.held()
    trade = books.a_trade(bought, bought, exit_amount=Won(690_000), exit_reason=ExitReason.FOREIGN_SALE)

    assert await books.database.trades.close(trade, None, release_lock=False)

    position = await books.database.positions.get(bought.intent.position_id)
    assert position is not None
    assert position.quantity == 0
    next_day = SessionDate(MONDAY + timedelta(days=1))
    assert await books.database.audit.sold_by_others_before(ACCOUNT, next_day) == {SAMSUNG: 10}
    assert await books.database.audit.sold_by_others_before(ACCOUNT, MONDAY) == {}


async def test_trades_of_a_stretch_of_days_come_in_closing_sequence(books: Books) -> None:
    later = await books.traded(OTHER, HYNIX, closed_at=NOW + timedelta(hours=1))
    earlier = await books.traded(WORKER, SAMSUNG)

    assert await books.database.trades.between(ACCOUNT, MONDAY, MONDAY) == (earlier, later)
