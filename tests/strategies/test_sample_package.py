"""The package of samples: pip installs it without a network, and Haru finds its strategies without any change."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = {"opening_range", "gap_fade", "vwap_reversion", "relative_volume", "morning_momentum", "rsi_rebound"}


@pytest.mark.slow
def test_an_installed_package_brings_its_strategies(tmp_path: Path) -> None:
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(target)]
    subprocess.run([*pip, str(ROOT / "samples/haru-sample-strategies")], check=True)

    done = subprocess.run(
        [sys.executable, "starter.py", "strategy", "list", "--json"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(target),
            "HARU_ENV_FILE": os.devnull,
            "HARU_RULES__STRATEGY__GAP_FADE__LEAST_GAP": "2%",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    found = {each["name"]: each for each in report["strategies"] if each["origin"].startswith("haru-sample-strategies")}
    assert found.keys() == SAMPLES
    assert all(len(each["source"]) == 64 for each in report["strategies"])
    assert found["gap_fade"]["parameters"]["least_gap"] == {"value": "2%", "bounds": "within 0%..30%"}
