"""Inspection of other processes: which run, which have ended, which still hold a folder."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FREE_PORTS = {f"HARU_PORTS__{part}": "0" for part in ("POSTGRES", "TEMPORAL", "TEMPORAL_UI", "SIMULATOR")}


def eventually(condition: Callable[[], bool], limit: float = 30) -> bool:
    """Wait at most `limit` seconds for a condition."""
    until = time.monotonic() + limit
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def processes_of(mark: object) -> list[str]:
    """Return the command lines that name a path, other than our own."""
    listing = subprocess.run(["ps", "-axww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listing.splitlines() if str(mark) in line and int(line.split()[0]) != os.getpid()]


def is_held(folder: Path) -> bool:
    """Return whether any process, down to the last server child, still has the folder's lock."""
    with (folder / "lock").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@contextmanager
def hosting(
    environment: Mapping[str, str], confinement: Callable[[], None] | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """Run the small hosting program until the block ends, under the restrictions of `confinement`."""
    host = subprocess.Popen(
        [sys.executable, "-m", "tests.runtime.embedded.host"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=confinement,  # noqa: PLW1509 - it takes no lock that another thread may hold
    )
    try:
        yield host
    finally:
        host.kill()
        host.communicate()


def says_up(host: "subprocess.Popen[str]") -> str:
    """Wait for the hosting program's first line."""
    assert host.stdout is not None
    line = host.stdout.readline()
    assert line.startswith("up "), host.communicate()[1]
    return line
