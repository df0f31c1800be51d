"""docs/faults.md names tests that exist, kinds that chaos has, and counts its rows correctly."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tools.chaos.kinds import KINDS
from tools.chaos.outages import Part

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "faults.md").read_text()
ROWS = {row.split("|")[1].strip(): row for row in PAGE.splitlines() if re.match(r"\| F\d+ \|", row)}
STATUSES = ("shown", "part", "not yet")
_NAMED = re.compile(r"`([\w/.…]+)::(\w+)`")
_KINDS = re.compile(r"chaos ((?:`\w+`(?:, | and )?)+)")


def named_tests(row: str) -> list[tuple[str, str]]:
    """Return file and function of each test; an ellipsis stands for the previous file."""
    found, file = [], ""
    for path, function in _NAMED.findall(row):
        file = file if path == "…" else path
        found.append((file, function))
    return found


def test_every_fault_has_its_row() -> None:
    assert sorted(ROWS, key=lambda name: int(name[1:])) == [f"F{number}" for number in range(1, 64)]


@pytest.mark.parametrize("fault", ROWS)
def test_the_tests_of_a_row_exist(fault: str) -> None:
    for file, function in named_tests(ROWS[fault]):
        path = ROOT / "tests" / file
        assert path.is_file(), f"{fault}: there is no tests/{file}"
        assert re.search(rf"def {function}\(", path.read_text()), f"{fault}: tests/{file} has no {function}"


@pytest.mark.parametrize("fault", ROWS)
def test_the_kinds_of_a_row_are_what_chaos_does(fault: str) -> None:
    named = {kind for group in _KINDS.findall(ROWS[fault]) for kind in re.findall(r"`(\w+)`", group)}

    assert named <= {*KINDS, *Part}


@pytest.mark.parametrize("fault", ROWS)
def test_a_shown_fault_names_what_shows_it_and_an_unfinished_one_says_what_is_missing(fault: str) -> None:
    row = ROWS[fault]
    status = row.rstrip(" |").rpartition("|")[2].strip()

    assert status in STATUSES
    assert status != "shown" or named_tests(row)


def test_the_counts_are_those_of_the_rows() -> None:
    statuses = Counter(row.rstrip(" |").rpartition("|")[2].strip() for row in ROWS.values())

    said = f"**Counts**: {statuses['shown']} shown, {statuses['part']} in part, {statuses['not yet']} not yet"
    assert said in PAGE
