"""Stored results of a day: summaries that are stable when computed again, and the holdings after the close."""

from dataclasses import replace
from datetime import timedelta

import asyncpg

from database.database import Database
from database.pool import open_pool
from database.snapshots import HoldingSnapshot
from database.summaries import Summaries
from domain.flatness import HeldShares, Proven
from domain.identity import WorkerId
from domain.market import Symbol
from domain.money import Quantity, Won
from domain.position import ExitReason
from domain.session import SessionDate
from domain.summary import FLEET, DailySummary, DayCounts, summarise
from tests.database.books import Books
from tests.support.builders import ACCOUNT, HYNIX, MONDAY, NOW, SAMSUNG, WORKER, a_closed_trade

TUESDAY = SessionDate(MONDAY + timedelta(days=1))
LEFT = Proven(MONDAY, flat=True, open_orders=0, at=NOW)


def a_summary(scope: str = FLEET) -> DailySummary:
    """Return a day with ratios that have decimals, and an illiquid exit."""
    trades = [
        a_closed_trade(70_000, 71_000),
        a_closed_trade(70_000, 70_300, symbol=HYNIX),
        a_closed_trade(70_000, 68_000, exit_decision_price=70_000, exit_reason=ExitReason.DEADLINE),
    ]
    return summarise(MONDAY, scope, trades, DayCounts({"COOLING_DOWN": 2}, {"no_signal": 40}))


async def test_a_summary_comes_back_equal(database: Database) -> None:
    summary = a_summary()

    await database.summaries.save(ACCOUNT, summary)

    assert await database.summaries.get(ACCOUNT, MONDAY, FLEET) == summary
    assert await database.summaries.get(ACCOUNT, MONDAY, WORKER) is None
    assert await database.summaries.get(ACCOUNT, TUESDAY, FLEET) is None


async def test_an_empty_day_comes_back_equal(database: Database) -> None:
    summary = summarise(MONDAY, FLEET, [])

    await database.summaries.save(ACCOUNT, summary)

    assert await database.summaries.get(ACCOUNT, MONDAY, FLEET) == summary


async def test_computing_it_again_changes_nothing(database: Database, connection: asyncpg.Connection) -> None:
    assert await database.summaries.save(ACCOUNT, a_summary())
    before = await connection.fetchrow("SELECT xmin, changed_at FROM daily_summaries")

    assert not await database.summaries.save(ACCOUNT, a_summary())
    assert await connection.fetchrow("SELECT xmin, changed_at FROM daily_summaries") == before


async def test_each_worker_of_a_large_fleet_has_its_own_figures_by_few_questions(
    books: Books, database_url: str
) -> None:
    names = {WorkerId(f"worker-{number}"): f"life/{number}" for number in range(2, 202)}
    await books.database.workers.register_all(ACCOUNT, names)
    await books.traded()
    await books.database.events.add_scan(ACCOUNT, MONDAY, WorkerId("worker-7"), 30, {"thin_volume": 3})
    questions: list[object] = []
    pool = await open_pool(database_url, size=1)
    async with pool.acquire() as only:
        only.add_query_logger(questions.append)
    summaries = await Summaries(pool).compute(ACCOUNT, MONDAY)
    await pool.close()

    own = {summary.scope: summary for summary in summaries}
    assert (own[FLEET].performance.trades, own[WORKER].performance.trades) == (1, 1)
    assert (own[FLEET].scans, own["worker-7"].scans, own["worker-8"].scans) == (1, 1, 0)
    assert own["worker-7"].dropped == {"thin_volume": 3}
    assert 0 < len(questions) < 20


async def test_a_past_session_has_no_line_for_workers_that_came_later(books: Books) -> None:
    workers, summaries = books.database.workers, books.database.summaries
    await workers.register(ACCOUNT, WorkerId("worker-1"), "life/1", MONDAY)
    await workers.register_all(ACCOUNT, {WorkerId("worker-2"): "life/2"}, MONDAY)
    await summaries.save(ACCOUNT, *await summaries.compute(ACCOUNT, MONDAY))
    before = await summaries.on(ACCOUNT, MONDAY)
    late = {WorkerId("worker-2"): "life/2", WorkerId("worker-3"): "life/3"}
    await workers.register_all(ACCOUNT, late, TUESDAY)
    await workers.register(ACCOUNT, WorkerId("worker-4"), "life/4", TUESDAY)

    assert not await summaries.save(ACCOUNT, *await summaries.compute(ACCOUNT, MONDAY))
    assert await summaries.on(ACCOUNT, MONDAY) == before
    assert [each.scope for each in before] == [FLEET, "worker-1", "worker-2"]
    on_tuesday = await summaries.compute(ACCOUNT, TUESDAY)
    assert [each.scope for each in on_tuesday] == [FLEET, "worker-1", "worker-2", "worker-3", "worker-4"]


async def test_who_did_something_in_a_session_has_a_line_whenever_it_registered(books: Books) -> None:
    scanning, trading = WorkerId("worker-10"), WORKER
    for each in (scanning, trading):
        await books.database.workers.register(ACCOUNT, each, f"life/{each}", TUESDAY)
    await books.traded()
    await books.database.events.add_scan(ACCOUNT, MONDAY, scanning, 30, {})

    summaries = await books.database.summaries.compute(ACCOUNT, MONDAY)

    assert [(each.scope, each.scans) for each in summaries] == [(FLEET, 1), (trading, 0), (scanning, 1)]


async def test_what_is_summed_up_while_the_evening_sells_is_not_final_until_the_close_says_so(
    database: Database,
) -> None:
    await database.summaries.save(ACCOUNT, a_summary(), is_final=False)
    meanwhile = await database.summaries.is_final(ACCOUNT, MONDAY)
    await database.summaries.save(ACCOUNT, a_summary())
    done = await database.summaries.is_final(ACCOUNT, MONDAY)
    await database.summaries.save(ACCOUNT, summarise(MONDAY, FLEET, []), is_final=False)

    assert (meanwhile, done) == (False, True)
    assert await database.summaries.is_final(ACCOUNT, MONDAY)


async def test_a_day_whose_close_never_finished_its_evening_is_missing(books: Books) -> None:
    await books.held()
    summaries = books.database.summaries
    await summaries.save(ACCOUNT, a_summary(), is_final=False)

    assert await summaries.missing_before(ACCOUNT, TUESDAY, MONDAY) == (MONDAY,)
    await summaries.save(ACCOUNT, a_summary())
    assert await summaries.missing_before(ACCOUNT, TUESDAY, MONDAY) == ()


async def test_a_late_correction_replaces_it(database: Database) -> None:
    await database.summaries.save(ACCOUNT, a_summary())

    assert await database.summaries.save(ACCOUNT, replace(a_summary(), poor_liquidity=False))
    stored = await database.summaries.get(ACCOUNT, MONDAY, FLEET)
    assert stored is not None
    assert not stored.poor_liquidity


async def test_summaries_are_found_by_day(database: Database) -> None:
    for scope in (WorkerId("worker-10"), WORKER, FLEET):
        await database.summaries.save(ACCOUNT, a_summary(scope))
    await database.summaries.save(ACCOUNT, replace(a_summary(), session_date=TUESDAY))

    assert [each.scope for each in await database.summaries.on(ACCOUNT, MONDAY)] == [FLEET, WORKER, "worker-10"]
    assert await database.summaries.dates(ACCOUNT) == (MONDAY, TUESDAY)


def the_owners(symbol: Symbol, shares: int) -> HeldShares:
    return HeldShares(symbol, Quantity(0), Quantity(shares), Quantity(0))


async def test_the_snapshot_puts_both_books_side_by_side(books: Books) -> None:
    bought = await books.held()
    sale = await books.accepted(books.a_sale(await books.locked(), bought.intent.position_id))
    await books.filled(sale, 4)

    await books.database.snapshots.save(ACCOUNT, LEFT, [the_owners(HYNIX, 3)])

    assert await books.database.snapshots.on(ACCOUNT, MONDAY) == (
        HoldingSnapshot(HYNIX, None, Quantity(0), Quantity(3), Won(0), owners_quantity=Quantity(3)),
        HoldingSnapshot(SAMSUNG, WORKER, Quantity(6), Quantity(0), Won(420_000)),
    )


async def test_a_snapshot_taken_again_replaces_the_first(books: Books) -> None:
    await books.database.snapshots.save(ACCOUNT, LEFT, [the_owners(HYNIX, 3), the_owners(SAMSUNG, 1)])
    await books.database.snapshots.save(ACCOUNT, LEFT, [the_owners(SAMSUNG, 2)])
    await books.database.snapshots.save(ACCOUNT, LEFT, [the_owners(SAMSUNG, 2)])

    (only,) = await books.database.snapshots.on(ACCOUNT, MONDAY)
    assert (only.symbol, only.broker_quantity) == (SAMSUNG, 2)


async def test_what_the_last_proven_session_left_is_found_and_a_flat_one_leaves_nothing(books: Books) -> None:
    snapshots = books.database.snapshots
    assert await snapshots.left_before(ACCOUNT, TUESDAY) == ()
    assert await snapshots.proof_of(ACCOUNT, MONDAY) is None

    await snapshots.save(ACCOUNT, LEFT, [the_owners(HYNIX, 3)])
    (left,) = await snapshots.left_before(ACCOUNT, TUESDAY)
    await snapshots.save(ACCOUNT, replace(LEFT, session_date=TUESDAY), [])

    assert (left.symbol, left.owners_quantity) == (HYNIX, 3)
    assert await snapshots.proof_of(ACCOUNT, MONDAY) == LEFT
    assert await snapshots.left_before(ACCOUNT, SessionDate(TUESDAY + timedelta(days=1))) == ()


async def test_the_first_look_of_a_session_stands(books: Books) -> None:
    looks = books.database.first_looks
    assert await looks.of(ACCOUNT, MONDAY) is None

    assert await looks.keep(ACCOUNT, MONDAY, {HYNIX: Quantity(3)}, NOW)
    assert not await looks.keep(ACCOUNT, MONDAY, {}, NOW)

    assert await looks.of(ACCOUNT, MONDAY) == {HYNIX: 3}
