"""``starter.py digest`` for an operator: with the database alone, in both languages, as JSON, and with clear errors."""

import asyncio
import json
from datetime import date
from functools import partial

import pytest

from database.database import open_database
from domain.identity import Environment
from tests.database.books import Books
from tests.fleet.duties.test_digests import FRIDAY, traded
from tests.support.builders import ACCOUNT
from tests.support.command_line import Run

pytestmark = pytest.mark.usefixtures("nothing_configured")


@pytest.fixture
def run(run: Run) -> Run:
    """Run the command line's digest."""
    return partial(run, "digest")


@pytest.fixture
def books(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure books with a trade on a Wednesday and one on a Friday."""
    monkeypatch.setenv("DATABASE_URL", database_url)

    async def prepare() -> None:
        database = await open_database(database_url)
        await database.accounts.pin(ACCOUNT, Environment.SIMULATED, "3f9a1c")
        driver = Books(database)
        for day, price in ((date(2026, 11, 25), 69_000), (FRIDAY, 71_500)):
            await traded(driver, day, price)
        await database.aclose()

    asyncio.run(prepare())


def test_the_latest_week_is_printed_as_text_and_as_json(run: Run, books: None) -> None:
    text, values = run(), json.loads(run("week", "2026-11-24", "--json").stdout)

    assert text.returncode == 0
    assert text.stdout.splitlines()[0] == "Week 2026-W48 (2026-11-23 – 2026-11-27): 5 of 5 sessions, 2 trades"
    assert f"net {values['net']:+,} won" in text.stdout
    assert values["net"] == 2 * -1_610 - 10_000 + 15_000
    assert (values["win_rate"], values["worst_day"]) == (None, "2026-11-25")


def test_a_month_in_korean(run: Run, books: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_LANGUAGE", "ko")

    assert run("month").stdout.startswith("월간 결산 2026-11 (2026-11-23 – 2026-11-27): 거래일 21일 중 5일")


def test_a_week_without_a_session_in_the_books_is_an_error(run: Run, books: None) -> None:
    done = run("week", "2026-01-05")

    assert done.returncode == 1
    assert "the books know of no session from 2026-01-05 to 2026-01-11" in done.stderr
