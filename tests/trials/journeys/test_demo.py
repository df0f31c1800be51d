"""``make demo`` from end to end: one process, five parts, a whole day, and the broker's own books at the end."""

import json
from pathlib import Path

import pytest

from tests.runtime.embedded.processes import processes_of
from tests.trials.journeys.running_demo import demo

FAST = ("--speed", "360", "--workers", "3")


@pytest.mark.slow
def test_a_whole_day_ends_flat_and_the_broker_agrees_to_the_won(tmp_path: Path) -> None:
    with demo(tmp_path, FAST) as process:
        output, errors = process.communicate(timeout=280)

    assert process.returncode == 0, output + errors
    reports = tmp_path / ".haru" / "reports"
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
    assert shown["timeline"]["workers"] == ["worker-1", "worker-2", "worker-3"]
    assert shown["charts"]["prices"]
    assert (shown["verdict"]["over"], shown["verdict"]["violations"]) == (True, 0)
    assert processes_of(tmp_path) == []
