"""``demo.py`` as a process, in a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.runtime.embedded.processes import ROOT


@contextmanager
def demo(folder: Path, words: Sequence[str]) -> Iterator["subprocess.Popen[str]"]:
    """Run the demo in a folder that embedded PostgreSQL can reach, whichever user runs the tests."""
    for part in (folder, *folder.parents[:3]):
        part.chmod(part.stat().st_mode | 0o011)
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


def until_workers_trade(process: "subprocess.Popen[str]") -> None:
    """Read the output up to the line that says so."""
    assert process.stdout is not None
    while "workers trade" not in process.stdout.readline():
        assert process.poll() is None
