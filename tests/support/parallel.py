"""Distribution of the tests when `make test` starts several processes: real-time tests never run in parallel."""

import os
from functools import cache
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

REAL_TIME: Final = (
    "tests/trials/journeys/test_demo.py",
    "tests/tools/chaos/test_one_round.py",
    "tests/tools/test_bench.py",
    "tests/trials/journeys/test_on_a_real_server.py",
)
"""Whole days in real time, and measurements: each needs the whole machine."""
LONG: Final = ("tests/runtime/embedded/test_parts.py", "tests/trials/crash_points/test_closing_matrix.py")
"""Files of many short tests that take longer than most slow ones."""
_TOGETHER: Final = "real time"
_STEP_BACK: Final = 10
"""Added niceness: a day played 360 times faster ends without trades if it has to wait for the CPU."""


class FilesInTurn(LoadFileScheduling):
    """Gives each process a whole file at a time, so that a module's fixtures are set up once; long files first."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        # Otherwise the files with the most tests would come first; the longest have a single one.
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def scope_of(nodeid: str) -> str:
    """Return the unit that one process runs as a whole: a file, or all real-time tests."""
    file = nodeid.partition("::")[0]
    return _TOGETHER if file in REAL_TIME else file


def give_way(nodeid: str) -> None:
    """Lower the priority of this process and its children once it runs tests outside the real-time group."""
    if scope_of(nodeid) != _TOGETHER:
        _step_back()


@cache
def _step_back() -> None:
    os.nice(_STEP_BACK)


def longest_first(items: list[pytest.Item]) -> None:
    """Put real-time tests first, then files with slow tests and long ones, so that the longest do not start last."""
    slow = {*LONG, *(scope_of(item.nodeid) for item in items if item.get_closest_marker("slow"))}
    items.sort(key=lambda item: (scope_of(item.nodeid) != _TOGETHER, scope_of(item.nodeid) not in slow))
