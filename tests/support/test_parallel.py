"""How several processes share the tests: one file per process, and one process for all real-time tests."""

import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from tests.support.parallel import LONG, REAL_TIME, longest_first, scope_of

ROOT = Path(__file__).resolve().parents[2]


class Collected:
    """A collected test: its position, and whether it is marked as slow."""

    def __init__(self, nodeid: str, *markers: str) -> None:
        self.nodeid = nodeid
        self._markers = markers

    def get_closest_marker(self, name: str) -> bool | None:
        return True if name in self._markers else None


def in_sequence(*collected: Collected) -> list[str]:
    items = cast("list[pytest.Item]", list(collected))
    longest_first(items)
    return [item.nodeid for item in items]


@pytest.mark.parametrize("file", REAL_TIME)
def test_what_lives_in_real_time_exists_and_runs_in_one_process(file: str) -> None:
    assert (ROOT / file).exists()
    assert scope_of(f"{file}::test_a") == scope_of(f"{REAL_TIME[0]}::test_b[c::d]")


def test_every_other_file_is_a_whole_by_itself() -> None:
    assert scope_of("tests/domain/test_money.py::test_a[b::c]") == "tests/domain/test_money.py"
    assert scope_of("tests/domain/test_money.py::test_a") != scope_of("tests/domain/test_order.py::test_a")


def test_real_time_begins_before_slow_files_and_those_before_the_others_whose_sequence_stays() -> None:
    quick, slow, quick_beside_slow = Collected("a.py::quick"), Collected("b.py::slow", "slow"), Collected("b.py::quick")
    last, day = Collected("c.py::quick"), Collected(f"{REAL_TIME[0]}::test_a_day")

    assert in_sequence(quick, slow, quick_beside_slow, last, day) == [
        *(each.nodeid for each in (day, slow, quick_beside_slow, quick, last)),
    ]


@pytest.mark.parametrize("file", LONG)
def test_a_long_file_without_slow_tests_is_a_slow_one(file: str) -> None:
    assert (ROOT / file).exists()
    assert in_sequence(Collected("a.py::quick"), Collected(f"{file}::quick")) == [f"{file}::quick", "a.py::quick"]


@pytest.mark.parametrize(("file", "steps"), [(REAL_TIME[0], 0), ("tests/domain/test_money.py", 10)])
def test_a_process_gives_way_once_when_it_runs_anything_else(file: str, steps: int) -> None:
    program = f"""
import os
from tests.support.parallel import give_way
before = os.nice(0)
give_way("{file}::test_a")
give_way("{file}::test_b")
print(os.nice(0) - before)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    end_of_the_scale = 19
    assert int(done.stdout) == min(steps, end_of_the_scale - os.nice(0))
