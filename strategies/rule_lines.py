"""The lines of an entry rule: their form, and how they are read."""

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

_LONGEST: Final = 500
_INFINITE: Final = 1e300


class EntryRuleError(ValueError):
    """A line of a rule is not valid; the text says which and what to write."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number in the text."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class Name:
    """A value of the view, a parameter, or the name of an earlier line."""

    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """A function or operator with its arguments."""

    function: str
    arguments: tuple["Expression", ...]


Expression = Number | Name | Apply


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``name`` is blank for a comparison: ``first`` with each of ``compared``, from left to right."""

    text: str
    name: str
    first: Expression
    compared: tuple[tuple[str, Expression], ...] = ()


WINDOWS: Final = ("window_return", "volume_pace", "opening_high", "opening_low")
"""Functions of the stock's recent path; their argument is a duration."""
FUNCTIONS: Final[Mapping[str, tuple[int, int]]] = {
    "change": (2, 2),
    "max": (2, 10),
    "min": (2, 10),
    "abs": (1, 1),
    **dict.fromkeys(WINDOWS, (1, 1)),
}
"""The functions of a rule, with the least and the greatest number of arguments."""
_OPERATORS: Final[Mapping[type[ast.operator], str]] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARISONS: Final[Mapping[type[ast.cmpop], str]] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_FORM: Final = "write 'NAME = VALUE' or 'VALUE < VALUE', with + - * / and the functions that docs/strategies.md lists"


class Reader:
    """Reads lines; later lines may use the names of earlier ones."""

    def __init__(self, values: Collection[str]) -> None:
        self._values = values
        self._named: set[str] = set()
        self.parameters: set[str] = set()
        """The names that are neither a value nor a line."""
        self.lengths: set[str] = set()
        """Those of them that are the argument of a window."""

    def line(self, text: str) -> Line:
        """Return a line.

        Raises:
            EntryRuleError: it cannot be read.
        """
        if type(text) is not str or len(text) > _LONGEST:
            raise EntryRuleError(f"a line is a text of at most {_LONGEST} characters, not {text!r:.60}")
        try:
            statement = ast.parse(text.strip()).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise EntryRuleError(f"{text!r:.80} cannot be read; {_FORM}") from None
        match statement:
            case [ast.Assign(targets=[ast.Name(id=name)], value=value)]:
                return self._naming(text, name, value)
            case [ast.Expr(value=ast.Compare(left=left, ops=ops, comparators=others))]:
                compared = zip((self._comparison(text, each) for each in ops), others, strict=True)
                first = self._expression(text, left)
                return Line(text, "", first, tuple((how, self._expression(text, each)) for how, each in compared))
        raise EntryRuleError(f"{text!r:.80}: {_FORM}")

    def _naming(self, text: str, name: str, value: ast.expr) -> Line:
        if name in self._values or name in FUNCTIONS or name in self._named or name in self.parameters:
            raise EntryRuleError(f"{text!r:.80}: {name} has a meaning already; choose another name")
        found = Line(text, name, self._expression(text, value))
        self._named.add(name)
        return found

    def _comparison(self, text: str, how: ast.cmpop) -> str:
        found = _COMPARISONS.get(type(how))
        if found is None:
            raise EntryRuleError(f"{text!r:.80}: compare with <, <=, > or >=")
        return found

    def _expression(self, text: str, node: ast.expr) -> Expression:
        match node:
            case ast.Constant(value=int() | float() as value) if type(value) is not bool and value < _INFINITE:
                return Number(Decimal(repr(value)))
            case ast.Name(id=name) if name not in FUNCTIONS:
                if name not in self._values and name not in self._named:
                    self.parameters.add(name)
                return Name(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Apply("-", (Number(Decimal(0)), self._expression(text, operand)))
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
                both = (self._expression(text, left), self._expression(text, right))
                return Apply(_OPERATORS[type(operator)], both)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
                return self._call(text, name, arguments)
        raise EntryRuleError(f"{text!r:.80}: {ast.unparse(node)!r:.60} is not allowed; {_FORM}")

    def _call(self, text: str, name: str, arguments: Sequence[ast.expr]) -> Expression:
        least, most = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            count = f"{least}" if least == most else f"{least} to {most}"
            raise EntryRuleError(f"{text!r:.80}: {name} takes {count} values, not {len(arguments)}")
        found = tuple(self._expression(text, each) for each in arguments)
        if name in WINDOWS:
            self._check_length(text, name, found[0])
        return Apply(name, found)

    def _check_length(self, text: str, function: str, length: Expression) -> None:
        if isinstance(length, Name) and length.name in self.parameters:
            self.lengths.add(length.name)
        elif not isinstance(length, Number):
            raise EntryRuleError(f"{text!r:.80}: {function} takes a number of seconds or a parameter")


def names_in(line: Line) -> set[str]:
    """Return every name that stands in a line."""
    found, left = set[str](), [line.first, *(each for _, each in line.compared)]
    while left:
        node = left.pop()
        if isinstance(node, Name):
            found.add(node.name)
        elif isinstance(node, Apply):
            left.extend(node.arguments)
    return found
