"""Which tests a second version of Python repeats."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest

from tests import conftest
from tests.support import parallel
from tests.support.reused_database import ReusedDatabase
from tests.support.second_python import SERVERS, mark_for_second_python
from tests.trials.journeys import real_system
from tests.trials.journeys.real_system import RealSystem


class Collected:
    """A collected test: its file, fixtures and markers."""

    def __init__(self, nodeid: str, module: ModuleType, *fixtures: str, slow: bool = False) -> None:
        self.nodeid = nodeid
        self.module = module
        self.fixturenames = fixtures
        self.markers = ["slow"] if slow else []

    def get_closest_marker(self, name: str) -> bool | None:
        return True if name in self.markers else None

    def add_marker(self, name: str) -> None:
        self.markers.append(name)


def chosen(*collected: Collected, turn: str = "") -> list[str]:
    mark_for_second_python(cast("list[pytest.Item]", list(collected)), turn)
    return [each.nodeid for each in collected if "second_python" in each.markers]


@pytest.fixture
def module(tmp_path: Path) -> Callable[..., ModuleType]:
    """Make a test file's module from its source and the names that it imports."""

    def make(source: str = "", **names: object) -> ModuleType:
        made = ModuleType("tests.a")
        file = tmp_path / "test_a.py"
        file.write_text(source)
        vars(made).update(names, __file__=str(file))
        return made

    return make


def test_every_test_without_a_server_runs_again(module: Callable[..., ModuleType]) -> None:
    pure = module("import os", parallel=parallel, helper=ReusedDatabase)

    assert chosen(Collected("a.py::1", pure), Collected("a.py::2", pure, "tmp_path")) == ["a.py::1", "a.py::2"]


@pytest.mark.parametrize("server", sorted(SERVERS))
def test_one_test_of_each_file_with_a_server_runs_again(module: Callable[..., ModuleType], server: str) -> None:
    pure = module()
    files = [Collected(f"{file}.py::{number}", pure, server) for file in "ab" for number in (1, 2)]

    assert hasattr(conftest, server)
    assert chosen(*files, Collected("b.py::pure", pure)) == ["a.py::1", "b.py::1", "b.py::pure"]


@pytest.mark.parametrize("fixtures", [["postgres_server"], []], ids=["with a server", "without"])
def test_in_its_turns_each_file_runs_again_once(module: Callable[..., ModuleType], fixtures: list[str]) -> None:
    pure = module()

    turns = [chosen(*(Collected(f"{file}.py::1", pure, *fixtures) for file in "abcdef"), turn=turn) for turn in "56789"]

    assert turns == [["a.py::1", "f.py::1"], ["b.py::1"], ["c.py::1"], ["d.py::1"], ["e.py::1"]]


def test_files_with_and_without_servers_take_turns_of_their_own(module: Callable[..., ModuleType]) -> None:
    pure = module()
    files = Collected("a.py::served", pure, "postgres_server"), Collected("b.py::pure", pure)

    assert chosen(*files, turn="5") == ["a.py::served", "b.py::pure"]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import subprocess", {}),
        ("await asyncio.create_subprocess_exec()", {}),
        ("def started(launcher: Launcher) -> None:", {}),
        ("", {"RealSystem": RealSystem}),
        ("", {"real_system": real_system}),
    ],
    ids=["itself", "by asyncio", "by our launcher", "by a helper's class", "by a helper"],
)
def test_one_test_of_each_file_that_starts_processes_runs_again(
    module: Callable[..., ModuleType], source: str, names: dict[str, object]
) -> None:
    starting = module(source, **names)

    assert chosen(Collected("a.py::1", starting), Collected("a.py::2", starting)) == ["a.py::1"]


def test_what_reads_the_sources_does_not_run_again(module: Callable[..., ModuleType]) -> None:
    assert chosen(Collected("tests/architecture/test_tree.py::1", module())) == []


def test_a_slow_test_does_not_run_again_and_is_not_the_one_of_its_file(module: Callable[..., ModuleType]) -> None:
    pure = module()

    assert chosen(
        Collected("a.py::slow", pure, "postgres_server", slow=True), Collected("a.py::quick", pure, "postgres_server")
    ) == ["a.py::quick"]
