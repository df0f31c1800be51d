"""The tests that also run on a second version of Python: all without servers, and one of each file with servers.

What differs between versions is the language, its library and the wheels. Every rule, parser and format runs on both.
A server behind a socket is the same program for both, so one test of each file shows that we reach it. What only reads
our sources finds the same in them on each version. In CI five files take turns (``tests/support/turns.py``).
"""

import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final, cast

import pytest

from tests.support.turns import TURN, TURNS

SERVERS: Final = frozenset({"postgres_server", "temporal_dev_server", "time_skipping_env"})
"""The fixtures that start a server."""
_READ_SOURCES: Final = "tests/architecture/"
_STARTS: Final = re.compile(r"^(import|from) subprocess|create_subprocess_|\bLauncher\b", re.MULTILINE)
"""The ways to start a process: the module, its namesakes of asyncio, and our own launcher."""
SECOND_PYTHON: Final = "second_python"
"""The marker, and the expression that selects it."""


def mark_for_second_python(items: list[pytest.Item], turn: str = TURN) -> None:
    """Mark what `-m second_python` selects."""
    chosen: set[str] = set()
    turns: dict[tuple[bool, str], int] = {}
    for item in items:
        file, served = item.nodeid.partition("::")[0], needs_servers(item)
        is_slow = bool(item.get_closest_marker("slow"))
        if is_slow or file.startswith(_READ_SOURCES) or (served and file in chosen):
            continue
        if served:
            chosen.add(file)
        mine = turns.setdefault((served, file), sum(kind == served for kind, _ in turns))
        if not turn or mine % TURNS == int(turn) % TURNS:
            item.add_marker(SECOND_PYTHON)


def needs_servers(item: pytest.Item) -> bool:
    """Whether a test has a server among its fixtures, or its file starts processes, itself or through a helper."""
    function = cast("pytest.Function", item)
    return not SERVERS.isdisjoint(function.fixturenames) or _starts_processes(function.module)


@cache
def _starts_processes(module: ModuleType) -> bool:
    """Whether the source of a module, or of a helper from which it imports, names what starts processes."""
    helpers = [sys.modules[name] for name in map(_home, vars(module).values()) if name in sys.modules]
    sources = [module, *(helper for helper in helpers if helper.__name__.startswith("tests."))]
    return any(_names_a_way(str(each.__file__)) for each in sources)


@cache
def _names_a_way(file: str) -> bool:
    return _STARTS.search(Path(file).read_text()) is not None


def _home(value: object) -> str:
    return value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", ""))
