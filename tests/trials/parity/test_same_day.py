"""One recorded day on real processes and in a backtest: every difference between the trades has a computed cause."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.lab.recorded_days import DAYS, STOCKS, a_store
from tests.runtime.embedded.processes import ROOT, eventually, processes_of
from tests.support.turns import TURNS, WHOLE_DAYS

DAY: Final = DAYS[0]
HOURS: Final = f"{DAY}=09:00-11:20-11:30"


def compared(folder: Path, *words: str) -> tuple[int, str, Any]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HARU_")}
    done = subprocess.run(
        [sys.executable, "-m", "tools.parity", "--bars", str(folder / "bars"), "--date", f"{DAY}", *words],
        cwd=ROOT,
        env={**clean, "HARU_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    kept = folder / "parity" / f"{DAY}.json"
    return done.returncode, done.stdout + done.stderr, json.loads(kept.read_text()) if kept.exists() else None


@pytest.mark.slow
@pytest.mark.in_turn(TURNS, WHOLE_DAYS)
@pytest.mark.timeout(900)
def test_every_difference_between_processes_and_a_backtest_has_a_cause(folder: Path) -> None:
    a_store(folder / "bars")

    code, output, found = compared(folder, "--hours", HOURS, "--speed", "60", "--workers", "2")

    assert found is not None, output
    unexplained = [each for each in found["differences"] if each["cause"] == "UNEXPLAINED"]
    assert (unexplained, code) == ([], 0), output
    assert found["violations"] == {"processes": 0, "backtest": 0}
    assert {trade["symbol"] for trade in found["trades"]} <= set(STOCKS)
    assert any(trade["processes"] != "–" for trade in found["trades"])
    assert any(trade["backtest"] != "–" for trade in found["trades"])
    assert eventually(lambda: processes_of(folder) == [])


def test_a_day_without_bars_is_refused_before_anything_starts(folder: Path) -> None:
    a_store(folder / "bars", DAYS[1:])

    code, output, _ = compared(folder)

    assert code == 1
    assert f"no minute bars of {DAY}" in output
    assert processes_of(folder) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that embedded PostgreSQL can reach, whichever user runs the tests."""
    for part in (tmp_path, *tmp_path.parents[:3]):
        part.chmod(part.stat().st_mode | 0o011)
    return tmp_path
