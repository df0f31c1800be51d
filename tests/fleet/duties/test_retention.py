"""Old minute bars are deleted while the market is closed; held positions, recent ones and all totals keep theirs."""

from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from database import price_marks
from domain.clock import KST, MarketClock
from domain.identity import WorkerId
from domain.market import Symbol
from fleet.duties.retention import RetentionDuty
from fleet.fleet import Fleet
from tests.database.books import Books
from tests.support.builders import MONDAY, SAMSUNG, WORKER

HELD = Symbol("000660")
NIGHT = datetime(2026, 12, 23, 2, 0, tzinfo=KST)
"""Thirty days after the positions' session."""


def at(fleet: Fleet, moment: datetime) -> Fleet:
    return replace(fleet, clock=MarketClock(datetime.now(UTC), moment))  # noqa: TID251 - the test's own anchor


def marked(url: str) -> set[str]:
    """Return the stocks that have bars."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute("SELECT DISTINCT symbol FROM price_marks JOIN positions USING (position_id)")
        return {row[0] for row in rows}


@pytest.fixture
async def traded(fleet: Fleet, database_url: str) -> Fleet:
    """A fleet with one position sold on a Monday, one held since, and bars of both."""
    books = Books(fleet.database, fleet.account_id)
    await books.traded(WORKER, SAMSUNG)
    await books.held(WorkerId("worker-2"), HELD)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO price_marks SELECT position_id, minute, 100, 100, 100, 100 FROM positions,"
            " generate_series('2026-11-23 09:00+09'::timestamptz, '2026-11-23 09:30+09', '1 minute') AS minute"
            " ON CONFLICT DO NOTHING"
        )
    return fleet


async def test_bars_of_ended_positions_are_deleted_after_the_days(traded: Fleet, database_url: str) -> None:
    await RetentionDuty(at(traded, NIGHT), 30).look()
    assert marked(database_url) == {SAMSUNG, HELD}

    await RetentionDuty(at(traded, NIGHT), 29).look()
    assert marked(database_url) == {HELD}, "a held position keeps its bars"


async def test_trades_orders_and_events_stay(traded: Fleet, database_url: str) -> None:
    before = await traded.database.trades.on(traded.account_id, MONDAY)

    await RetentionDuty(at(traded, NIGHT), 1).look()

    assert before == await traded.database.trades.on(traded.account_id, MONDAY) != ()


@pytest.mark.parametrize("time", ["08:00", "12:00", "16:00", "19:59", "20:59"])
async def test_nothing_is_deleted_while_something_may_trade(traded: Fleet, database_url: str, time: str) -> None:
    moment = NIGHT.replace(hour=int(time[:2]), minute=int(time[3:]))

    await RetentionDuty(at(traded, moment), 1).look()

    assert marked(database_url) == {SAMSUNG, HELD}


async def test_a_round_deletes_a_batch(traded: Fleet, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_marks, "_AT_ONCE", 1)
    books = Books(traded.database, traded.account_id)
    books._number = 100  # the broker's numbers below are taken
    await books.traded(WorkerId("worker-3"), Symbol("035420"))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO price_marks SELECT position_id, '2026-11-23 09:00+09', 1, 1, 1, 1 FROM positions"
            " ON CONFLICT DO NOTHING"
        )
    duty = RetentionDuty(at(traded, NIGHT), 1)

    await duty.look()
    assert len(marked(database_url)) == 2

    await duty.look()
    assert marked(database_url) == {HELD}
