"""Which cases of a family a run plays in its turn."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.turns import AROUND, leave_to_other_turns


class Case:
    """A collected case of a parametrized test."""

    def __init__(self, test: str, parameter: str, every: int = 0, family: str = "") -> None:
        self.nodeid = f"{test}[{parameter}]"
        self.callspec = SimpleNamespace(params={"case": parameter})
        self._mark = pytest.mark.in_turn(every, family or (lambda word: word[0])).mark if every else None

    def get_closest_marker(self, _: str) -> pytest.Mark | None:
        return self._mark


class Deselected:
    """The hook that pytest offers for deselected items."""

    def __init__(self) -> None:
        self.hook = self
        self.nodeids: list[str] = []

    def pytest_deselected(self, items: list[Any]) -> None:
        self.nodeids += [item.nodeid for item in items]


def played(cases: list[Case], turn: str) -> list[str]:
    left, items = Deselected(), list(cases)
    leave_to_other_turns(cast("pytest.Config", left), cast("list[pytest.Item]", items), turn)
    assert sorted([*left.nodeids, *(item.nodeid for item in items)]) == sorted(case.nodeid for case in cases)
    return [item.nodeid for item in items]


BUYS = [Case("t.py::test", f"b{number}", 3) for number in range(7)]


def test_without_a_turn_every_case_is_played() -> None:
    assert len(played(BUYS, "")) == 7


@pytest.mark.parametrize(("turn", "cases"), [("0", "036"), ("1", "14"), ("2", "25"), ("3", "036"), ("100", "14")])
def test_a_turn_plays_every_nth_case(turn: str, cases: str) -> None:
    assert played(BUYS, turn) == [f"t.py::test[b{number}]" for number in cases]


def test_the_turns_together_play_every_case() -> None:
    assert {case for turn in "012" for case in played(BUYS, turn)} == {case.nodeid for case in BUYS}


@pytest.mark.parametrize("turn", list("0123456789"))
def test_each_kind_keeps_a_case_in_every_turn(turn: str) -> None:
    sales = [Case("t.py::test", "s0", 3), Case("t.py::test", "s1", 3), Case("t.py::test", "x", 3)]

    kinds = {nodeid.split("[")[1][0] for nodeid in played([*BUYS, *sales], turn)}

    assert kinds == {"b", "s", "x"}


def test_other_tests_and_families_are_counted_apart() -> None:
    other = [Case("t.py::another", f"b{number}", 2) for number in range(2)]
    plain = [Case("t.py::plain", "b9")]

    assert played([*plain, *BUYS[:2], *other], "1") == ["t.py::plain[b9]", "t.py::test[b1]", "t.py::another[b1]"]


def test_the_files_of_a_named_family_take_turns_as_a_whole() -> None:
    days = [Case(f"{file}.py::{test}", "", 2, "whole days") for file in "abc" for test in ("first", "second")]

    assert played(days, "0") == ["a.py::first[]", "a.py::second[]", "c.py::first[]", "c.py::second[]"]
    assert played(days, "1") == ["b.py::first[]", "b.py::second[]"]


def test_the_files_around_the_trading_system_take_turns() -> None:
    around = [
        Case(f"tests/{folder}/test_a.py::test", "x") for folder in ("cli", "lab", "web", "tools", "deploy", "history")
    ]
    trading = [Case("tests/domain/test_a.py::test", "x"), Case("tests/test_worker.py::test", "x")]

    assert played([*around, *trading], "0") == [each.nodeid for each in (around[0], around[5], *trading)]
    assert played([*around, *trading], "1") == [each.nodeid for each in (around[1], *trading)]


@pytest.mark.parametrize("turn", list("0123"))
def test_a_file_can_be_played_by_each_run(turn: str) -> None:
    always = [Case("tests/tools/test_round.py::test", "x", 1, "each run")]

    assert played(always, turn) == [always[0].nodeid]


@pytest.mark.parametrize("folder", AROUND)
def test_each_folder_around_the_trading_system_exists(folder: str) -> None:
    assert (Path(__file__).parents[1] / folder).is_dir()


def test_a_family_with_two_numbers_of_turns_is_refused() -> None:
    days = [Case(f"{file}.py::test", "", turns, "whole days") for file, turns in (("a", 3), ("b", 2))]

    with pytest.raises(pytest.UsageError, match=r"b\.py::test\[\]: 'whole days' takes 3 turns elsewhere, here 2"):
        played(days, "0")
