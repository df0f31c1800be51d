"""The live table: each worker's state, stock and money."""

from datetime import timedelta
from decimal import Decimal

import pytest

from database.database import Database
from database.errors import UnknownIntentError
from domain.identity import WorkerId
from domain.money import Price
from domain.session import SessionDate
from domain.worker_state import WorkerState
from tests.database.books import Books
from tests.support.builders import ACCOUNT, HYNIX, MONDAY, NOW, SAMSUNG, WORKER

TENTH = WorkerId("worker-10")
SECOND = WorkerId("worker-2")


async def _registered(database: Database, *workers: WorkerId) -> None:
    for worker in workers:
        await database.workers.register(ACCOUNT, worker, f"trading-worker/{ACCOUNT}/{worker}")


async def test_workers_come_in_the_sequence_people_count(database: Database) -> None:
    await _registered(database, TENTH, SECOND, WORKER)

    assert [worker.worker_id for worker in await database.workers.all_of(ACCOUNT)] == [WORKER, SECOND, TENTH]


async def test_registering_again_keeps_the_state(database: Database) -> None:
    await _registered(database, WORKER)
    await database.workers.enter(ACCOUNT, WORKER, WorkerState.SCANNING, None, "scanning", NOW)

    await database.workers.register(ACCOUNT, WORKER, "another-workflow")

    (worker,) = await database.workers.all_of(ACCOUNT)
    assert (worker.workflow_id, worker.state, worker.paused) == ("another-workflow", WorkerState.SCANNING, False)


async def test_who_was_stopped_counts_no_more_unless_there_is_a_position_to_sell(books: Books) -> None:
    workers = books.database.workers
    await _registered(books.database, WORKER, SECOND, TENTH)
    await books.held(SECOND)

    for worker in (SECOND, TENTH, WorkerId("worker-99")):
        for _ in range(2):
            await workers.retire(ACCOUNT, worker)

    assert await workers.count(ACCOUNT) == 2
    assert len(await workers.all_of(ACCOUNT)) == 3


async def test_a_buy_that_a_stopped_worker_has_under_way_counts(books: Books) -> None:
    await _registered(books.database, WORKER)
    await books.accepted(books.a_buy(await books.locked()))

    await books.database.workers.retire(ACCOUNT, WORKER)

    assert await books.database.workers.count(ACCOUNT) == 1


async def test_who_begins_again_counts_again(database: Database) -> None:
    await _registered(database, WORKER, SECOND, TENTH)
    for worker in (WORKER, SECOND, TENTH):
        await database.workers.retire(ACCOUNT, worker)
    assert await database.workers.count(ACCOUNT) == 0

    await _registered(database, WORKER)
    assert await database.workers.count(ACCOUNT) == 1
    await database.workers.register_all(ACCOUNT, {worker: f"trading-worker/{worker}" for worker in (WORKER, SECOND)})

    assert await database.workers.count(ACCOUNT) == 2


async def test_a_pause_is_shown(database: Database) -> None:
    await _registered(database, WORKER)

    await database.workers.set_paused(ACCOUNT, WORKER, paused=True)
    await database.workers.set_paused(ACCOUNT, WORKER, paused=True)

    assert (await database.workers.board(ACCOUNT, MONDAY))[0].paused


async def test_who_never_registered_cannot_be_shown(database: Database) -> None:
    with pytest.raises(UnknownIntentError, match="never registered"):
        await database.workers.enter(ACCOUNT, WORKER, WorkerState.IDLE, None, "", NOW)
    with pytest.raises(UnknownIntentError, match="never registered"):
        await database.workers.set_paused(ACCOUNT, WORKER, paused=True)


async def test_the_board_shows_stock_money_and_the_last_event(books: Books) -> None:
    database = books.database
    await _registered(database, WORKER, SECOND)
    await books.traded(sold_at=69_000)
    bought = await books.held(WORKER, HYNIX)
    await database.positions.mark(bought.intent.position_id, Price(70_500), Price(70_500), NOW)
    at = NOW + timedelta(minutes=1)
    await database.workers.enter(ACCOUNT, WORKER, WorkerState.HOLDING, HYNIX, "bought 10", at)

    first, second = await database.workers.board(ACCOUNT, MONDAY)

    assert (first.state, first.symbol, first.name) == (WorkerState.HOLDING, HYNIX, "Samsung Electronics")
    assert (first.quantity, first.entry_price, first.last_price) == (10, Decimal(70_000), 70_500)
    assert (first.unrealised_pnl, first.realised_pnl, first.trades) == (5_000, -10_000, 1)
    assert (first.last_event, first.last_event_at) == ("bought 10", at)
    assert (second.state, second.symbol, second.quantity, second.entry_price) == (WorkerState.IDLE, None, 0, None)
    assert (second.unrealised_pnl, second.realised_pnl, second.last_event_at) == (0, 0, None)


async def test_the_board_values_only_what_is_left(books: Books) -> None:
    await _registered(books.database, WORKER)
    bought = await books.held()
    sale = await books.accepted(books.a_sale(await books.locked(), bought.intent.position_id))
    await books.filled(sale, 4)
    await books.database.positions.mark(bought.intent.position_id, Price(69_000), Price(70_000), NOW)

    (row,) = await books.database.workers.board(ACCOUNT, MONDAY)

    assert (row.symbol, row.quantity, row.entry_price, row.unrealised_pnl) == (SAMSUNG, 6, Decimal(70_000), -6_000)


async def test_the_board_counts_the_trades_of_its_own_session_only(books: Books) -> None:
    await _registered(books.database, WORKER)
    await books.traded(sold_at=69_000)

    (today,) = await books.database.workers.board(ACCOUNT, MONDAY)
    (tomorrow,) = await books.database.workers.board(ACCOUNT, SessionDate(MONDAY + timedelta(days=1)))

    assert (today.realised_pnl, today.trades) == (-10_000, 1)
    assert (tomorrow.realised_pnl, tomorrow.trades) == (0, 0)
