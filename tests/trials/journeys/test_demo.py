"""``make demo`` from end to end: one process, five parts, a whole day, and the broker's own books at the end.

With ``DEMO_PLAYED_IN`` the test judges a demo that has just ended in that folder, its output in ``demo.log``.
"""

import json
import os
from pathlib import Path
from typing import Final

import pytest

from tests.runtime.embedded.processes import processes_of
from tests.trials.journeys.running_demo import demo

WORKERS: Final = 3
PLAYED_IN: Final = os.environ.get("DEMO_PLAYED_IN", "")


def a_demo(folder: Path) -> str:
    """Play a demo and return its output."""
    with demo(folder, ("--speed", "360", "--workers", f"{WORKERS}")) as process:
        output, errors = process.communicate(timeout=280)
    assert process.returncode == 0, output + errors
    return output


@pytest.mark.slow
def test_a_whole_day_ends_flat_and_the_broker_agrees_to_the_won(tmp_path: Path) -> None:
    folder = Path(PLAYED_IN) if PLAYED_IN else tmp_path
    output = (folder / "demo.log").read_text() if PLAYED_IN else a_demo(folder)

    reports = folder / ".haru" / "reports"
    (path,) = reports.glob("2*.json")
    report = json.loads(path.read_text())
    assert path.stem == report["session_date"]
    assert report["trades"]  # the number depends on how busy the machine is
    assert sum(report["exit_reasons"].values()) == len(report["trades"])
    assert report["net_pnl"] == report["broker_cash_change"]
    assert report["broker_flat"]
    assert set(report["checks"].values()) == {0}
    assert "Web UI: http://127.0.0.1:" in output
    page = reports / f"report-{path.stem}.html"
    assert f"Report: {page}" in output
    assert page.with_suffix(".ko.html").exists()
    shown = json.loads(page.with_suffix(".json").read_text())
    assert shown["equity"]["marked"][-1][1] == report["net_pnl"]
    assert len(shown["trades"]) == len(report["trades"])
    assert shown["timeline"]["workers"] == [f"worker-{number}" for number in range(1, WORKERS + 1)]
    assert shown["charts"]["prices"]
    assert (shown["verdict"]["over"], shown["verdict"]["violations"]) == (True, 0)
    assert processes_of(folder / ".haru") == []
