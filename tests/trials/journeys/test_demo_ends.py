"""A demo that is interrupted or killed leaves nothing running; a second one in its folder is refused."""

import signal
from pathlib import Path

import pytest

from tests.runtime.embedded.processes import eventually, processes_of
from tests.trials.journeys.running_demo import demo, until_workers_trade

LONG = ("--speed", "60", "--workers", "3")
"""A day that is not over when the machine is slow."""
LONGEST = 200
"""Seconds on a busy machine; an idle one needs a tenth."""


@pytest.mark.slow
@pytest.mark.timeout(2 * LONGEST)
def test_a_second_demo_in_the_same_folder_is_refused_and_an_interrupt_ends_everything(tmp_path: Path) -> None:
    with demo(tmp_path, LONG) as first:
        until_workers_trade(first)
        with demo(tmp_path, LONG) as second:
            _, errors = second.communicate(timeout=LONGEST)
        assert second.returncode == 1
        assert "is in use" in errors
        assert first.poll() is None

        first.send_signal(signal.SIGINT)
        first.communicate(timeout=LONGEST)

    assert first.returncode == 130
    assert eventually(lambda: processes_of(tmp_path) == [], LONGEST)


@pytest.mark.slow
@pytest.mark.timeout(2 * LONGEST)
def test_a_demo_that_is_killed_leaves_nothing_running(tmp_path: Path) -> None:
    with demo(tmp_path, LONG) as process:
        until_workers_trade(process)
        process.kill()

    assert eventually(lambda: processes_of(tmp_path) == [], LONGEST)


@pytest.mark.parametrize("words", [["--workers", "0"], ["--speed", "-1"], ["--seed", "lucky"], ["--speed", "5000"]])
def test_wrong_usage_is_reported_before_anything_starts(tmp_path: Path, words: list[str]) -> None:
    with demo(tmp_path, words) as process:
        _, errors = process.communicate(timeout=40)

    assert process.returncode == 2
    assert "usage: demo.py" in errors
    assert not (tmp_path / ".haru").exists()
