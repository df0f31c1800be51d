"""Every sentence that our code writes into the books has a Korean translation, and every translation is still used."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import reporting.sentences
from reporting.sentences import LANGUAGES, words

ROOT: Final = Path(reporting.sentences.__file__).parents[1]
WRITERS: Final = ("activities", "cli", "database", "domain", "fleet", "reporting", "security", "strategies")
DETAIL_NAMES: Final = {"why", "evidence", "reason", "cause"}
"""Names of values that go into the books as a reason."""
GAP: Final = r"\{\w+\}"


@cache
def module(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def texts_with_gaps(within: ast.AST) -> Iterator[ast.JoinedStr]:
    nodes = list(ast.walk(within))
    formats = {id(node.format_spec) for node in nodes if isinstance(node, ast.FormattedValue)}
    yield from (node for node in nodes if isinstance(node, ast.JoinedStr) and id(node) not in formats)


def filled(text: ast.JoinedStr) -> str:
    """Return a text with a number in each of its placeholders."""
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in text.values)


@pytest.mark.parametrize(
    "path", ["domain/costs.py", "domain/risk.py", "strategies/momentum.py", "strategies/volatility_breakout.py"]
)
def test_why_something_was_bought_or_not_is_reported_in_korean(path: str) -> None:
    texts = [filled(text) for text in texts_with_gaps(module(ROOT / path))]

    assert texts
    assert [text for text in texts if not re.search("[가-힣]", words("ko").say(text))] == []
    assert [text for text in texts if words("en").say(text) != text] == []


def test_a_sentence_with_gaps_keeps_what_stands_in_them() -> None:
    say = words("ko").say

    assert say("PnL -600,000 won reaches the limit of -500,000") == "손익 -600,000원, 한도 -500,000원에 도달"
    witness = "not in the order list, but the broker holds 8 shares of 005930, the ledger 5"
    assert say(f"{witness} and the owner's orders +2").endswith("증권사 8주, 원장 5주, 본인 주문분 +2주")
    assert say(witness).endswith("증권사 8주, 원장 5주")
    assert say("{symbol} {0}") == "{symbol} {0}"
    assert say("the whole market is cooling down") == "the whole market is cooling down"


class Written:
    """Every text that our code can write, for lookups: whole, or composed of several texts."""

    def __init__(self) -> None:
        modules = [module(path) for folder in WRITERS for path in (ROOT / folder).rglob("*.py")]
        nodes = [node for each in modules for node in ast.walk(each)]
        self.whole = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        self.with_gaps = {shape_of(text) for each in modules for text in texts_with_gaps(each) if has_words(text)}

    def has(self, sentence: str) -> bool:
        """Return whether a text is this sentence; each placeholder holds a placeholder or another text of the code."""
        if sentence in self.whole:
            return True
        found = (shape.fullmatch(sentence) for shape in self.with_gaps)
        return any(
            all(not gap or re.fullmatch(GAP, gap) or self.has(gap) for gap in match.groups())
            for match in found
            if match
        )


@pytest.fixture(scope="module")
def written() -> Written:
    return Written()


def shape_of(text: ast.expr) -> re.Pattern[str]:
    """Return a pattern for a text with any values in its placeholders."""
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    return re.compile(
        "".join(re.escape(str(each.value)) if isinstance(each, ast.Constant) else f"({GAP}|.*?)" for each in parts)
    )


def has_words(text: ast.expr) -> bool:
    """Return whether a text has a word of its own."""
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    return any(re.search("[a-z]{4}", str(each.value)) for each in parts if isinstance(each, ast.Constant))


def test_every_sentence_that_has_korean_is_still_written(written: Written) -> None:
    assert [said for said in words("ko")["said"] if not written.has(said)] == []


def test_a_sentence_of_an_earlier_version_is_shown_in_the_words_of_today() -> None:
    """Books keep the sentences that an earlier version wrote."""
    assert words("ko").say("005930 rests") == words("ko").say("005930 is cooling down") == "005930 종목 쿨다운 중"
    assert words("en").say("005930 rests") == "005930 is cooling down"
    for language in LANGUAGES:
        said, before = words(language)["said"], words(language)["said_before"]
        assert set(before.values()) <= set(said.values())
        assert said.keys().isdisjoint(before)


def test_no_sentence_of_an_earlier_version_is_still_written(written: Written) -> None:
    assert [said for said in words("ko")["said_before"] if written.has(said)] == []


def test_a_sentence_that_is_worded_otherwise_is_not_found(written: Written) -> None:
    assert written.has("decided by {worker} under token {token}; no lock record exists")
    assert not written.has("decided by {worker} under token {token}; no lock record is there")
    assert not written.has("decided by {worker} with token {token}; no lock record exists")
    assert not written.has("found at the market as {number}")


def reasons_in(path: Path) -> Iterator[ast.expr]:
    """Yield every text that a module uses as a reason."""
    for node in ast.walk(module(path)):
        for name, value in named_in(node):
            if name in DETAIL_NAMES:
                choices = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
                choices += value.values if isinstance(value, ast.BoolOp) else []
                yield from (each for each in choices if isinstance(each, ast.JoinedStr | ast.Constant))


def named_in(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, value
        case ast.keyword(arg=str(name), value=value):
            yield name, value
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            yield from ((str(key.value), value) for key, value in pairs if isinstance(key, ast.Constant))


def test_every_reason_that_goes_into_the_books_has_korean() -> None:
    # The reasons of account_worth.py go to the log only.
    duties = set((ROOT / "fleet" / "duties").glob("*.py")) - {ROOT / "fleet" / "duties" / "account_worth.py"}
    folders = (ROOT / "activities", ROOT / "database", ROOT / "domain" / "events")
    files = [*(path for folder in folders for path in folder.rglob("*.py")), *duties]
    shapes = {shape_of(reason) for path in files for reason in reasons_in(path) if has_words(reason)}

    assert any(shape.fullmatch("found at the broker as 0000000017") for shape in shapes)
    said = words("ko")["said"]
    assert [shape.pattern for shape in shapes if not any(shape.fullmatch(each) for each in said)] == []
