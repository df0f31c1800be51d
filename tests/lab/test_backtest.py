"""The verb on recorded days: any number of processes, an interrupt and a kill give the same trades."""

import json
import os
import re
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
RISER: Final = '''
"""Buys after a few rising minutes, and checks that it sees what a fleet shows."""

from decimal import Decimal

from pydantic import Field

from strategies.api import EntrySignal, MarketView, OpenPosition, Parameters


class RiserParameters(Parameters):
    rises: int = Field(default=3, ge=1, le=60)


class Riser:
    name = "riser"
    version = "1"
    Parameters = RiserParameters

    def entry(self, view: MarketView, parameters: RiserParameters) -> EntrySignal | None:
        closes = [bar.close for bar in view.minutes[-parameters.rises - 2 : -1]]
        if not view.days or view.session is None or len(closes) <= parameters.rises or closes != sorted(set(closes)):
            return None
        return EntrySignal(self.name, self.version, Decimal("0.5"), f"{parameters.rises} rising minutes")

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: RiserParameters) -> bool:
        return False
'''
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that the tests share: making PostgreSQL's files takes longest."""
    folder = tmp_path_factory.mktemp("data")
    folder.chmod(0o700)
    a_store(folder / "bars")
    (folder / "own").mkdir()
    (folder / "own" / "riser.py").write_text(RISER)
    return folder


@pytest.fixture(scope="module")
def whole(data: Path) -> Any:
    """Result of a run that nothing disturbs, in one process."""
    return result(data, "--processes", "1")


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
    named = () if "--strategy" in words else ("--strategy", "volatility_breakout")
    asked = ["backtest", *named, "--from", f"{DAYS[0]}", "--to", f"{_LAST}", *words]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HARU_")}
    return [sys.executable, str(ROOT / "starter.py"), *asked], {
        **clean,
        "HARU_DATA_DIR": str(data),
        "HARU_STRATEGIES__PATH": str(data / "own"),
    }


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


def test_any_number_of_processes_gives_the_same_trades(data: Path, whole: Any) -> None:
    one = whole
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
    data: Path, whole: Any, endless: Callable[[], None], number: signal.Signals, code: int
) -> None:
    assert ended_by(data, number) == code
    endless()

    resumed = result(data, "--resume")

    assert dates_of(resumed) == list(DAYS)
    assert resumed["hash"] == whole["hash"]


def test_a_page_can_be_written_again_in_korean_and_for_one_session(data: Path, whole: Any) -> None:
    played = whole
    argv, environment = command(data)

    def report(*words: str) -> Any:
        asked = [*argv[:2], "report", *words, "--backtest", played["id"], "--json"]
        done = subprocess.run(asked, env=environment, cwd=data, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    whole, day = report("--lang", "ko"), report(f"{DAYS[0]}")

    shown = values_in(Path(whole["html"]))
    assert shown["charts"] == values_in(data / "backtests" / played["id"] / "report.html")["charts"]
    assert all(view["prices"] and view["signals"] for view in shown["charts"]["views"])
    assert any(taken for view in shown["charts"]["views"] for _, _, taken in view["signals"])
    assert len(values_in(Path(day["html"]))["trades"]) == played["days"][0]["trades"]
    assert f'href="../backtests/{played["id"]}/report.html"' in Path(day["index"]).read_text()


def values_in(page: Path) -> Any:
    found = re.search(r'id="shown">(.*?)</script>', page.read_text())
    assert found is not None
    return json.loads(found[1])["values"]


def test_the_universe_is_that_of_each_day(data: Path, tmp_path: Path) -> None:
    listed = tmp_path / "universe.csv"
    listed.write_text(f"date,symbol\n{DAYS[0]},{STOCKS[0]}\n{DAYS[1]},{STOCKS[1]}\n{DAYS[1]},{STOCKS[2]}\n")

    found = result(data, "--universe", str(listed))

    assert [(day["date"], day["stocks"]) for day in found["days"]] == [(f"{DAYS[0]}", 1), (f"{DAYS[1]}", 2)]


def test_a_changed_rule_gives_another_backtest(data: Path, whole: Any) -> None:
    assert result(data, "--set", "exits.stop_loss=1%")["id"] != whole["id"]


def test_a_strategy_of_a_file_is_played_with_its_parameters_and_resumed_only_unchanged(data: Path) -> None:
    asked = ("--strategy", "riser", "--symbols", STOCKS[0])

    usual = result(data, *asked)
    rare = result(data, *asked, "--set", "strategy.riser.rises=60")
    (data / "own" / "riser.py").write_text(RISER.replace("len(closes) <= parameters.rises", "len(closes) >= 0"))
    changed = result(data, *asked, "--resume")

    assert usual["trades"] > 0
    assert rare["trades"] == 0
    assert changed["trades"] == 0, "the days of other code are not taken"
    assert len({usual["id"], rare["id"], changed["id"]}) == 3


def test_a_capital_that_buys_no_share_is_an_error_that_says_so(data: Path) -> None:
    argv, environment = command(data, "--capital", "1000", "--symbols", STOCKS[0])

    done = subprocess.run(argv, env=environment, cwd=data, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "no share affordable ×" in done.stdout
    assert "it buys no share of any candidate" in done.stderr
