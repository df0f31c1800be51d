"""The verb on recorded days: any number of processes, an interrupt and a kill give the same trades."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from tests.lab.recorded_days import DAYS, STOCKS, a_store

ROOT: Final = Path(__file__).resolve().parents[2]
_LAST: Final = DAYS[-1]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that the tests share: making PostgreSQL's files takes longest."""
    folder = tmp_path_factory.mktemp("data")
    folder.chmod(0o700)
    a_store(folder / "bars")
    return folder


@pytest.fixture
def endless(data: Path) -> Iterator[Callable[[], None]]:
    """Make the last day one that can never be read to its end, until the fixture's value is called."""
    file = data / "bars" / "minute" / f"{_LAST}.parquet"
    kept = file.rename(file.with_suffix(".kept"))
    os.mkfifo(file)

    def restore() -> None:
        if kept.exists():
            kept.replace(file)

    yield restore
    restore()


def command(data: Path, *words: str) -> tuple[list[str], dict[str, str]]:
    asked = ["backtest", "--strategy", "volatility_breakout", "--from", f"{DAYS[0]}", "--to", f"{_LAST}", *words]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HARU_")}
    return [sys.executable, str(ROOT / "starter.py"), *asked], {**clean, "HARU_DATA_DIR": str(data)}


def result(data: Path, *words: str) -> Any:
    argv, environment = command(data, "--json", *words)
    done = subprocess.run(argv, env=environment, cwd=data, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def ended_by(data: Path, number: signal.Signals) -> int:
    """Run until only the endless day is left, then send a signal; return the exit code."""
    argv, environment = command(data, "--processes", "1")
    for old in (data / "backtests").glob("*/days/*.json"):
        old.unlink()
    running = subprocess.Popen(argv, env=environment, cwd=data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not all(list((data / "backtests").glob(f"*/days/{day}.json")) for day in DAYS[:-1]):
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(number)
    return running.wait()


def dates_of(found: Any) -> list[date]:
    return [date.fromisoformat(day["date"]) for day in found["days"]]


def test_any_number_of_processes_gives_the_same_trades(data: Path) -> None:
    one = result(data, "--processes", "1")
    two = result(data, "--processes", "2")
    page = next((data / "backtests").glob("*/report.html")).read_text()

    assert one["trades"] > 0
    assert (one["hash"], one["net"]) == (two["hash"], two["net"])
    assert one["sound"]
    assert dates_of(one) == list(DAYS)
    assert any("without a bar" in gap for gap in one["gaps"])
    assert one["ratios"] == {}, "three sessions are too few for ratios"
    assert one["id"] in page
    assert "no order book" in page
    assert '"sharpe"' not in page.split('id="shown"')[0]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)], ids=["interrupted", "killed"]
)
def test_a_run_that_was_ended_keeps_its_days_and_goes_on(
    data: Path, endless: Callable[[], None], number: signal.Signals, code: int
) -> None:
    assert ended_by(data, number) == code
    endless()

    resumed = result(data, "--resume")

    assert dates_of(resumed) == list(DAYS)
    assert resumed["hash"] == result(data)["hash"]


def test_the_universe_is_that_of_each_day(data: Path, tmp_path: Path) -> None:
    listed = tmp_path / "universe.csv"
    listed.write_text(f"date,symbol\n{DAYS[0]},{STOCKS[0]}\n{DAYS[1]},{STOCKS[1]}\n{DAYS[1]},{STOCKS[2]}\n")

    found = result(data, "--universe", str(listed))

    assert [(day["date"], day["stocks"]) for day in found["days"]] == [(f"{DAYS[0]}", 1), (f"{DAYS[1]}", 2)]


def test_a_changed_rule_gives_another_backtest(data: Path) -> None:
    assert result(data, "--set", "exits.stop_loss=1%")["id"] != result(data)["id"]
