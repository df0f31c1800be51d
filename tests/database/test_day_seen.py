"""Data that only a report needs: a bar per minute of holding, worker states, the verifier's latest result."""

from datetime import timedelta

from database.database import Database
from database.day_seen import PriceBar, StateChange
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.excursion import PriceRange
from domain.money import Price
from domain.summary import FLEET
from domain.worker_state import WorkerState
from tests.database.books import Books
from tests.support.builders import ACCOUNT, HYNIX, MONDAY, NOW, SAMSUNG, WORKER

SECOND = timedelta(seconds=1)


async def test_a_minute_is_one_bar_however_often_its_price_is_marked(books: Books) -> None:
    position_id = (await books.held()).intent.position_id
    prices = [(0, 70_000), (10, 70_500), (20, 69_500), (50, 70_100), (61, 70_300)]

    for seconds, price in prices:
        await books.database.positions.mark(position_id, Price(price), Price(price), NOW + seconds * SECOND)

    assert await books.database.day_seen.bars_of([position_id]) == (
        PriceBar(position_id, NOW, Price(70_000), Price(70_500), Price(69_500), Price(70_100)),
        PriceBar(position_id, NOW + 60 * SECOND, Price(70_300), Price(70_300), Price(70_300), Price(70_300)),
    )


async def test_the_range_of_a_trade_is_that_of_its_bars(books: Books) -> None:
    bought = await books.held()
    position_id = bought.intent.position_id
    for minute, price in enumerate((70_200, 69_100, 71_900)):
        await books.database.positions.mark(position_id, Price(price), Price(price), NOW + minute * 60 * SECOND)
    assert await books.database.day_seen.ranges_on(ACCOUNT, MONDAY) == {}

    trade = books.a_trade(bought, await books.sold(bought))
    await books.database.trades.close(trade, None, release_lock=False)

    assert await books.database.day_seen.ranges_on(ACCOUNT, MONDAY) == {
        position_id: PriceRange(Price(69_100), Price(71_900))
    }


async def test_a_position_that_is_over_gets_no_more_bars(books: Books) -> None:
    trade = await books.traded()

    await books.database.positions.mark(trade.position_id, Price(90_000), Price(90_000), NOW)

    assert await books.database.day_seen.bars_of([trade.position_id]) == ()


async def test_a_change_of_state_or_symbol_is_kept_and_a_repeated_word_is_not(database: Database) -> None:
    await database.workers.register(ACCOUNT, WORKER, "workflow")
    enter = database.workers.enter

    await enter(ACCOUNT, WORKER, WorkerState.IDLE, None, "ready", NOW)
    await enter(ACCOUNT, WORKER, WorkerState.SCANNING, None, "scanning", NOW + SECOND)
    await enter(ACCOUNT, WORKER, WorkerState.SCANNING, None, "not buying", NOW + 2 * SECOND)
    await database.workers.set_paused(ACCOUNT, WORKER, paused=True)
    await enter(ACCOUNT, WORKER, WorkerState.HOLDING, SAMSUNG, "bought", NOW + 3 * SECOND)

    assert await database.day_seen.states_on(ACCOUNT, MONDAY) == (
        StateChange(WORKER, WorkerState.IDLE, None, NOW),
        StateChange(WORKER, WorkerState.SCANNING, None, NOW + SECOND),
        StateChange(WORKER, WorkerState.HOLDING, SAMSUNG, NOW + 3 * SECOND),
    )


async def test_the_verifiers_latest_word_stands(database: Database) -> None:
    assert await database.day_seen.verdict_on(ACCOUNT, MONDAY) is None

    await database.day_seen.keep_verdict(ACCOUNT, MONDAY, {"violations": 3})
    await database.day_seen.keep_verdict(ACCOUNT, MONDAY, {"violations": 0})

    kept = await database.day_seen.verdict_on(ACCOUNT, MONDAY)
    assert kept is not None
    assert kept.verdict == {"violations": 0}


async def test_events_without_a_session_belong_to_their_kst_date(database: Database) -> None:
    events = [
        Event(ACCOUNT, EventKind.POSITION_SEIZED, EventLevel.WARNING, NOW, symbol=HYNIX),
        Event(ACCOUNT, EventKind.POSITION_SEIZED, EventLevel.WARNING, NOW + timedelta(hours=15)),
        Event(ACCOUNT, EventKind.ENTRY_DENIED, EventLevel.WARNING, NOW, session_date=MONDAY),
        Event(ACCOUNT, EventKind.DISCREPANCY_FOUND, EventLevel.ERROR, NOW, session_date=MONDAY),
    ]
    for event in events:
        await database.events.append(event)

    found = await database.day_seen.events_on(ACCOUNT, MONDAY, but=(EventKind.ENTRY_DENIED,))

    assert [event.kind for event in found] == ["position_seized", "discrepancy_found"]


async def test_a_summary_is_computed_from_the_books_and_recomputing_changes_nothing(books: Books) -> None:
    database = books.database
    await books.traded()
    await database.events.add_scan(ACCOUNT, MONDAY, WORKER, 48, {"thin_volume": 40}, key="scan-1")

    fleet, worker = await database.summaries.compute(ACCOUNT, MONDAY)

    assert (fleet.scope, worker.scope) == (FLEET, WORKER)
    assert (fleet.performance.trades, fleet.scans, fleet.looked_at) == (1, 1, 48)
    assert fleet.passed["thin_volume"] == 8
    assert await database.summaries.save(ACCOUNT, fleet)
    assert not await database.summaries.save(ACCOUNT, (await database.summaries.compute(ACCOUNT, MONDAY))[0])
    assert await database.day_seen.dates(ACCOUNT) == (MONDAY,)
