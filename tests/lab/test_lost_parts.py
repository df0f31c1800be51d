"""A process or the PostgreSQL of a backtest that is killed ends it with one clear error, and loses no finished day."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.recorded_days import DAYS
from tests.lab.test_backtest import command, data, endless, result
from tests.runtime.embedded.processes import eventually, processes_of

__all__ = ["data", "endless"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def with_one_day_left(data: Path, kill: Callable[[int], None]) -> tuple[int, str]:
    """Run until only the endless day is left, kill something, and return exit code and errors."""
    argv, environment = command(data, "--processes", "1")
    for old in (data / "backtests").glob("*/days/*.json"):
        old.unlink()
    running = subprocess.Popen(
        argv, env=environment, cwd=data, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        while len(list((data / "backtests").glob("*/days/*.json"))) < 2:
            assert running.poll() is None
            time.sleep(0.05)
        kill(running.pid)
        _, errors = running.communicate()
    finally:
        running.kill()
    return running.returncode, errors


def feed(data: Path) -> None:
    """Let the endless day be read after all."""
    file = data / "bars" / "minute" / f"{DAYS[-1]}.parquet"
    kept = file.with_suffix(".kept")
    content = kept.read_bytes()
    with file.open("wb") as pipe:
        kept.replace(file)
        pipe.write(content)


def kept_days(data: Path) -> int:
    return len(list((data / "backtests").glob("*/days/*.json")))


def child_with(pid: int, word: str) -> int:
    listed = subprocess.run(
        ["ps", "-axww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return next(int(child) for child, parent, words in rows if int(parent) == pid and word in words)


def player_of(pid: int) -> int:
    """Return the process that plays the days: forked from the one that has imported the program."""
    return child_with(child_with(pid, "forkserver"), "forkserver")


def test_a_killed_process_is_named_and_its_days_go_on(data: Path, endless: Callable[[], None]) -> None:
    code, errors = with_one_day_left(data, lambda pid: os.kill(player_of(pid), signal.SIGKILL))
    kept = kept_days(data)
    endless()

    assert (code, kept) == (1, 2)
    assert "a process has ended before its day" in errors
    assert "--resume" in errors
    assert "Traceback" not in errors
    assert "leaked" not in errors
    assert eventually(lambda: processes_of(data) == [])
    assert len(result(data, "--resume")["days"]) == 3


@pytest.mark.usefixtures("endless")
def test_a_killed_postgres_ends_the_run_with_one_error(data: Path) -> None:
    def kill(_: int) -> None:
        server = (data / "backtests" / "engine" / "postgres" / "postmaster.pid").read_text().split()[0]
        os.kill(int(server), signal.SIGKILL)
        feed(data)

    code, errors = with_one_day_left(data, kill)

    assert code == 1
    assert "PostgreSQL does not answer any more" in errors
    assert "NOT SOUND" not in errors
    assert kept_days(data) == 2
    assert eventually(lambda: processes_of(data) == [])


def test_interrupts_in_a_row_end_it_once_and_leave_nothing(data: Path, endless: Callable[[], None]) -> None:
    def twice(pid: int) -> None:
        for _ in range(3):
            os.kill(pid, signal.SIGINT)
            time.sleep(0.02)

    code, errors = with_one_day_left(data, twice)
    kept = kept_days(data)
    endless()

    assert (code, kept) == (130, 2)
    assert errors.count("--resume goes on") == 1
    assert "Traceback" not in errors
    assert "leaked" not in errors
    assert eventually(lambda: processes_of(data) == [])
