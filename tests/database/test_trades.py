"""Closing: position, trade, lock and cool-down in one step, once, and only if the amounts agree."""

from dataclasses import replace
from datetime import datetime, timedelta

import asyncpg
import pytest

from database.errors import InvalidTransitionError
from domain.costs import Costs
from domain.identity import PositionId, WorkerId
from domain.lock import Lease
from domain.money import Won
from domain.order import OrderRecord
from domain.position import ClosedTrade, ExitReason
from domain.session import SessionDate, session_date_of
from tests.database.books import LEASE, Books
from tests.support.builders import ACCOUNT, HYNIX, MONDAY, NOW, SAMSUNG, WORKER

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


async def lives_again(books: Books, shares: int = 6) -> OrderRecord:
    """Book the trade of a buy whose rest seemed withdrawn, and let more of it fill."""
    accepted = await books.accepted(books.a_buy(await books.locked()))
    bought = (await books.cancelled(accepted, shares=4)).order
    lease = await books.locked()
    sale = await books.accepted(books.a_sale(lease, bought.intent.position_id, 4))
    sold = (await books.filled(sale, 4, price=71_000)).order
    await books.database.trades.close(books.a_trade(bought, sold), lease, release_lock=True)
    return (await books.cancelled(accepted, shares=shares)).order


async def sold_later(books: Books, bought: OrderRecord, closed_at: datetime) -> ClosedTrade:
    """Sell the late shares as another worker, and close the position again."""
    lease = await books.database.locks.adopt_orphan(ACCOUNT, SAMSUNG, OTHER)
    assert lease is not None
    sale = await books.accepted(books.a_sale(lease, bought.intent.position_id, 2))
    late = (await books.filled(sale, 2, price=69_000)).order
    changes = {"closed_at": closed_at, "session_date": session_date_of(closed_at)}
    trade = books.a_trade(bought, late, exit_amount=Won(4 * 71_000 + 2 * 69_000), **changes)
    assert await books.database.trades.close(trade, lease, release_lock=True)
    return trade


async def test_a_position_that_lived_again_corrects_its_trade(books: Books, connection: asyncpg.Connection) -> None:
    bought = await lives_again(books)

    trade = await sold_later(books, bought, NOW + timedelta(minutes=5))

    assert await books.database.trades.on(ACCOUNT, MONDAY) == (replace(trade, opened_at=NOW - timedelta(minutes=10)),)
    assert await connection.fetchval("SELECT count(*) FROM trades") == 1
    (row,) = await connection.fetch("SELECT quantity, entry_amount, exit_amount, net_pnl FROM trade_corrections")
    assert tuple(row) == (2, 140_000, 138_000, -2_000)
    snapshot = await books.database.risk.snapshot(ACCOUNT, WORKER, MONDAY, NOW)
    assert (snapshot.fleet_pnl, snapshot.worker_trades) == (trade.net_pnl, 1)


async def test_late_shares_that_are_sold_on_another_day_count_for_that_day(books: Books) -> None:
    bought = await lives_again(books)
    tuesday = SessionDate(MONDAY + timedelta(days=1))

    whole = await sold_later(books, bought, NOW + timedelta(days=1))

    (first,) = await books.database.trades.on(ACCOUNT, MONDAY)
    (second,) = await books.database.trades.on(ACCOUNT, tuesday)
    assert (first.quantity, first.net_pnl, second.quantity, second.net_pnl) == (4, 4_000, 2, -2_000)
    assert first.net_pnl + second.net_pnl == whole.net_pnl
    assert await books.database.trades.last_end_of(bought.intent.position_id) == (whole.closed_at, whole.exit_reason)


async def test_corrections_are_append_only(books: Books, connection: asyncpg.Connection) -> None:
    await sold_later(books, await lives_again(books), NOW + timedelta(minutes=5))

    for change in ("UPDATE trade_corrections SET quantity = 0", "DELETE FROM trade_corrections"):
        with pytest.raises(asyncpg.CheckViolationError, match="append-only"):
            await connection.execute(change)


async def test_a_corrected_amount_of_a_sold_position_takes_the_stock_from_no_worker(books: Books) -> None:
    bought = await books.held()
    sold = await books.sold(bought)
    await books.database.trades.close(books.a_trade(bought, sold), await books.locked(), release_lock=True)
    buying = await books.locked(OTHER)

    booked = await books.filled(sold, 10, price=71_100)

    assert booked.lives_again == bought.intent.position_id
    assert await books.database.locks.renew(buying) is not None
