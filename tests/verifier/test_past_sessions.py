"""A past session is judged by that session's own books, whatever has been traded since."""

from dataclasses import replace
from datetime import timedelta

from database.audit import BookedPosition
from database.database import Database, open_database
from domain.costs import Costs
from domain.identity import Environment, IntentId, WorkerId
from domain.market import Side, Symbol
from domain.money import Quantity, Won
from domain.position import ExitReason
from domain.session import SessionDate
from tests.database.books import FINGERPRINT
from tests.database.books import Books as Walk
from tests.support.builders import ACCOUNT, MONDAY, NOW, SAMSUNG, WORKER, a_closed_trade, a_plan
from tests.verifier.a_day import a_clean_day, a_row, still_held, with_broker
from verifier.books import Books, Histories, SaleCommand, Submit, Watch
from verifier.broker_truth import as_of
from verifier.guarding import flat_at_the_end

TUESDAY = SessionDate(MONDAY + timedelta(days=1))
HYNIX = Symbol("000660")


def complaints(positions: tuple[BookedPosition, ...]) -> list[str]:
    clean = a_clean_day()
    ledger = replace(clean.ledger, positions=positions, events=())
    return [each.evidence for each in flat_at_the_end(replace(clean, ledger=ledger))]


async def _next_day(database: Database) -> tuple[str, str]:
    """Ten shares bought on Monday are sold on Tuesday, when another stock is bought; return both positions."""
    walk = Walk(database)
    held = await walk.held()
    lease = await walk.locked()
    sale = walk.a_sale(lease, held.intent.position_id, session_date=TUESDAY, intent_id=IntentId("tuesday/1"))
    await walk.filled(await walk.accepted(sale, 70), 10)
    other = await walk.locked(WorkerId("worker-2"), HYNIX)
    buy = walk.a_buy(other, session_date=TUESDAY, name="tuesday/2")
    await walk.filled(await walk.accepted(buy, 71), 10)
    return held.intent.position_id, buy.position_id


async def test_a_past_session_shows_what_it_left_and_nothing_of_today(database_url: str) -> None:
    database = await open_database(database_url, pool_size=2)
    try:
        await database.accounts.pin(ACCOUNT, Environment.SIMULATED, FINGERPRINT)
        monday, tuesday = await _next_day(database)
        now = await database.audit.positions_around(ACCOUNT, MONDAY)
        then = await database.audit.positions_left_by(ACCOUNT, MONDAY)
        today = await database.audit.positions_left_by(ACCOUNT, TUESDAY)
    finally:
        await database.aclose()

    assert {each.position_id: each.quantity for each in now} == {monday: 0, tuesday: 10}
    assert {each.position_id: each.quantity for each in then} == {monday: 10}
    assert {each.position_id: each.quantity for each in today} == {monday: 0, tuesday: 10}
    assert complaints(then) == [f"{monday} holds 10"]


async def test_shares_that_the_owner_sold_a_day_later_were_left_by_the_session(database_url: str) -> None:
    database = await open_database(database_url, pool_size=2)
    try:
        await database.accounts.pin(ACCOUNT, Environment.SIMULATED, FINGERPRINT)
        walk = Walk(database)
        held = await walk.held()
        trade = replace(
            a_closed_trade(position_id=held.intent.position_id, entry_costs=Costs(), exit_costs=Costs()),
            session_date=TUESDAY,
            exit_reason=ExitReason.FOREIGN_SALE,
            closed_at=NOW + timedelta(days=1),
        )
        assert await database.trades.close(trade, await walk.locked(), release_lock=True)
        (then,) = await database.audit.positions_left_by(ACCOUNT, MONDAY)
        (after,) = await database.audit.positions_left_by(ACCOUNT, TUESDAY)
    finally:
        await database.aclose()

    assert (then.quantity, then.status, after.quantity) == (10, "exiting", 0)


def test_the_brokers_book_goes_back_to_the_end_of_the_day() -> None:
    held = still_held().broker
    sale = a_row(2, Side.SELL, 60, day=TUESDAY)
    owner = a_row(3, Side.BUY, 90, day=TUESDAY, by_hand=True, quantity=Quantity(4))
    cash = Won(held.cash + sale.flow + owner.flow)
    later = replace(held, orders=(*held.orders, sale, owner), holdings={SAMSUNG: Quantity(4)}, cash=cash)

    assert as_of(later, MONDAY) == held
    assert as_of(later, TUESDAY) == later


def test_a_command_of_a_later_session_is_none_of_this_ones() -> None:
    day, later = NOW, NOW + timedelta(days=1)
    monday, tuesday = Watch("a/1", SAMSUNG, day, later), Watch("b/1", SAMSUNG, later)  # type: ignore[arg-type]
    submits = tuple(Submit(IntentId(f"run/{number}"), "w", at) for number, at in enumerate((day, later)))
    commands = tuple(SaleCommand(WORKER, "liquidate", at) for at in (day, later))

    seen = Histories(submits, (monday, tuesday), commands, runs=1).between(day, day + timedelta(hours=12))

    assert seen == Histories(submits[:1], (monday,), commands[:1], runs=1)


def test_a_position_that_a_past_session_left_unnamed_is_a_violation_of_it() -> None:
    books: Books = replace(still_held(), read_at=a_plan().session.ends_at + timedelta(days=1))
    sold_since = with_broker(books, holdings={})

    assert [each.what for each in flat_at_the_end(sold_since)] == ["shares held after the session"]
