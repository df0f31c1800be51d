"""``make demo`` from end to end: one process, five parts, a whole day, and the broker's own books at the end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.runtime.embedded.processes import ROOT, eventually, processes_of

FAST = ("--speed", "360", "--workers", "3")


@contextmanager
def demo(folder: Path, words: Sequence[str]) -> Iterator["subprocess.Popen[str]"]:
    """Run the demo in a folder of its own."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "demo.py"), *words],
        cwd=folder,
        env={**os.environ, "HARU_BROKER__ENVIRONMENT": "paper", "DATABASE_URL": "postgresql://unused@nowhere/real"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that embedded PostgreSQL can reach, whichever user runs the tests."""
    for part in (tmp_path, *tmp_path.parents[:3]):
        part.chmod(part.stat().st_mode | 0o011)
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_whole_day_ends_flat_and_the_broker_agrees_to_the_won(folder: Path) -> None:
    with demo(folder, FAST) as process:
        output, errors = process.communicate(timeout=280)

    assert process.returncode == 0, output + errors
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
    assert shown["timeline"]["workers"] == ["worker-1", "worker-2", "worker-3"]
    assert shown["charts"]["prices"]
    assert (shown["verdict"]["over"], shown["verdict"]["violations"]) == (True, 0)
    assert processes_of(folder) == []


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_an_interrupted_demo_takes_everything_with_it(folder: Path) -> None:
    with demo(folder, FAST) as process:
        assert process.stdout is not None
        while "workers trade" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    assert process.returncode == 130
    assert eventually(lambda: processes_of(folder) == [])


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_demo_that_is_killed_leaves_nothing_running(folder: Path) -> None:
    with demo(folder, FAST) as process:
        assert process.stdout is not None
        while "workers trade" not in process.stdout.readline():
            assert process.poll() is None
        process.kill()

    assert eventually(lambda: processes_of(folder) == [], 40)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_second_demo_in_the_same_folder_is_refused(folder: Path) -> None:
    with demo(folder, FAST) as first:
        assert first.stdout is not None
        while "workers trade" not in first.stdout.readline():
            assert first.poll() is None
        with demo(folder, FAST) as second:
            _, errors = second.communicate(timeout=40)
        assert second.returncode == 1
        assert "is in use" in errors
        assert first.poll() is None


@pytest.mark.parametrize("words", [["--workers", "0"], ["--speed", "-1"], ["--seed", "lucky"], ["--speed", "5000"]])
def test_wrong_usage_is_reported_before_anything_starts(folder: Path, words: list[str]) -> None:
    with demo(folder, words) as process:
        _, errors = process.communicate(timeout=40)

    assert process.returncode == 2
    assert "usage: demo.py" in errors
    assert not (folder / ".haru").exists()
