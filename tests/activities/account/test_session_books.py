"""A session's books are compared once for the fleet before the first buy; entries stay closed until then."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from activities.account.comparing import ReconcileRequest
from activities.account.first_look import SharesKnown
from activities.account.session_books import NOT_COMPARED, SessionBooks
from activities.market_data import Findings
from activities.support.requests import SessionRequest
from domain.costs import BANKIS_COMMISSION
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.session import SessionDate
from simulator.orders import Holding
from tests.activities.desk import PLAN, Desk
from tests.support.builders import SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT

TODAY: Final = PLAN.session.date
TOMORROW: Final = SessionDate(TODAY + timedelta(days=1))
BALANCE: Final = "inquire-balance"


def books_of(desk: Desk) -> SessionBooks:
    return SessionBooks(desk.broker, desk.database, desk.pace, BANKIS_COMMISSION)


def balance_calls(desk: Desk) -> int:
    return desk.simulation.calls.by_tr_id["TTTC8434R"]


def unreadable(desk: Desk) -> None:
    """Answer every balance request with a server error."""
    desk.simulation.add_fault(kind="http_error", path=BALANCE, count=0)


async def events_of(desk: Desk, kind: str) -> list[Event]:
    return [event for event in await desk.database.events.latest(ACCOUNT, 50) if event.kind == kind]


async def lets_try_again(desk: Desk) -> None:
    """Let the pause between two attempts pass in database time."""
    await desk.database._pool.execute("UPDATE book_comparisons SET tried_at = tried_at - interval '1 hour'")


async def test_the_fleet_compares_once_a_session_whatever_number_of_processes_asks(desk: Desk) -> None:
    processes = [books_of(desk) for _ in range(3)]

    objections = [await process.objection(ACCOUNT, TODAY) for process in processes for _ in range(2)]

    assert set(objections) == {""}
    assert balance_calls(desk) == 1


async def test_a_comparison_of_one_session_does_not_count_for_another(desk: Desk) -> None:
    await books_of(desk).objection(ACCOUNT, TODAY)

    assert (await desk.database.comparisons.state(ACCOUNT, TODAY)).is_compared
    assert not (await desk.database.comparisons.state(ACCOUNT, TOMORROW)).is_compared


async def test_nothing_is_bought_in_a_session_before_its_books_are_compared(desk: Desk) -> None:
    unreadable(desk)

    objection = await books_of(desk).objection(ACCOUNT, TODAY)
    once = balance_calls(desk)
    again = await books_of(desk).objection(ACCOUNT, TODAY)

    assert objection == again == "the books of this session are not compared yet"
    assert balance_calls(desk) == once


async def test_a_comparison_that_fails_shuts_entries_until_one_succeeds(desk: Desk) -> None:
    books = books_of(desk)
    await books.keep_up(ACCOUNT, TODAY)
    unreadable(desk)
    await lets_try_again(desk)
    await books.keep_up(ACCOUNT, TODAY)

    (reason,) = await desk.database.risk.closed_because(ACCOUNT, TODAY)
    (event,) = await events_of(desk, EventKind.BOOKS_NOT_COMPARED)
    assert reason.startswith("the books were not compared: ")
    assert event.level is EventLevel.CRITICAL
    assert await books.objection(ACCOUNT, TODAY)

    desk.simulation.clear_faults()
    await lets_try_again(desk)
    await books.keep_up(ACCOUNT, TODAY)

    assert await desk.database.risk.closed_because(ACCOUNT, TODAY) == ()
    assert await books.objection(ACCOUNT, TODAY) == ""


async def test_another_reason_stays_when_the_books_are_compared(desk: Desk) -> None:
    await desk.database.risk.close_entries(ACCOUNT, TODAY, "the disk is full")
    await desk.database.risk.close_entries(ACCOUNT, TODAY, "not compared", cause=NOT_COMPARED)

    await books_of(desk).keep_up(ACCOUNT, TODAY)

    assert await desk.database.risk.closed_because(ACCOUNT, TODAY) == ("the disk is full",)


async def test_during_the_day_books_are_compared_at_a_low_rate_and_after_an_outage(desk: Desk) -> None:
    books = books_of(desk)
    await books.keep_up(ACCOUNT, TODAY)
    await books.keep_up(ACCOUNT, TODAY)
    assert balance_calls(desk) == 1

    await desk.database._pool.execute("UPDATE book_comparisons SET tried_at = tried_at - interval '1 minute'")
    await books.keep_up(ACCOUNT, TODAY)
    assert balance_calls(desk) == 1

    now = datetime.now(UTC)  # noqa: TID251 - beside the database's clock
    await books.keep_up(ACCOUNT, TODAY, wanted_since=now + timedelta(minutes=1))
    assert balance_calls(desk) == 2


async def test_shares_that_were_bought_a_moment_ago_are_not_missed_in_a_balance_that_lags(desk: Desk) -> None:
    await desk.buys()
    desk.broker_account.holdings[SAMSUNG].quantity = 0

    await books_of(desk).keep_up(ACCOUNT, TODAY)

    assert await desk.database.risk.closed_because(ACCOUNT, TODAY) == ()


async def test_a_scan_that_compares_after_a_failure_does_not_miss_them_either(desk: Desk) -> None:
    books = books_of(desk)
    await desk.buys()
    await books.not_compared(ReconcileRequest(ACCOUNT), "the broker was away")
    await lets_try_again(desk)
    desk.broker_account.holdings[SAMSUNG].quantity = 0

    assert await books.objection(ACCOUNT, TODAY) == ""
    assert await desk.database.risk.closed_because(ACCOUNT, TODAY) == ()


async def test_a_stock_that_the_owner_has_held_since_before_is_no_error_and_may_be_bought(desk: Desk) -> None:
    desk.broker_account.holdings.setdefault(SAMSUNG, Holding(SAMSUNG)).quantity = 5
    await SharesKnown(desk.broker, desk.database, desk.pace).look_first(ACCOUNT, TODAY)

    await books_of(desk).keep_up(ACCOUNT, TODAY)

    (event,) = await events_of(desk, "discrepancy_found")
    assert event.level is EventLevel.INFO
    await desk.buys(SAMSUNG)


async def test_a_reconciliation_that_fails_for_too_long_is_a_value(desk: Desk) -> None:
    unreadable(desk)
    with pytest.raises(Exception, match="500"):
        await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))
    desk.pace.earlier_attempts = timedelta(minutes=4)

    found = await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))

    assert "500" in found.failed
    assert found.entries_closed
    assert len(await events_of(desk, EventKind.BOOKS_NOT_COMPARED)) == 1


async def test_a_proof_that_fails_for_too_long_is_a_value(desk: Desk) -> None:
    unreadable(desk)
    desk.pace.earlier_attempts = timedelta(minutes=4)

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert not proof.flat
    assert "500" in proof.not_proven
    (event,) = await events_of(desk, EventKind.CLOSE_NOT_PROVEN)
    assert event.level is EventLevel.CRITICAL
    assert await desk.database.snapshots.proof_of(ACCOUNT, TODAY) is None


async def test_a_scanning_workers_own_position_without_a_lease_is_an_orphan(desk: Desk) -> None:
    await desk.buys()
    await desk.database._pool.execute("UPDATE stock_locks SET expires_at = clock_timestamp()")

    found = await desk.does(desk.market_data.find_candidates, desk.scan_request())

    assert found == Findings(orphan=SAMSUNG)
    assert (await desk.database.locks.adopt_orphan(ACCOUNT, SAMSUNG, WORKER)) is not None
