"""References between documents and code resolve: sections, codes, links, paths, verbs and settings."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from runtime.installed import VERSION
from tools.conformance.checks import FACTS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
"""Every page for readers."""
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE_WORD = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:[\w-]+/)*[\w-]+\.py|(?:[\w-]+/)+")
_VERB = re.compile(r"(?:python|`)[ ]?starter\.py ([a-z][a-z-]+)")
_NUMBERED = re.compile(r"^#+ (\d+(?:\.\d+)?)\.? ", re.MULTILINE)


def headings(page: Path) -> set[str]:
    """Return the anchors of a page, as GitHub generates them."""
    text = _FENCE.sub("", page.read_text())
    return {
        re.sub(r"[^\w\- ]", "", title.lower().replace("`", "")).replace(" ", "-") for title in _HEADING.findall(text)
    }


def sections(page: str) -> set[str]:
    """Return the numbers of the headings of a page."""
    return set(_NUMBERED.findall((DOCS / page).read_text()))


def code() -> Iterator[tuple[Path, str]]:
    """Return the text of every Python file of the project; environments and caches begin with a dot."""
    for top in ROOT.glob("[!.]*"):
        for path in top.rglob("*.py") if top.is_dir() else [top] * (top.suffix == ".py"):
            if path != Path(__file__):
                yield path, path.read_text()


def cited(pattern: str) -> dict[str, str]:
    """Return the citations in the code, each with one file that contains it."""
    return {found: str(path.relative_to(ROOT)) for path, text in code() for found in re.findall(pattern, text)}


@pytest.mark.parametrize(
    ("names", "page"), [("kis-openapi|docs/kis\\.md|sheet", "kis.md"), ("krx-market|docs/krx\\.md", "krx.md")]
)
def test_a_cited_section_exists(names: str, page: str) -> None:
    found = cited(rf"(?:{names}) ((?:§\d+(?:\.\d+)?(?:, )?)+)")
    numbers = {number: file for group, file in found.items() for number in re.findall(r"§([\d.]*\d)", group)}

    assert numbers
    missing = {number: file for number, file in numbers.items() if number not in sections(page)}
    assert not missing, f"docs/{page} has no such section: {missing}"


def test_a_cited_design_page_exists() -> None:
    index = set(re.findall(r"^\| (\d+) \| \[", (DOCS / "design" / "README.md").read_text(), re.MULTILINE))

    cited_pages = cited(r"design §(\d+)")

    assert cited_pages
    assert set(cited_pages) <= index


def test_the_index_of_the_design_numbers_every_page_as_the_page_does() -> None:
    listed = dict(
        re.findall(r"^\| (\d+) \| \[([\w-]+\.md)\]", (DOCS / "design" / "README.md").read_text(), re.MULTILINE)
    )
    titles = {
        number: page.name
        for page in (DOCS / "design").glob("*.md")
        for number in re.findall(r"\A# (\d+)\.", page.read_text())
    }

    assert listed == titles


@pytest.mark.parametrize(("letter", "page"), [("R", "requirements.md"), ("F", "faults.md")])
def test_a_cited_code_has_its_row(letter: str, page: str) -> None:
    rows = set(re.findall(rf"^\| ({letter}\d+) \|", (DOCS / page).read_text(), re.MULTILINE))

    codes = {code for group in cited(r"\(((?:[RF]\d+(?:, )?)+)\)") for code in re.findall(rf"{letter}\d+", group)}

    assert codes
    assert codes <= rows


def test_each_fact_of_the_conformance_table_has_its_section_and_its_marks() -> None:
    text = (DOCS / "kis.md").read_text()
    marks = set(re.findall(r"^\| ([A-Z–]) \| ", text, re.MULTILINE))

    assert {fact.section for fact in FACTS} <= sections("kis.md")
    assert set(chain.from_iterable(fact.marks.replace("-", "–").split() for fact in FACTS)) <= marks


@pytest.mark.parametrize("name", NAMES)
def test_the_links_of_a_page_lead_somewhere(name: str) -> None:
    page = ROOT / name
    dead = []
    for link in _LINK.findall(_FENCE.sub("", page.read_text())):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in headings(target)):
            dead.append(link)

    assert not dead


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"CHANGELOG.md", "docs/faults.md"}))
def test_the_paths_that_a_page_names_exist(name: str) -> None:
    """The changelog mentions old paths; the page of faults has a test of its own."""
    text = _FENCE.sub("", (ROOT / name).read_text())
    ours = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    named = {word for word in _CODE_WORD.findall(text) if _PATH.fullmatch(word)}

    missing = {
        word
        for word in named
        if (word.endswith(".py") or word.split("/")[0] in ours)
        and not any((base / word).exists() for base in (ROOT, ROOT / "tests"))
    }
    assert not missing


def test_the_architecture_is_read_in_one_sitting() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text()) <= 12_000


def test_each_verb_that_a_page_names_is_one_of_the_command_line() -> None:
    command = [sys.executable, "starter.py", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    verbs = set(re.findall(r"^ {4}([a-z-]+)(?: |$)", shown, re.MULTILINE))

    named = {(verb, name) for name in NAMES for verb in _VERB.findall((ROOT / name).read_text())}

    assert "status" in verbs
    assert {(verb, name) for verb, name in named if verb not in verbs} == set()


@pytest.mark.parametrize("name", ["operations", "strategies", "simulator", "history"])
def test_a_korean_guide_names_what_the_english_one_names(name: str) -> None:
    """Every setting, rule, verb, event, option and fault in the first column of an English table."""
    english, korean = ((folder / f"{name}.md").read_text() for folder in (DOCS, DOCS / "ko"))
    first_columns = re.findall(r"^\| (.*?[^\\]) \|", _FENCE.sub("", english), re.MULTILINE)

    words = {word for cell in first_columns for word in _CODE_WORD.findall(cell)}

    assert words
    assert {word for word in words if word not in korean} == set()


def test_every_place_names_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.findall(r"^## \[(\d[\d.]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    assert (project, newest) == (VERSION, VERSION)
