"""A report from a real ledger, on a real PostgreSQL, with no other part running."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from database.database import Database, open_database
from database.verdicts import Confirmation
from domain.identity import Environment
from domain.money import Price
from domain.rules import ExitRules
from domain.session import SessionDate
from domain.worker_state import WorkerState
from reporting.day import day_values
from reporting.page import page
from reporting.reading import read_day
from reporting.writing import write
from tests.database.books import FINGERPRINT, Books
from tests.reporting.bars import closes_of
from tests.support.builders import ACCOUNT, HYNIX, MONDAY, NOW, SAMSUNG, WORKER, a_session
from tests.verifier.a_day import a_clean_day
from verifier.report import report_json
from verifier.verdict import judged

TUESDAY = SessionDate(MONDAY + timedelta(days=1))
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    """A driver that moves orders through a ledger of its own."""
    database = await open_database(database_url)
    await database.accounts.pin(ACCOUNT, Environment.SIMULATED, FINGERPRINT)
    yield Books(database)
    await database.aclose()


async def a_traded_day(books: Books) -> Database:
    """Buy, watch and sell one position, and buy and keep another."""
    database = books.database
    await database.workers.register(ACCOUNT, WORKER, "workflow")
    await database.workers.enter(ACCOUNT, WORKER, WorkerState.SCANNING, None, "scanning", NOW - 5 * MINUTE)
    bought = await books.held()
    await database.workers.enter(ACCOUNT, WORKER, WorkerState.HOLDING, SAMSUNG, "bought", NOW)
    for place, price in enumerate((70_200, 69_400)):
        at = NOW + place * MINUTE
        await database.positions.mark(bought.intent.position_id, Price(price), Price(price), at)
    closed_at = NOW + 20 * MINUTE
    trade = books.a_trade(bought, await books.sold(bought), opened_at=NOW, closed_at=closed_at)
    assert await database.trades.close(trade, None, release_lock=False)
    await books.held(symbol=HYNIX)
    await database.day_seen.keep_verdict(ACCOUNT, MONDAY, report_json(judged(a_clean_day())))
    return database


async def test_a_day_is_read_from_the_books_alone(books: Books, tmp_path: Path) -> None:
    database = await a_traded_day(books)

    day = await read_day(database, ACCOUNT, a_session())

    values = day_values(day)
    (trade,) = await database.trades.on(ACCOUNT, MONDAY)
    assert values["tables"]["symbol"][0]["net"] == trade.net_pnl == 10_000
    assert (values["trades"][0]["adverse"], values["trades"][0]["favourable"]) == (6_000, 10_000)
    bought, kept = values["charts"]["views"]
    assert closes_of(values["charts"]["prices"][bought["prices"]]) == [70_200, 69_400]
    assert bought["stop"] == 70_000 * (1 - float(ExitRules().stop_loss))
    assert (kept["left"], kept["prices"]) == (0, None)
    assert values["equity"]["realised"][-1][1] == 10_000
    assert [(left["symbol"], left["quantity"]) for left in values["left"]] == [(HYNIX, 10)]
    assert [band["state"] for band in values["timeline"]["bands"]] == ["scanning", "holding"]
    assert values["orders"] == {"all": 3, "filled": 3}
    assert values["verdict"]["violations"] == 0

    written = await write(values, "ko", tmp_path)
    assert written.html.name == "report-2026-11-23.ko.html"
    assert json.loads(written.json.read_text()) == values


async def test_a_page_names_the_verdict_on_the_code_that_decided(books: Books) -> None:
    database = await a_traded_day(books)
    await books.database.positions._pool.execute("UPDATE trades SET strategy_source = 'abc'")
    judged_so = {"strategy": "momentum", "source": "abc", "conclusion": "no_edge_after_costs", "backtest": "b"}
    await database.verdicts.keep({**judged_so, "checks": [], "figures": {}})
    confirmed = Confirmation("momentum", "abc", "kim", "a trial")
    await database.verdicts.decide(ACCOUNT, confirmed, accepted=True)

    values = day_values(await read_day(database, ACCOUNT, a_session()))

    assert {
        "strategy": "momentum",
        "source": "abc",
        "verdict": "no_edge_after_costs",
        "confirmed_because": "a trial",
    } in (values["standings"])
    english, korean = page(values, "en"), page(values, "ko")
    assert "momentum (abc): verdict: no edge after costs · confirmed without a pass: a trial" in english
    assert "momentum (abc): 판정: 비용을 빼면 우위 없음 · 통과 없이 확인함: a trial" in korean


async def test_a_position_is_left_on_the_days_before_its_sale_only(books: Books) -> None:
    database = await a_traded_day(books)

    assert [each.symbol for each in await database.positions.left_after(ACCOUNT, TUESDAY)] == [HYNIX]
    assert await database.positions.left_after(ACCOUNT, SessionDate(MONDAY - timedelta(days=1))) == ()


async def test_a_session_that_nothing_is_known_of_is_empty(books: Books) -> None:
    day = await read_day(books.database, ACCOUNT, a_session(TUESDAY))

    assert (day.trades, day.bars, day.states, day.verdict) == ((), (), (), None)
    assert day.fleet.performance.trades == 0


async def test_a_position_that_a_later_day_sells_is_left_until_then(books: Books) -> None:
    bought = await books.held()
    trade = books.a_trade(bought, await books.sold(bought), closed_at=NOW + timedelta(days=1))
    await books.database.trades.close(trade, None, release_lock=False)

    positions = books.database.positions
    assert [each.symbol for each in await positions.left_after(ACCOUNT, MONDAY)] == [SAMSUNG]
    assert await positions.left_after(ACCOUNT, TUESDAY) == ()
