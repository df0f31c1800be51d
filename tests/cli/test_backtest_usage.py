"""The verb ``backtest`` refuses a wrong command with what to write instead, before anything starts."""

from datetime import date
from pathlib import Path

import pytest

from cli.main import main
from tests.lab.recorded_days import a_store

GOOD = ["--strategy", "momentum", "--from", "2025-11-17", "--to", "2025-11-18"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_configured: None) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("HARU_DATA_DIR", str(folder))
    return folder


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["backtest", *words]) == 1
    return capsys.readouterr().err


def test_without_recorded_bars_it_says_how_to_get_some(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "bars import FOLDER" in refused(capsys, *GOOD)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--strategy", "momentum", "--from", "2025-11-18", "--to", "2025-11-17"], "swap them"),
        (["--strategy", "astrology", *GOOD[2:]], "choose among"),
        ([*GOOD, "--set", "exits.stop_loss"], "write RULE=VALUE"),
        ([*GOOD, "--set", "exits.stop_loss=3"], "write 3%"),
        ([*GOOD, "--set", "universe.symbols=005930"], "--universe"),
        ([*GOOD, "--symbols", "5930"], "six characters"),
        ([*GOOD, "--processes", "0"], "at least 1"),
        ([*GOOD, "--symbols", "005930,999999"], "999999: no stored bars"),
        ([*GOOD[:2], "--from", "2024-01-02", "--to", "2024-01-03"], "no stored session"),
    ],
)
def test_a_wrong_command_is_refused_with_the_remedy(
    data: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    a_store(data / "bars", (date(2025, 11, 17),))

    assert says in refused(capsys, *words)


def test_a_stretch_without_a_session_is_refused_before_anything_is_made(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_store(data / "bars", (date(2025, 11, 17),))

    said = refused(capsys, *GOOD[:2], "--from", "2024-01-02", "--to", "2024-01-03")

    assert said == "starter.py: no stored session from 2024-01-02 to 2024-01-03; `bars list` shows what is there\n"
    assert not (data / "backtests").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("date,symbol\nyesterday,005930\n", "line 2: 'yesterday' is no date"),
        ("date,symbol\n2025-11-17,5930\n", "line 2: '5930' is no stock code"),
        ("date,symbol\n", "names no stock"),
    ],
)
def test_a_wrong_universe_is_refused_with_its_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    a_store(data / "bars", (date(2025, 11, 17),))
    file = tmp_path / "universe.csv"
    file.write_text(text)

    assert says in refused(capsys, *GOOD, "--universe", str(file))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--backtest", "momentum-1"], "unknown backtest momentum-1: choose among riser-2025"),
        (["--backtest", "riser-2025"], "play the backtest again"),
        (["--backtest", "riser-2025", "--out", "x"], "--out and --capital do not"),
    ],
)
def test_a_page_of_an_unknown_or_damaged_backtest_is_refused(
    data: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    folder = data / "backtests" / "riser-2025"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text('{"strategy": "riser"}')

    assert main(["report", *words]) == 1

    assert says in capsys.readouterr().err


def test_without_a_backtest_it_says_how_to_make_one(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--backtest", "momentum-1"]) == 1

    assert "there is none yet; `backtest` makes one" in capsys.readouterr().err
