"""The page of Temporal's concepts follows the code: a word stands in the file that is named, or nowhere else."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "temporal-concepts.md").read_text()
PRODUCT = [path for path in ROOT.glob("*.py") if path.name != "demo.py"] + [
    path
    for folder in ("activities", "cli", "fleet", "lab", "runtime", "security", "workflows")
    for path in (ROOT / folder).rglob("*.py")
]


def rows(section: str) -> Iterator[list[str]]:
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    for line in re.findall(r"^\| (.+) \|$", text, re.MULTILINE)[1:]:
        yield [cell.strip("`") for cell in line.split(" | ")]


@pytest.mark.parametrize(("word", "file"), [(row[1], row[2]) for row in rows("Used")])
def test_a_concept_that_is_used_stands_in_its_file(word: str, file: str) -> None:
    assert word in (ROOT / file).read_text()


@pytest.mark.parametrize("word", [row[1] for row in rows("Not used")])
def test_a_concept_that_is_not_used_stands_nowhere(word: str) -> None:
    assert [str(path.relative_to(ROOT)) for path in PRODUCT if word in path.read_text()] == []


def test_each_row_gives_a_reason() -> None:
    used, unused = list(rows("Used")), list(rows("Not used"))

    assert (len(used), len(unused)) >= (30, 10)
    assert all(len(row) == 4 and row[3] for row in used)
    assert all(len(row) == 3 and row[2] for row in unused)
