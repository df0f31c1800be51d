"""The guard: no part outlives its host, and a crashed part is restarted."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from runtime.embedded.guard import KEEP_UP, Program
from tests.runtime.embedded.processes import ROOT, eventually, processes_of
from tests.support.small_disk import MEGABYTE, small_disk

POLITE = "import time, sys; open(sys.argv[1], 'a').write('x'); time.sleep(600)"
GUARD = (sys.executable, "-m", "runtime.embedded.guard")
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {POLITE}"


class Guarded:
    """Guards started by one test, and how often their program has started."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark
        self.guards: list[subprocess.Popen[bytes]] = []

    def start(self, code: str, grace: float = 5.0) -> "subprocess.Popen[bytes]":
        return self.run(Program([sys.executable, "-c", code, str(self.mark)], grace=grace))

    def run(self, program: Program, guard_program: Sequence[str] = GUARD) -> "subprocess.Popen[bytes]":
        guard = subprocess.Popen(
            [*guard_program, program.to_json()],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.guards.append(guard)
        return guard

    def has_begun(self, times: int) -> bool:
        return self.mark.exists() and len(self.mark.read_text()) == times

    def children(self) -> list[int]:
        guards = [guard.pid for guard in self.guards]
        found = [int(line.split()[0]) for line in processes_of(self.mark)]
        return [pid for pid in found if pid not in guards]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    guarded = Guarded(tmp_path / "begun")
    yield guarded
    for guard in guarded.guards:
        guard.kill()
        guard.communicate()


def test_the_end_of_its_input_stops_the_program(guarded: Guarded) -> None:
    guard = guarded.start(POLITE)
    assert eventually(lambda: guarded.has_begun(1))

    guard.communicate()

    assert guard.returncode == 128 + signal.SIGTERM
    assert not processes_of(guarded.mark)


def test_a_program_that_will_not_stop_is_killed_after_its_grace(guarded: Guarded) -> None:
    guard = guarded.start(DEAF, grace=0.2)
    assert eventually(lambda: guarded.has_begun(1))

    guard.communicate()

    assert guard.returncode == 128 + signal.SIGKILL
    assert not processes_of(guarded.mark)


def test_input_that_ended_before_the_program_began_leaves_nothing(guarded: Guarded) -> None:
    guard = guarded.start(POLITE)

    guard.communicate()

    assert not processes_of(guarded.mark)


def test_a_ready_program_that_dies_is_started_again(guarded: Guarded) -> None:
    guard = guarded.start(POLITE)
    assert guard.stdin is not None
    guard.stdin.write(KEEP_UP)
    guard.stdin.flush()
    assert eventually(lambda: guarded.has_begun(1))

    for pid in guarded.children():
        os.kill(pid, signal.SIGKILL)

    assert eventually(lambda: guarded.has_begun(2))
    guard.communicate()
    assert not processes_of(guarded.mark)


def test_a_program_that_dies_before_it_is_ready_ends_its_guard(guarded: Guarded) -> None:
    guard = guarded.start("import sys; sys.exit(3)")

    assert guard.wait(10) == 3


def test_a_missing_program_is_said(guarded: Guarded) -> None:
    guard = guarded.run(Program(["/nowhere/postgres"]))

    assert guard.wait(10) == 127
    assert guard.stderr is not None
    assert b"/nowhere/postgres" in guard.stderr.read()


def test_terminating_the_guard_stops_the_program(guarded: Guarded) -> None:
    guard = guarded.start(POLITE)
    assert eventually(lambda: guarded.has_begun(1))

    guard.terminate()

    guard.wait(10)
    assert not processes_of(guarded.mark)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals a child when its parent was killed")
def test_killing_the_guard_stops_the_program(guarded: Guarded) -> None:
    guard = guarded.start(POLITE)
    assert eventually(lambda: guarded.has_begun(1))

    guard.kill()

    assert eventually(lambda: not processes_of(guarded.mark))


HASTY_GUARD = (
    "import sys; import runtime.embedded.guard as g; g._SHORT_LIVES = 2; g._RESTART_PAUSE = 0.05; sys.exit(g.main())"
)


def test_a_program_that_dies_of_a_full_disk_is_started_until_there_is_room(guarded: Guarded, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 96) as disk:
        disk.leaves(63 * MEGABYTE)
        code = "import sys; open(sys.argv[1], 'a').write('x'); sys.exit(3)"
        program = Program([sys.executable, "-c", code, str(guarded.mark)], writes_to=str(disk.folder))
        guard = guarded.run(program, [sys.executable, "-c", HASTY_GUARD])
        assert guard.stdin is not None
        guard.stdin.write(KEEP_UP)
        guard.stdin.flush()

        assert eventually(lambda: guarded.mark.exists() and len(guarded.mark.read_text()) > 4)
        assert guard.poll() is None

        disk.is_free()
        assert guard.wait(30) == 3
