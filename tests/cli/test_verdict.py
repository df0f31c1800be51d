"""The verb ``verdict``: it finds the backtest, prints each check, and writes the page in both languages."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from cli.main import main
from reporting.sentences import LANGUAGES
from tests.lab.evidence.played import SETTINGS, a_backtest
from tests.lab.recorded_days import DAYS


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_configured: None) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("HARU_DATA_DIR", str(folder))
    return folder


def test_a_verdict_is_printed_with_every_check(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_backtest(data)

    assert main(["verdict", "momentum"]) == 1
    text = capsys.readouterr().out
    for part in ("NOT ENOUGH EVIDENCE", "12 trades in 3 sessions", "random entries", "deflated Sharpe ratio", "Page: "):
        assert part in text


def test_json_has_the_figures_and_the_page(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_backtest(data)

    assert main(["verdict", "momentum", "--json", "--trials", "5"]) == 1
    values = json.loads(capsys.readouterr().out)
    assert values["conclusion"] == "not_enough_evidence"
    assert (values["backtest"], values["source"]) == (SETTINGS.id, SETTINGS.sources["momentum"])
    assert values["figures"]["trials"] == 6
    assert values["figures"]["over_random_bp"] is not None
    assert json.loads((Path(values["html"]).parent / "verdict.json").read_text())["figures"] == values["figures"]
    assert f"../backtests/{SETTINGS.id}/verdict.html" in Path(values["index"]).read_text()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_each_check_in_its_language(data: Path, capsys: pytest.CaptureFixture[str], language: str) -> None:
    a_backtest(data)

    main(["verdict", "momentum", "--json", "--lang", language])
    page = Path(json.loads(capsys.readouterr().out)["html"]).read_text()
    assert ("12 trades in 3 sessions" in page) == (language == "en")
    assert ("3거래일에 12회 거래" in page) == (language == "ko")
    assert ("근거 부족" in page) == (language == "ko")
    assert "<script>" not in page


def test_the_newest_backtest_of_the_present_code_is_judged(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = replace(SETTINGS, sources={"momentum": "of another day"})
    a_backtest(data, other)
    assert main(["verdict", "momentum"]) == 1
    assert "with its present code; those of other code need --backtest" in capsys.readouterr().err
    a_backtest(data)
    a_backtest(data, replace(other, capital=1))

    main(["verdict", "momentum", "--json"])
    assert json.loads(capsys.readouterr().out)["backtest"] == SETTINGS.id
    main(["verdict", "momentum", "--json", "--backtest", other.id])
    assert json.loads(capsys.readouterr().out)["source"] == "of another day"


def test_a_part_of_a_longer_backtest_and_a_source_that_has_changed_are_biased(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_backtest(data)
    part, changed = replace(SETTINGS, first=f"{DAYS[1]}"), replace(SETTINGS, sources={"momentum": "of another day"})
    for settings, says in ((part, "judge that one"), (changed, "has another source now")):
        a_backtest(data, settings)
        assert main(["verdict", "momentum", "--json", "--backtest", settings.id]) == 1
        checks = json.loads(capsys.readouterr().out)["checks"]
        assert [says in each["text"] for each in checks if each["name"] == "data"] == [True]


def test_a_strategy_that_names_the_days_is_biased(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    a_backtest(data)
    monkeypatch.setattr("cli.verbs.verdict.strategy_texts", lambda _: ['DAYS = ("2025-11-17",)\n'])

    assert main(["verdict", "momentum"]) == 1
    assert "names dates (2025-11-17)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["momentum"], "no finished backtest of momentum; `backtest --strategy momentum"),
        (["astrology"], "choose among"),
        (["momentum", "--backtest", "nothing"], "unknown backtest nothing"),
    ],
)
def test_without_a_backtest_it_says_how_to_get_one(
    data: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert main(["verdict", *words]) == 1
    assert says in capsys.readouterr().err


def test_a_backtest_of_another_strategy_or_without_an_end_is_refused(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_backtest(data)
    assert main(["verdict", "volatility_breakout", "--backtest", SETTINGS.id]) == 1
    assert "is of momentum, not of volatility_breakout" in capsys.readouterr().err

    (data / "backtests" / SETTINGS.id / "days" / f"{DAYS[0]}.json").unlink()  # a second run was interrupted
    assert main(["verdict", "momentum"]) == 1
    assert "has not ended" in capsys.readouterr().err
    (data / "backtests" / SETTINGS.id / "report.json").unlink()
    assert main(["verdict", "momentum", "--backtest", SETTINGS.id]) == 1
    assert "has not ended" in capsys.readouterr().err


def test_a_wrong_number_of_trials_is_a_usage_error(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["verdict", "momentum", "--trials", "-1"])
    assert "whole number" in capsys.readouterr().err


def test_the_books_get_the_verdict(
    paper_fleet: Mapping[str, str], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_backtest(data)

    main(["verdict", "momentum"])

    assert "The books have this verdict." in capsys.readouterr().out
    with psycopg.connect(paper_fleet["DATABASE_URL"]) as connection:
        rows = connection.execute("SELECT strategy, source, conclusion, backtest FROM strategy_verdicts").fetchall()
    assert rows == [("momentum", SETTINGS.sources["momentum"], "not_enough_evidence", SETTINGS.id)]


def test_without_books_it_says_so(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_backtest(data)

    main(["verdict", "momentum"])

    assert "The books of this folder do not have it: there are no books" in capsys.readouterr().out
