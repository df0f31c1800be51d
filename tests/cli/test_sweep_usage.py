"""The verb ``sweep`` refuses a wrong command with what to write instead, before anything is played."""

import sys
from datetime import date
from pathlib import Path

import pytest

from cli.main import main
from tests.lab.recorded_days import a_store

GOOD = ["volatility_breakout", "--from", "2025-11-17", "--to", "2025-11-18", "--train", "2", "--test", "1"]
VARY = ["--vary", "factor=0.4,0.5"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_configured: None) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("HARU_DATA_DIR", str(folder))
    return folder


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["sweep", *words]) == 1
    return capsys.readouterr().err


def test_without_recorded_bars_it_says_how_to_get_some(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "bars import FOLDER" in refused(capsys, *GOOD, *VARY)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([*VARY, "--from", "2025-11-18", "--to", "2025-11-17"], "swap them"),
        ([], "parameters of volatility_breakout: factor (within 0..5), least_range"),
        (["--vary", "factor=9"], "factor: 9 must be within 0..5"),
        (["--vary", "fator=0.5"], "--vary fator: unknown; choose among factor, least_range"),
        (["--vary", "strategy.volatility_breakout.fator=0.5"], "did you mean factor?"),
        (["--vary", "stop_loss=1"], "needs a percent sign"),
        (["--vary", "universe.symbols=005930"], "strategy, exits, screening and risk rules only"),
        (["--vary", "factor=0..1..0.01", "--vary", "stop_loss=1%..20.9%..0.1%"], "use --search random"),
        (["--vary", "screening.least_price=2000,3000", "--vary", "screening.greatest_price=2500"], "must not exceed"),
        ([*VARY, "--set", "exits.stop_loss=3"], "write 3%"),
        ([*VARY, "--processes", "0"], "at least 1"),
        ([*VARY, "--train", "2", "--test", "1", "--gap", "0", "--symbols", "5930"], "six characters"),
        ([*VARY], "1 sessions are stored and a window needs 4"),
        ([*VARY, "--from", "2024-01-02", "--to", "2024-01-03"], "no stored session"),
    ],
)
def test_a_wrong_command_is_refused_with_the_remedy(
    data: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    a_store(data / "bars", (date(2025, 11, 17),))

    assert says in refused(capsys, *GOOD, *words)


def test_an_unknown_strategy_is_refused_with_the_known_ones(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_store(data / "bars", (date(2025, 11, 17),))

    assert "choose among" in refused(capsys, "astrology", *GOOD[1:], *VARY)


@pytest.mark.parametrize("words", [["--train", "1"], ["--test", "0"], ["--trials", "many"], ["--gap", "-1"]])
def test_a_number_that_is_too_small_is_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sweep", *GOOD, *VARY, *words])

    assert ended.value.code == 2
    assert "name a whole number of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("missing", "words"), [("optuna", ["--search", "optuna"]), ("numpy", ["--alone", "--vary", "stop_loss=1%"])]
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, missing: str, words: list[str]
) -> None:
    a_store(data / "bars", (date(2025, 11, 17),))
    monkeypatch.setitem(sys.modules, missing, None)

    assert f"pip install {missing}" in refused(capsys, *GOOD, *words)


def test_what_has_no_effect_on_a_signal_alone_is_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_store(data / "bars", (date(2025, 11, 17),))

    assert "it has no effect with --alone" in refused(capsys, *GOOD, "--alone", "--vary", "trend_break=1%")
    finer = "--alone reads rates to 0.0001 % and times to the second"
    assert f"exits.take_profit: {finer}" in refused(capsys, *GOOD, "--alone", "--vary", "take_profit=1.23456%")
    assert f"exits.longest_holding: {finer}" in refused(capsys, *GOOD, "--alone", "--vary", "longest_holding=1500ms")
    assert f"exits.take_profit: {finer}" in refused(
        capsys, *GOOD, *VARY, "--alone", "--set", "exits.take_profit=1.23456%"
    )


def test_a_stock_without_bars_is_refused_by_name(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_store(data / "bars")
    words = ["volatility_breakout", "--from", "2025-11-17", "--to", "2025-11-19", "--train", "2", "--test", "1"]

    assert "999999: no stored bars" in refused(capsys, *words, "--gap", "0", *VARY, "--symbols", "005930,999999")
