"""The gate: kill switch, closed sessions, cool-downs and the session's losses."""

from datetime import timedelta

import pytest

from database.database import Database
from database.errors import EnvironmentMismatchError
from domain.event import EventLevel
from domain.events.entries import MARKET_CLOSE
from domain.identity import WorkerId
from domain.money import Won
from domain.risk import Denial, Denied
from domain.session import SessionDate
from domain.summary import FLEET
from tests.database.books import Books, another
from tests.support.builders import ACCOUNT, HYNIX, MONDAY, NOW, SAMSUNG, WORKER, a_snapshot, an_intent

OTHER = WorkerId("worker-2")
TUESDAY = SessionDate(MONDAY + timedelta(days=1))


async def test_a_fresh_account_has_nothing_against_a_buy(database: Database) -> None:
    assert await database.risk.snapshot(ACCOUNT, WORKER, MONDAY, NOW) == a_snapshot()


async def test_results_count_for_the_worker_and_the_fleet_of_their_session(books: Books) -> None:
    await books.traded(sold_at=69_000)
    await books.traded(OTHER, HYNIX, sold_at=70_300, closed_at=NOW + timedelta(minutes=5))

    mine = await books.database.risk.snapshot(ACCOUNT, WORKER, MONDAY, NOW)
    theirs = await books.database.risk.snapshot(ACCOUNT, OTHER, MONDAY, NOW)
    tomorrow = await books.database.risk.snapshot(ACCOUNT, WORKER, TUESDAY, NOW)

    assert (mine.fleet_pnl, mine.worker_pnl, mine.worker_trades, mine.last_loss_at) == (-7_000, -10_000, 1, NOW)
    assert (theirs.fleet_pnl, theirs.worker_pnl, theirs.worker_trades, theirs.last_loss_at) == (-7_000, 3_000, 1, None)
    assert (tomorrow.fleet_pnl, tomorrow.worker_trades) == (Won(0), 0)


async def test_the_kill_switch_pressed_twice_is_on_once_and_reported_twice(database: Database) -> None:
    await database.risk.press_kill_switch(ACCOUNT, "kim", "drill")
    await database.risk.press_kill_switch(ACCOUNT, "lee", "me too")

    state = await database.risk.state(ACCOUNT)
    pressed = await database.events.latest(ACCOUNT, 10)

    assert (state.kill_switch_on, state.kill_switch_by, state.kill_switch_reason) == (True, "kim", "drill")
    assert [(event.detail["by"], event.detail["was_on"]) for event in pressed] == [("lee", 1), ("kim", 0)]
    assert (await database.risk.snapshot(ACCOUNT, WORKER, MONDAY, NOW)).kill_switch_on


async def test_the_kill_switch_is_lifted_once(database: Database) -> None:
    await database.risk.press_kill_switch(ACCOUNT, "kim", "drill")
    await database.risk.lift_kill_switch(ACCOUNT, "kim", "drill over")
    await database.risk.lift_kill_switch(ACCOUNT, "lee", "already")

    state = await database.risk.state(ACCOUNT)

    assert (state.kill_switch_on, state.kill_switch_reason) == (False, "drill over")


async def test_a_press_is_reported_in_market_time(database: Database) -> None:
    await database.risk.press_kill_switch(ACCOUNT, "kim", "drill", NOW)

    (pressed,) = await database.events.latest(ACCOUNT, 10)
    assert pressed.at == NOW


async def test_entries_close_for_one_session_with_every_reason(database: Database) -> None:
    await database.risk.close_entries(ACCOUNT, MONDAY, "market close")
    await database.risk.close_entries(ACCOUNT, MONDAY, "no access")

    snapshot = await database.risk.snapshot(ACCOUNT, WORKER, MONDAY, NOW)
    assert snapshot.entries_closed_because == "market close · no access"
    assert await database.risk.closed_because(ACCOUNT, MONDAY) == ("market close", "no access")
    assert await database.risk.closed_because(ACCOUNT, TUESDAY) == ()
    assert (await database.risk.snapshot(ACCOUNT, WORKER, TUESDAY, NOW)).entries_closed_because == ""


async def test_entries_open_again(database: Database) -> None:
    await database.risk.close_entries(ACCOUNT, MONDAY, "no access")
    await database.risk.reopen_entries(ACCOUNT, MONDAY, "no access")
    await database.risk.reopen_entries(ACCOUNT, MONDAY, "no access")

    assert (await database.risk.snapshot(ACCOUNT, WORKER, MONDAY, NOW)).entries_closed_because == ""


async def test_lifting_one_reason_leaves_the_others_in_force(database: Database) -> None:
    await database.risk.close_entries(ACCOUNT, MONDAY, "no access")
    await database.risk.close_entries(ACCOUNT, MONDAY, "books disagree: 60 shares", cause="books disagree")
    await database.risk.reopen_entries(ACCOUNT, MONDAY, "no access")

    snapshot = await database.risk.snapshot(ACCOUNT, WORKER, MONDAY, NOW)
    assert snapshot.entries_closed_because == "books disagree: 60 shares"

    await database.risk.reopen_entries(ACCOUNT, MONDAY, "books disagree")
    assert await database.risk.closed_because(ACCOUNT, MONDAY) == ()


async def test_a_cause_shows_its_latest_reason_and_is_one_event(database: Database) -> None:
    await database.risk.close_entries(ACCOUNT, MONDAY, "books disagree: 60 shares", cause="books disagree")
    await database.risk.close_entries(ACCOUNT, MONDAY, "books disagree: 50 shares", cause="books disagree")

    assert await database.risk.closed_because(ACCOUNT, MONDAY) == ("books disagree: 50 shares",)
    assert [event.kind for event in await database.events.latest(ACCOUNT, 10)] == ["entries_shut"]


async def test_entries_shut_for_another_reason_stay_shut(database: Database) -> None:
    await database.risk.close_entries(ACCOUNT, MONDAY, "market close")
    await database.risk.reopen_entries(ACCOUNT, MONDAY, "no access")

    assert (await database.risk.snapshot(ACCOUNT, WORKER, MONDAY, NOW)).entries_closed_because == "market close"


async def test_a_symbol_rests_until_the_later_instant(database: Database) -> None:
    until = NOW + timedelta(minutes=10)
    await database.risk.cool_down(ACCOUNT, SAMSUNG, until)
    await database.risk.cool_down(ACCOUNT, SAMSUNG, NOW + timedelta(minutes=5))

    before = await database.risk.snapshot(ACCOUNT, WORKER, MONDAY, until - timedelta(seconds=1))
    after = await database.risk.snapshot(ACCOUNT, WORKER, MONDAY, until)

    assert before.symbols_cooling_down == {SAMSUNG}
    assert after.symbols_cooling_down == frozenset()


async def test_a_denial_before_the_order_is_counted_once(database: Database) -> None:
    verdict = Denied(Denial.COOLING_DOWN, "last loss at …")
    await database.risk.record_denial(an_intent(), verdict)
    await database.risk.record_denial(an_intent(), verdict)

    once = {"COOLING_DOWN": 1}
    assert await database.events.denials_on(ACCOUNT, MONDAY) == {FLEET: once, WORKER: once}


async def test_an_account_that_was_never_pinned_has_no_gate(database: Database) -> None:
    with pytest.raises(EnvironmentMismatchError):
        await database.risk.snapshot(another(), WORKER, MONDAY, NOW)
    with pytest.raises(EnvironmentMismatchError):
        await database.risk.state(another())


async def test_the_days_highest_result_and_the_losses_in_a_row_follow_the_trades(books: Books) -> None:
    prices = (73_000, 69_000, 69_500, 70_300, 69_800)
    for minute, price in enumerate(prices):
        await books.traded(sold_at=price, closed_at=NOW + timedelta(minutes=minute))
    await books.traded(OTHER, HYNIX, sold_at=69_000, closed_at=NOW + timedelta(minutes=9))

    mine = await books.database.risk.snapshot(ACCOUNT, WORKER, MONDAY, NOW)
    theirs = await books.database.risk.snapshot(ACCOUNT, OTHER, MONDAY, NOW)

    assert (mine.fleet_peak_pnl, mine.fleet_pnl) == (30_000, 6_000)
    assert (mine.worker_losses_in_a_row, theirs.worker_losses_in_a_row) == (1, 1)


async def test_a_day_of_losses_has_no_highest_result(books: Books) -> None:
    for minute in range(3):
        await books.traded(sold_at=69_000, closed_at=NOW + timedelta(minutes=minute))

    snapshot = await books.database.risk.snapshot(ACCOUNT, WORKER, MONDAY, NOW)

    assert (snapshot.fleet_peak_pnl, snapshot.worker_losses_in_a_row) == (0, 3)


async def test_shut_entries_are_reported_once_and_loudly_unless_the_close_shuts_them(database: Database) -> None:
    await database.risk.close_entries(ACCOUNT, MONDAY, "books disagree", NOW)
    await database.risk.close_entries(ACCOUNT, MONDAY, "books disagree", NOW)
    await database.risk.close_entries(ACCOUNT, TUESDAY, MARKET_CLOSE)

    close, shut = await database.events.latest(ACCOUNT, 10)

    assert (shut.kind, shut.level, shut.at, shut.detail) == (
        "entries_shut",
        EventLevel.ERROR,
        NOW,
        {"reason": "books disagree"},
    )
    assert (close.kind, close.level) == ("entries_shut", EventLevel.INFO)
