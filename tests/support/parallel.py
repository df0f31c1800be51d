"""Which process runs which tests when `make test` starts several: no two that live in real time beside each other."""

import os
from functools import cache
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

REAL_TIME: Final = (
    "tests/trials/journeys/test_demo.py",
    "tests/tools/chaos/test_one_round.py",
    "tests/trials/journeys/test_kill_nine.py",
    "tests/tools/test_bench.py",
    "tests/trials/journeys/test_on_a_real_server.py",
    "tests/trials/journeys/test_strangers.py",
)
"""Whole days against the clock on the wall, and measurements: each wants the machine, not the half of it."""
_TOGETHER: Final = "real time"
_STEP_BACK: Final = 10
"""Of the machine's priority: a day that is played 360 times faster ends without trades if it has to wait its turn."""


class FilesInTurn(LoadFileScheduling):
    """Gives each process a whole file at a time, so that what a module sets up is set up once; long files first."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        # Else the files with the most tests would come first; the longest have a single one.
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def scope_of(nodeid: str) -> str:
    """Return the name of what one process runs as a whole: a file, or all that lives in real time."""
    file = nodeid.partition("::")[0]
    return _TOGETHER if file in REAL_TIME else file


def give_way(nodeid: str) -> None:
    """Let this process, and all that it starts, wait for whoever lives in real time, once it runs something else."""
    if scope_of(nodeid) != _TOGETHER:
        _step_back()


@cache
def _step_back() -> None:
    os.nice(_STEP_BACK)


def longest_first(items: list[pytest.Item]) -> None:
    """Put real time first, then files with slow tests: what begins last must not be what lasts longest."""
    slow = {scope_of(item.nodeid) for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (scope_of(item.nodeid) != _TOGETHER, scope_of(item.nodeid) not in slow))
