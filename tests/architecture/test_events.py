"""Kinds of events: named by one enum, built by one constructor each, known to SQL and to both word files."""

import ast
import re
from collections.abc import Iterator

import pytest

from database.booking import FillKind
from domain.event_kind import EventKind
from reporting.sentences import LANGUAGES, words
from tests.architecture.test_tree import ROOT, SOURCES

READERS = {"domain/event_kind.py", "database/events.py"}
"""Files that turn stored text into a kind."""
KIND_IN_SQL = re.compile(r"\bkind\s*(?:=|<>|(?:NOT )?IN)\s*\(?((?:\s*'\w+'\s*,?)+)")


def names_its_kind_freely(code: str) -> list[str]:
    """Return the places where code names a kind by a text: in a constructor, a comparison or a conversion."""
    return [ast.unparse(node) for node in ast.walk(ast.parse(code)) if any(map(_is_text, _kinds_in(node)))]


def _kinds_in(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions that stand for a kind in a node."""
    match node:
        case ast.Call(func=ast.Name(id="Event"), args=arguments, keywords=keywords):
            yield from arguments[1:2]
            yield from (word.value for word in keywords if word.arg == "kind")
        case ast.Call(func=ast.Name(id="UnknownKind" | "kind_of"), args=arguments):
            yield from arguments
        case ast.Compare(left=left, comparators=others) if any(map(_is_kind_of_event, [left, *others])):
            yield from (each for part in [left, *others] for each in getattr(part, "elts", [part]))


def _is_kind_of_event(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "kind" and "event" in ast.unparse(node.value)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def kinds_in_sql(text: str) -> set[str]:
    """Return the kinds that SQL names."""
    return {kind for found in KIND_IN_SQL.findall(text) for kind in re.findall(r"\w+", found)}


def test_no_kind_is_a_free_text() -> None:
    files = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in SOURCES}

    assert {name: found for name, code in files.items() if (found := names_its_kind_freely(code))} == {}


@pytest.mark.parametrize(
    "code",
    [
        "Event(account, 'host_died', level, at)",
        "Event(account_id=account, kind='host_died', level=level, at=at)",
        "event.kind == 'host_died'",
        "each.event.kind in {'host_died', EventKind.HOST_DIED}",
        "kind_of('host_died')",
    ],
)
def test_a_planted_text_is_found(code: str) -> None:
    assert names_its_kind_freely(code) == [code]


def test_only_the_domain_builds_events() -> None:
    builders = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Event"
    }

    assert {name for name in builders if not name.startswith("domain/")} == {"database/events.py"}


def test_every_kind_is_used() -> None:
    named = {
        node.attr
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "EventKind"
    }

    assert set(EventKind.__members__) - named == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_a_word_and_every_word_a_kind(language: str) -> None:
    assert set(words(language)["kinds"]) == {kind.value for kind in EventKind}


def test_every_kind_in_sql_exists() -> None:
    files = [*(ROOT / "database").rglob("*.py"), *(ROOT / "database").rglob("*.sql")]
    named = {kind for path in files for kind in kinds_in_sql(path.read_text(encoding="utf-8"))}

    assert {EventKind.DAY_SUMMED_UP, EventKind.ORDER_DISMISSED_BY_OPERATOR, EventKind.KILL_SWITCH_LIFTED} <= named
    assert named - {kind.value for kind in (*EventKind, *FillKind)} == set()


def test_a_planted_kind_in_sql_is_found() -> None:
    assert kinds_in_sql("WHERE kind = 'nonsense' AND NEW.kind IN ('host_died', 'more')") == {
        "nonsense",
        "host_died",
        "more",
    }
