"""The verb on recorded days: its best set is confirmed by a backtest, and every file is written."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.lab.recorded_days import DAYS, a_store

ROOT: Final = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_best_set_is_confirmed_by_a_backtest(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    a_store(tmp_path / "bars")
    stretch = ["--from", f"{DAYS[0]}", "--to", f"{DAYS[-1]}", "--train", "2", "--test", "1", "--gap", "0"]
    varied = ["--vary", "factor=0.3,0.5", "--vary", "stop_loss=1%,3%"]
    command = [sys.executable, str(ROOT / "starter.py"), "sweep", "volatility_breakout", *varied, *stretch]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HARU_")}
    environment = {**clean, "HARU_DATA_DIR": str(tmp_path)}

    done = subprocess.run(
        [*command, "--confirm", "1", "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    (confirmed,) = values["confirmed"]
    assert values["trials"] == 4
    assert len(values["windows"]) == 1
    assert confirmed["of"] == confirmed["agreed"] > 0
    assert confirmed["rules"] == values["best"][0]["rules"]
    assert (tmp_path / "backtests" / confirmed["backtest"] / "days" / f"{DAYS[0]}.json").exists()
    assert (tmp_path / "backtests" / confirmed["backtest"] / "report.json").exists()
    assert (tmp_path / "sweeps" / values["id"] / "report.html").exists()
    assert f"../sweeps/{values['id']}/report.html" in (tmp_path / "reports" / "index.html").read_text()
