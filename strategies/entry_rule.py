"""An entry rule as data: the strategy evaluates it on the view of one stock, and a sweep compiles it for whole days.

A rule is a row of lines that must all hold. A line names a value or compares values::

    EntryRule(
        "gap = change(open, previous_close)",
        "least_gap <= gap < 0.1",
    )

Numbers, parameters of the strategy, the values of ``VALUES`` and the functions of ``rule_lines.FUNCTIONS`` may stand
in it. A duration counts as its seconds. A value that is not known, or a division by zero, means that the rule is not
met.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final

from domain.market import MarketView
from domain.money import change_rate
from strategies.rule_lines import EntryRuleError, Expression, Name, Number, Reader, names_in
from strategies.windows import opening_high, opening_low, volume_pace, window_return

Value = int | Decimal
_MOST_LINES: Final = 50
_MICROSECOND: Final = timedelta(microseconds=1)
_MICROSECONDS: Final = 1_000_000


class _MissingError(Exception):
    """A value of the view is not known."""


def _quoted(attribute: str) -> Callable[[MarketView], Value | None]:
    return lambda view: getattr(view.quote, attribute)


def _earlier(attribute: str) -> Callable[[MarketView], Value | None]:
    return lambda view: None if view.reference is None else getattr(view.reference, attribute)


def _seconds(duration: timedelta) -> Decimal:
    return Decimal(duration // _MICROSECOND) / _MICROSECONDS


VALUES: Final[Mapping[str, Callable[[MarketView], Value | None]]] = {
    "price": _quoted("price"),
    "open": _quoted("open_price"),
    "high": _quoted("high_price"),
    "low": _quoted("low_price"),
    "volume": _quoted("volume"),
    "turnover": _quoted("turnover"),
    "base": _quoted("previous_close"),
    "bid": lambda view: view.quote.bid or None,
    "ask": lambda view: view.quote.ask or None,
    "previous_close": _earlier("previous_close"),
    "previous_high": _earlier("previous_high"),
    "previous_low": _earlier("previous_low"),
    "previous_range": _earlier("previous_range"),
    "previous_volume": _earlier("previous_volume"),
    "open_for": lambda view: None if view.session is None else _seconds(view.open_for),
}
"""What a rule may read of a stock: won, shares, seconds."""


def _divided(value: Value, by: Value) -> Value:
    if not by:
        raise _MissingError
    return Decimal(value) / Decimal(by)


_ARITHMETIC: Final[Mapping[str, Callable[..., Value]]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": _divided,
    "change": change_rate,
    "max": max,
    "min": min,
    "abs": abs,
}
WINDOWS: Final[Mapping[str, Callable[[MarketView, timedelta], Value | None]]] = {
    "window_return": window_return,
    "volume_pace": volume_pace,
    "opening_high": opening_high,
    "opening_low": opening_low,
}
"""Functions of the stock's recent path and of a duration."""
_HOLDS: Final[Mapping[str, Callable[[Value, Value], bool]]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


@dataclass(slots=True)
class _Scope:
    view: MarketView
    parameters: Any
    found: dict[str, Value] = field(default_factory=dict)


_Evaluate = Callable[[_Scope], Value]


class EntryRule:
    """Lines that must all hold for a purchase."""

    __slots__ = ("_compiled", "lengths", "lines", "parameters")

    def __init__(self, *lines: str) -> None:
        """Read the lines.

        Raises:
            EntryRuleError: a line cannot be read.
        """
        if not 0 < len(lines) <= _MOST_LINES:
            raise EntryRuleError(f"a rule has 1 to {_MOST_LINES} lines, not {len(lines)}")
        reader = Reader(VALUES)
        self.lines: Final = tuple(reader.line(text) for text in lines)
        if not any(line.compared for line in self.lines):
            raise EntryRuleError("a rule needs a line that compares, such as 'price > open'")
        self.parameters: Final = tuple(sorted(reader.parameters))
        """The parameters that it reads."""
        self.lengths: Final = tuple(sorted(reader.lengths))
        """Those of them that are lengths of windows."""
        names = {line.name for line in self.lines}
        self._compiled: Final = tuple(
            (
                line.name,
                _evaluate(line.first, names),
                [(_HOLDS[how], _evaluate(each, names)) for how, each in line.compared],
            )
            for line in self.lines
        )

    def met(self, view: MarketView, parameters: Any) -> Mapping[str, Decimal] | None:
        """Return the named values if every line holds, else None."""
        scope = _Scope(view, parameters)
        try:
            for name, first, compared in self._compiled:
                value = first(scope)
                if name:
                    scope.found[name] = value
                for holds, other in compared:
                    following = other(scope)
                    if not holds(value, following):
                        return None
                    value = following
        except _MissingError:
            return None
        return {name: Decimal(value) for name, value in scope.found.items()}

    def objection_to(self, fields: Mapping[str, Any]) -> str:
        """Return why a strategy with these parameters, by name and type, cannot have this rule; empty if it can."""
        for name in fields.keys() & (VALUES.keys() | {line.name for line in self.lines}):
            return f"the parameter {name} has the name of a value or line of the rule; rename it"
        for name in self.parameters:
            if name not in fields:
                known = [*fields, *VALUES, *(line.name for line in self.lines if line.name)]
                near = get_close_matches(name, known, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]}?" if near else f"values are {', '.join(VALUES)}"
                return (
                    f"{self._line_with(name)}: {name} is no value, no parameter and no name of an earlier line; {hint}"
                )
            if fields[name] is bool:
                return f"{self._line_with(name)}: {name} is yes or no; a rule compares numbers and durations"
        return ""

    def _line_with(self, name: str) -> str:
        return next(repr(line.text) for line in self.lines if name in names_in(line))


def _evaluate(node: Expression, named: set[str]) -> _Evaluate:
    """Return a function of the scope."""
    if isinstance(node, Number):
        number = int(node.value) if node.value == int(node.value) else node.value
        return lambda _: number
    if isinstance(node, Name):
        return _named(node.name, named)
    arguments = [_evaluate(each, named) for each in node.arguments]
    if node.function in WINDOWS:
        window, (duration,) = WINDOWS[node.function], arguments
        return lambda scope: _known(window(scope.view, duration_of(duration(scope))))
    function = _ARITHMETIC[node.function]
    if len(arguments) == 2:
        one, other = arguments
        return lambda scope: function(one(scope), other(scope))
    return lambda scope: function(*(each(scope) for each in arguments))


def _named(name: str, named: set[str]) -> _Evaluate:
    if name in VALUES:
        value = VALUES[name]
        return lambda scope: _known(value(scope.view))
    if name in named:
        return lambda scope: scope.found[name]
    return lambda scope: number_of(getattr(scope.parameters, name))


def number_of(parameter: Any) -> Value:
    """Return a parameter as a number; a duration is its seconds."""
    return _seconds(parameter) if isinstance(parameter, timedelta) else parameter


def duration_of(seconds: Value) -> timedelta:
    """Return seconds as the duration that a window takes."""
    return timedelta(microseconds=int(seconds * _MICROSECONDS))


def _known(value: Value | None) -> Value:
    if value is None:
        raise _MissingError
    return value
