"""What a strategy's source could know of the days on which it is tested: dates, stocks, tables of numbers, files."""

import ast
import re
from collections.abc import Iterator
from typing import Final

from strategies.purity import imports_in, impurities_of

_DATE: Final = re.compile(r"(19|20)\d\d[-/.]?(0[1-9]|1[0-2])[-/.]?([0-2]\d|3[01])")
_SYMBOL: Final = re.compile(r"A?(?=[0-9A-Z]*\d)[0-9][0-9A-Z]{4}[0-9A-Z]")
_FIRST_YEAR: Final = 1980
_MOST_CONSTANTS: Final = 500
"""Rules need fewer numbers and texts than this; more of them are a memory of the days."""


def foresight_in(text: str) -> Iterator[str]:
    """Yield what a source could know beforehand. It reads the text and runs nothing."""
    siblings = frozenset(each for each in imports_in(text) if each.startswith("."))
    if impure := impurities_of(text, "the strategy", siblings):
        yield f"the strategy's source {impure[0].what}"
        return
    constants = list(_constants(ast.parse(text)))
    texts = {str(each) for each in constants if isinstance(each, str | int) and not isinstance(each, bool)}
    if dates := sorted(filter(_DATE.fullmatch, texts)) or _dates_in(text):
        yield f"the strategy's source names dates ({', '.join(dates[:3])}): it may know how they went"
    elif symbols := sorted(each for each in constants if isinstance(each, str) and _SYMBOL.fullmatch(each)):
        yield f"the strategy's source names stocks ({', '.join(symbols[:3])}): it may know how they went"
    if len(constants) > _MOST_CONSTANTS:
        yield f"the strategy's source has {len(constants):,} constants: a table may know how the days went"


def _constants(tree: ast.Module) -> Iterator[object]:
    """Yield the constants of a source, without its docstrings."""
    said = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in said:
            yield node.value


def _dates_in(text: str) -> list[str]:
    """Return the calls that make a date of a year."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, int)
        and node.args[0].value >= _FIRST_YEAR
        and ast.unparse(node.func).split(".")[-1] in {"date", "datetime"}
    ]
