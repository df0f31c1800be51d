"""Every benchmark runs in quick mode with plausible figures. Their size is not tested."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.embedded.processes import ROOT, processes_of
from tests.support.turns import TURNS, WHOLE_DAYS
from tools.bench.__main__ import NAMES, main
from tools.bench.figures import Figure, shown, table
from tools.bench.watches import Watch, watch_by

LONGEST = 420
"""Seconds on a busy machine; an idle one needs a tenth."""


class Measured:
    """Output and files of one quick run of all benchmarks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        done = subprocess.run(
            [sys.executable, "-m", "tools.bench", "--quick", "--json"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        self.printed: dict[str, Any] = json.loads(done.stdout)

    def of(self, bench: str) -> list[dict[str, Any]]:
        return [figure for figure in self.printed["figures"] if figure["bench"] == bench]

    def median(self, bench: str, words: str) -> float:
        (figure,) = (figure for figure in self.of(bench) if words in figure["name"])
        return float(figure["median"])


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return Measured(tmp_path_factory.mktemp("bench"))


@pytest.mark.slow
@pytest.mark.in_turn(TURNS, WHOLE_DAYS)
@pytest.mark.timeout(LONGEST)
@pytest.mark.parametrize("bench", NAMES)
def test_each_bench_measures_something_that_can_be(measured: Measured, bench: str) -> None:
    figures = [figure for figure in measured.of(bench) if figure["n"]]

    assert figures
    assert all(0 <= figure["median"] <= figure["p95"] <= figure["p99"] <= figure["max"] for figure in figures)
    assert all(value < LONGEST for figure in figures if figure["unit"] == "s" for value in figure["values"])


@pytest.mark.slow
@pytest.mark.in_turn(TURNS, WHOLE_DAYS)
@pytest.mark.timeout(LONGEST)
def test_what_does_not_depend_on_the_machine_is_as_promised(measured: Measured) -> None:
    assert measured.median("lock", "winners") == 1
    assert measured.median("scan", "refused") == 0
    assert measured.median("scan", "any sliding second") <= 18
    assert measured.median("rate", "any sliding second") <= 18
    assert measured.median("trade", "minute of holding") == 0
    assert measured.median("liquidation", "any sliding second") <= 18
    assert measured.median("liquidation", "refused") == 0
    assert measured.median("liquidation", "not sold exactly once") == 0
    assert measured.printed["machine"]["PostgreSQL"].endswith("fsync on")


@pytest.mark.slow
@pytest.mark.in_turn(TURNS, WHOLE_DAYS)
@pytest.mark.timeout(LONGEST)
def test_every_value_is_kept_and_nothing_goes_on(measured: Measured) -> None:
    (kept,) = (measured.folder / ".haru" / "bench").glob("*.json")

    assert json.loads(kept.read_text()) == measured.printed
    assert processes_of(measured.folder) == []


def test_an_unknown_bench_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        main(["lock", "luck"])

    assert refusal.value.code == 2
    assert "no such bench: luck; choose among lock, codec, scan" in capsys.readouterr().err


def test_more_positions_than_stocks_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        main(["liquidation", "--positions", "1001"])

    assert refusal.value.code == 2
    assert "--positions 1001: choose 1 to 1000" in capsys.readouterr().err


def test_a_figure_sums_up_its_values() -> None:
    figure = Figure("lock", "acquire", "ms", tuple(float(value) for value in range(1, 101)), floor=10.1, aim=100)

    assert (figure.median, figure.quantile(0.95), figure.quantile(0.99), figure.ratio) == (50.5, 95, 99, 5)
    assert table([figure]).splitlines()[-1] == (
        "| lock | acquire | ms | 100 | 50.5 | 95.0 | 99.0 | 100 | 5.00 | ≤ 100 |"
    )


def test_a_figure_without_values_shows_so() -> None:
    assert table([Figure("scan", "calls", "calls", ())]).splitlines()[-1].count("–") == 6


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.01234, "0.0123"), (1.234, "1.23"), (99.94, "99.9"), (12345.6, "12,346")]
)
def test_numbers_show_three_digits_that_count(value: float, text: str) -> None:
    assert shown(value) == text


def test_the_owner_of_a_shard_names_the_process_that_watches() -> None:
    began = datetime(2026, 11, 23, tzinfo=UTC)

    assert watch_by(("4711@host", began)) == Watch(4711, began)
    assert not watch_by(None).is_running
