"""One short round on real processes: the adversary injects its faults, and every invariant holds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MINUTES = 0.8


@pytest.mark.slow
@pytest.mark.in_turn(1, "each run")
def test_a_short_day_under_the_adversary_violates_nothing(tmp_path: Path) -> None:
    played = subprocess.run(
        [sys.executable, "-m", "tools.chaos", "--seed", "5", "--minutes", str(MINUTES), "--workers", "5"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )

    assert played.returncode == 0, played.stdout[-4000:] + played.stderr[-2000:]
    result = json.loads((tmp_path / ".haru" / "chaos" / "5.json").read_text())
    assert result["closed"]
    assert result["faults"] > 0
    assert result["verdict"]["violations"] == 0
    assert result["verdict"]["orders"] > 0
