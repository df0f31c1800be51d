"""Entry rules and screening for all stocks and minutes of a session at once, by NumPy.

Numbers are floating point, each with a bound of its error. A comparison that the bound leaves open is not decided
here: the caller asks the pure functions about that cell, so that no trade differs from theirs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial, reduce
from typing import Any, Final, NamedTuple

import numpy as np

from domain.market import Symbol
from domain.rules import ScreeningRules, TradingRules
from lab.recording import RecordedSession
from lab.sweep.columns import Columns
from lab.sweep.compiled import Numbers
from strategies import strategies_named
from strategies.admission import Admitted
from strategies.entry_rule import EntryRule, duration_of, number_of
from strategies.rule_lines import WINDOWS, Apply, Expression, Line, Name, Number

_UNIT: Final = 2.0**-51
"""Four times the rounding error of one operation, relative to its result."""
_EXACT_BELOW: Final = 2.0**53
_MOST_KEPT: Final = 200
_MOST_AT_ONCE: Final = 250000
"""Cells of all sets of a batch together; more would not stay in the processor's cache."""


class _Term(NamedTuple):
    """Values by set, stock and minute, with their greatest magnitude and greatest error; ``exact``: whole, no error."""

    values: Any
    most: float
    error: float
    exact: bool
    may_miss: bool = False
    """Whether some values may be NaN: not known."""


@dataclass(frozen=True, slots=True)
class Cells:
    """By stock and minute: where conditions may hold, and where they hold for sure."""

    possible: Numbers
    sure: Numbers

    def both(self, other: "Cells") -> "Cells":
        """Return where both hold."""
        return Cells(self.possible & other.possible, self.sure & other.sure)

    def either(self, other: "Cells") -> "Cells":
        """Return where one of both holds."""
        return Cells(self.possible | other.possible, self.sure | other.sure)


SCREENING: Final = EntryRule(
    "least_price <= price <= greatest_price",
    "volume >= max(least_volume, 1)",
    "turnover >= least_turnover",
    "(ask - bid) / price <= greatest_spread",
    "change(price, base) <= greatest_change",
)
"""``domain.screening`` on recorded minutes, whose quotes are valid and fresh. A missing bid or ask is a wide spread."""


class Entry(NamedTuple):
    """What decides the entries of a trial: the screening, and of each strategy the rule with its parameters."""

    screening: ScreeningRules
    rules: tuple[tuple[EntryRule, Any], ...]


def entry_of(rules: TradingRules) -> Entry | None:
    """Return what decides the entries; None if code does, of a strategy without a rule."""
    named = strategies_named(rules.strategy.names)
    found = tuple(
        (each.entry_rule, each.parameters_read(rules.strategy))
        for each in named
        if isinstance(each, Admitted) and each.entry_rule is not None
    )
    return Entry(rules.screening, found) if len(found) == len(named) else None


def batches(entries: Sequence[Entry], cells: int) -> list[list[int]]:
    """Return the places of entries that are evaluated together: they differ in numbers only."""
    groups: dict[Any, list[int]] = {}
    for place, entry in enumerate(entries):
        alike = (entry.screening, *((id(rule), _lengths(rule, parameters)) for rule, parameters in entry.rules))
        groups.setdefault(alike, []).append(place)
    size = max(1, _MOST_AT_ONCE // max(1, cells))
    return [found[first : first + size] for found in groups.values() for first in range(0, len(found), size)]


def met(columns: Columns, entries: Sequence[Entry]) -> Cells:
    """Return where entries of one batch buy: by entry, stock and minute. The first axis has one place if all agree."""
    found: Cells | None = None
    for rules in zip(*(entry.rules for entry in entries), strict=True):
        of_rule = _Evaluation(columns, rules[0][0], [parameters for _, parameters in rules]).cells()
        found = of_rule if found is None else found.either(of_rule)
    assert found is not None  # noqa: S101 - an entry has a rule
    screening = entries[0].screening
    return found.both(_kept(columns, screening, lambda: _Evaluation(columns, SCREENING, [screening]).cells()))


class CompiledEntries:
    """Which stocks of a session may be bought in each minute, for sets of rules whose entries are data."""

    def __init__(self, recorded: RecordedSession) -> None:
        self._columns = Columns(recorded)

    def by_minute(self, rules: TradingRules) -> tuple[tuple[Symbol, ...], ...] | None:
        """Return the stocks whose screening and entry rule may hold, by minute; None if code decides the entries."""
        entry = entry_of(rules)
        if entry is None:
            return None
        (possible,) = met(self._columns, [entry]).possible
        symbols = self._columns.symbols
        return tuple(tuple(symbols[row] for row in np.flatnonzero(minute)) for minute in possible.T)


def _lengths(rule: EntryRule, parameters: Any) -> tuple[Any, ...]:
    """Return the parameters of a rule that are lengths of windows."""
    return tuple(getattr(parameters, name) for name in rule.lengths)


def _kept(columns: Columns, key: Any, make: Callable[[], Any]) -> Any:
    """Return what has been computed of these columns before; only so much is remembered."""
    kept = columns.kept
    if key not in kept:
        if len(kept) >= _MOST_KEPT:
            kept.clear()
        kept[key] = make()
    return kept[key]


_Key = tuple[Any, ...] | None
"""What a term depends on: the same key has the same values. None: it differs within the batch, and is not kept."""


class _Evaluation:
    """One rule for a batch of parameter sets."""

    def __init__(self, columns: Columns, rule: EntryRule, sets: Sequence[Any]) -> None:
        self._columns, self._rule = columns, rule
        values = {name: [number_of(getattr(each, name)) for each in sets] for name in rule.parameters}
        self._fixed = {name: found[0] for name, found in values.items() if found.count(found[0]) == len(found)}
        self._parameters = {name: _constants(values[name]) for name in values.keys() - self._fixed.keys()}
        self._named: dict[str, tuple[_Term, _Key]] = {}

    def cells(self) -> Cells:
        possible: Any = np.ones((1, len(self._columns.stocks), self._columns.minutes), dtype=bool)
        sure = possible
        with np.errstate(all="ignore"):
            for may, does in (each for line in self._rule.lines for each in self._line(line)):
                is_open = does is not may or sure is not possible
                sure = sure & does if is_open else None
                possible = possible & may
                sure = possible if sure is None else sure
        return Cells(possible, sure)

    def _line(self, line: Line) -> list[tuple[Numbers, Numbers]]:
        one, key = self._term(line.first)
        if line.name:
            self._named[line.name] = one, key
            return [self._once((line.name, key), lambda: _known(one))] if one.may_miss else []
        found = []
        for how, each in line.compared:
            other, other_key = self._term(each)
            both = None if key is None or other_key is None else (how, key, other_key)
            found.append(self._once(both, partial(_compared, one, how, other)))
            one, key = other, other_key
        return found

    def _term(self, node: Expression) -> tuple[_Term, _Key]:
        """Return the value of a node with its key."""
        if isinstance(node, Number):
            return _constant(node.value), (node.value,)
        if isinstance(node, Name):
            return self._by_name(node.name)
        if node.function in WINDOWS:
            return self._window(node)
        arguments = [self._term(each) for each in node.arguments]
        keys = [each for _, each in arguments]
        key = None if None in keys else (node.function, *keys)
        values = [value for value, _ in arguments]
        return self._once(key, lambda: _FUNCTIONS[node.function](*values)), key

    def _by_name(self, name: str) -> tuple[_Term, _Key]:
        if name in self._named:
            return self._named[name]
        if name in self._fixed:
            return _constant(self._fixed[name]), (self._fixed[name],)
        if name in self._parameters:
            return self._parameters[name], None
        return self._once((name,), lambda: _whole(self._columns.value(name))), (name,)

    def _window(self, node: Apply) -> tuple[_Term, _Key]:
        (argument,) = node.arguments
        seconds = argument.value if isinstance(argument, Number) else self._fixed[getattr(argument, "name", "")]
        key = (node.function, seconds)
        return self._once(key, lambda: _measured(self._columns.window(node.function, duration_of(seconds)))), key

    def _once(self, key: Any, make: Callable[[], Any]) -> Any:
        if key is None or (isinstance(key, tuple) and key[-1] is None):
            return make()
        return _kept(self._columns, key, make)


def _known(term: _Term) -> tuple[Numbers, Numbers]:
    found = ~np.isnan(term.values)
    return found, found


def _constants(values: Sequence[int | Decimal]) -> _Term:
    """Return one number for each set of the batch."""
    terms = [_constant(value) for value in values]
    numbers = np.array([term.values for term in terms])[:, np.newaxis, np.newaxis]
    most, error = max(term.most for term in terms), max(term.error for term in terms)
    return _Term(numbers, most, error, all(term.exact for term in terms))


def _constant(value: int | Decimal) -> _Term:
    number = float(value)
    exact = number == value and number.is_integer() and abs(number) < _EXACT_BELOW
    return _Term(number, abs(number), 0.0 if exact else abs(number) * _UNIT, exact)


def _whole(values: Numbers) -> _Term:
    """Return whole numbers, some of which may be missing."""
    numbers = values.astype(np.float64)
    most, misses = _most(numbers), bool(np.isnan(numbers).any())
    return _Term(numbers, most, 0.0, not misses and most < _EXACT_BELOW, misses)


def _measured(values: Numbers) -> _Term:
    most = _most(values)
    return _Term(values, most, 4 * most * _UNIT, exact=False, may_miss=True)


def _most(values: Any) -> float:
    return float(np.fmax.reduce(np.abs(values), axis=None, initial=0.0))


def _least(values: Any) -> float:
    return float(np.fmin.reduce(np.abs(values), axis=None, initial=np.inf))


def _sum(values: Any, one: _Term, other: _Term) -> _Term:
    most, misses = one.most + other.most, one.may_miss or other.may_miss
    exact = one.exact and other.exact and most < _EXACT_BELOW
    return _Term(values, most, 0.0 if exact else one.error + other.error + most * _UNIT, exact, misses)


def _product(one: _Term, other: _Term) -> _Term:
    most, misses = one.most * other.most, one.may_miss or other.may_miss
    exact = one.exact and other.exact and most < _EXACT_BELOW
    error = one.most * other.error + other.most * one.error + one.error * other.error + most * _UNIT
    return _Term(one.values * other.values, most, 0.0 if exact else error, exact, misses)


def _quotient(one: _Term, by: _Term, at_zero: float = np.nan, out: Numbers | None = None) -> _Term:
    """Return a division; ``at_zero`` is the result of one by zero. ``out`` may be overwritten."""
    least, misses = _least(by.values), one.may_miss or by.may_miss
    values = np.divide(one.values, by.values, out=None if least <= by.error else out)
    if least <= by.error:
        if by.error > 0:  # whether it is zero is open, and so is every comparison
            unknown = np.isnan(one.values) | np.isnan(by.values)
            return _Term(np.where(unknown, np.nan, 0.0), np.inf, np.inf, exact=False, may_miss=misses)
        values = np.where((by.values == 0) & ~np.isnan(one.values), at_zero, values)
        least, misses = 1.0, misses or bool(np.isnan(at_zero))  # the least whole number beside zero
    most = one.most / least
    error = (one.error + most * by.error) / (least - by.error) + most * _UNIT
    return _Term(values, most, error, exact=False, may_miss=misses)


def _change(value: _Term, reference: _Term) -> _Term:
    """Return the change against a reference; zero without one, as ``domain.money.change_rate``."""
    difference = _sum(value.values - reference.values, value, reference)
    return _quotient(difference, reference, 0.0, np.atleast_1d(difference.values))


def _extreme(choose: Callable[..., Any]) -> Callable[..., _Term]:
    def found(*terms: _Term) -> _Term:
        values = reduce(choose, (each.values for each in terms))
        most, error = max(each.most for each in terms), max(each.error for each in terms)
        exact, misses = all(each.exact for each in terms), any(each.may_miss for each in terms)
        return _Term(values, most, error, exact, misses)

    return found


_FUNCTIONS: Final[Mapping[str, Callable[..., _Term]]] = {
    "+": lambda one, other: _sum(one.values + other.values, one, other),
    "-": lambda one, other: _sum(one.values - other.values, one, other),
    "*": _product,
    "/": _quotient,
    "change": _change,
    "max": _extreme(np.maximum),
    "min": _extreme(np.minimum),
    "abs": lambda term: term._replace(values=np.abs(term.values)),
}


def _compared(one: _Term, how: str, other: _Term) -> tuple[Numbers, Numbers]:
    """Return where a comparison may hold, and where it holds for sure."""
    if how in {">", ">="}:
        one, other = other, one
    if one.error == other.error == 0:
        holds = one.values < other.values if how in {"<", ">"} else one.values <= other.values
        return holds, holds
    error = one.error + other.error + (one.most + other.most) * _UNIT
    error = np.inf if np.isnan(error) else error  # of an infinite bound
    if np.size(one.values) < np.size(other.values):
        return one.values - error <= other.values, one.values + error < other.values
    return one.values <= other.values + error, one.values < other.values - error
