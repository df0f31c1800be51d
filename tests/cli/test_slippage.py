"""The verb ``slippage`` and ``backtest --slippage``: learnt from the books, kept, and refused with a reason."""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from cli.main import main
from database.database import open_database
from domain.identity import Environment
from lab import slippage
from lab.slippage import MODEL_FILE, Calibration, keep, kept
from reporting.page import signed
from tests.database.books import FINGERPRINT, Books
from tests.lab.recorded_days import DAYS, a_store
from tests.support.builders import ACCOUNT, NOW, WORKER


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_configured: None) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("HARU_DATA_DIR", str(folder))
    return folder


async def a_sale(url: str) -> None:
    database = await open_database(url)
    await database.accounts.pin(ACCOUNT, Environment.SIMULATED, FINGERPRINT)
    books = Books(database)
    await database.workers.register(ACCOUNT, WORKER, "workflow")
    bought = await books.held()
    trade = books.a_trade(bought, await books.sold(bought), opened_at=NOW, closed_at=NOW + timedelta(minutes=20))
    assert await database.trades.close(trade, None, release_lock=False)
    await database.aclose()


def test_too_few_fills_are_refused(
    paper_fleet: Mapping[str, str], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["slippage"]) == 1
    assert "0 fills of one side in 0 sessions" in capsys.readouterr().err


def test_fills_are_learnt_and_kept(
    database_url: str, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setattr(slippage, "LEAST_FILLS", 1)
    monkeypatch.setattr(slippage, "LEAST_SESSIONS", 1)
    asyncio.run(a_sale(database_url))

    assert main(["slippage"]) == 0
    text = capsys.readouterr().out
    assert "Slippage of the simulated account, learnt from 1 entry fills, 1 exit fills in 1 sessions" in text
    assert "No backtest has enough fills" in text
    assert main(["slippage", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert [row["class"] for row in values["classes"][:1]] == [""]
    assert kept(data) is not None


def test_a_backtest_with_learnt_slippage_needs_some(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_store(data / "bars", DAYS[:1])
    asked = ["--strategy", "momentum", "--from", f"{DAYS[0]}", "--to", f"{DAYS[0]}", "--slippage", "learnt"]

    assert main(["backtest", *asked]) == 1
    assert "nothing has been learnt yet; `starter.py slippage` does it" in capsys.readouterr().err


def test_the_page_shows_realised_beside_modelled_slippage(
    database_url: str, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model takes 10 bp of 700,000 won bought at the decided price, and 5 bp of the 710,000 won sold."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    asyncio.run(a_sale(database_url))
    keep(data, Calibration({"entry": 0.0010, "exit": 0.0005}, {}, {"entry": 100, "exit": 100}, 10), MODEL_FILE)

    for language, said in (("en", "realised {} won · fill model {} won"), ("ko", "실현 {}원 · 체결 모델 {}원")):
        assert main(["report", "--json", "--lang", language]) == 0
        written = json.loads(capsys.readouterr().out)
        found = json.loads(Path(written["json"]).read_text())["slippage"]
        assert found["modelled"] == 700 + 355
        numbers = (signed(found["realised"]), signed(found["modelled"]))
        assert said.format(*numbers).replace("원", " 원") in Path(written["html"]).read_text()
