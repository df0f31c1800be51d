"""The process that a demo starts: its end is an error that quotes its log."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.demo.worker_process import WorkerProcess
from fleet.errors import NothingRunsError


def a_process(folder: Path, program: str, printed: str) -> WorkerProcess:
    log = folder / "worker.log"
    log.write_text(printed)
    return WorkerProcess(subprocess.Popen([sys.executable, "-c", program]), log)


async def test_a_process_that_ends_before_it_is_ready_is_an_error_with_its_last_lines(tmp_path: Path) -> None:
    worker = a_process(tmp_path, "raise SystemExit(3)", "first\n" + "later\n" * 12)

    with pytest.raises(NothingRunsError, match=r"has ended \(exit 3\); the last lines of .*worker\.log") as error:
        await worker.until_ready()

    assert "later" in str(error.value)
    assert "first" not in str(error.value)


async def test_a_process_is_ready_once_its_log_says_so(tmp_path: Path) -> None:
    worker = a_process(tmp_path, "input()", "haru worker ready: SIMULATED account.\n")

    await worker.until_ready()

    worker.guard.kill()
    worker.guard.wait()
    assert worker.has_ended
