"""The strategies and filters that this process knows: the built-in ones, and those that its host has brought."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from domain.errors import BadRulesError
from domain.rule_changes import RuleValue, checked, new_name, rule_values
from domain.rules import StrategyRules, TradingRules
from domain.screening import CustomFilter
from domain.strategy import Strategy
from strategies import filters, momentum, volatility_breakout
from strategies.admission import Admitted, admitted, admitted_filter
from strategies.parameters import ParameterError, bounds_of, default_texts, read_parameters

BUILT_IN_MODULES: Final = (volatility_breakout, momentum, filters)
_NAMES: Final = "strategy.names"
_FILTERS: Final = "screening.custom_filters"


@dataclass(frozen=True, slots=True)
class Refused:
    """A file or package that brings nothing, and why; ``place`` names file and line where there is one."""

    name: str
    place: str
    why: str

    def __str__(self) -> str:
        """Return the refusal in one line."""
        return f"{self.place}: {self.why}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Strategies and filters by name, and what was refused."""

    strategies: Mapping[str, Admitted]
    filters: Mapping[str, CustomFilter]
    refused: tuple[Refused, ...] = ()
    filter_sources: Mapping[str, str] = field(default_factory=dict)
    """The source hash of each filter whose source has been read."""

    @property
    def sources(self) -> dict[str, str]:
        """Return the source hash of each strategy whose source has been read."""
        return {name: strategy.source for name, strategy in self.strategies.items() if strategy.source}


KNOWN_STRATEGIES: Final[Mapping[str, Admitted]] = MappingProxyType(
    {each.name: each for each in (admitted(volatility_breakout.VolatilityBreakout), admitted(momentum.Momentum))}
)
"""The built-in strategies."""
KNOWN_FILTERS: Final[Mapping[str, CustomFilter]] = MappingProxyType(dict(map(admitted_filter, filters.FILTERS)))
"""The built-in filters."""
BUILT_IN_CATALOGUE: Final = Catalogue(KNOWN_STRATEGIES, KNOWN_FILTERS)


@dataclass(slots=True)
class _Installed:
    catalogue: Catalogue = field(default=BUILT_IN_CATALOGUE)


_INSTALLED: Final = _Installed()


def known() -> Catalogue:
    """Return what this process knows. Workflow code reads it in validators only, which a replay skips."""
    return _INSTALLED.catalogue


def install(catalogue: Catalogue) -> None:
    """Replace what this process knows; once, when its settings are read."""
    _INSTALLED.catalogue = catalogue


def strategies_named(names: Sequence[str]) -> tuple[Strategy, ...]:
    """Return the strategies in the order of their names.

    Raises:
        BadRulesError: a name is unknown, or the list is empty.
    """
    found = known().strategies
    if problem := _unknown(_NAMES, names, found) or (
        "" if names else f"{_NAMES}: empty; choose among {_listed(found)}"
    ):
        raise BadRulesError(problem)
    return tuple(found[name] for name in names)


def filters_named(names: Sequence[str]) -> dict[str, CustomFilter]:
    """Return the filters in the order of their names.

    Raises:
        BadRulesError: a name is unknown.
    """
    found = known().filters
    if problem := _unknown(_FILTERS, names, found):
        raise BadRulesError(problem)
    return {name: found[name] for name in names}


def tradable(rules: TradingRules, changes: Collection[str] | None = None) -> TradingRules:
    """Return the rules unchanged if they are valid, including names and parameters of strategies and filters.

    With ``changes`` only those names and parameters are checked: a strategy that this process lacks must not prevent a
    change of the stop.

    Raises:
        BadRulesError: the text names each wrong field and its fix.
    """
    checked(rules)
    named = None if changes is None else {new_name(each) for each in changes}
    if named is None or _NAMES in named:
        strategies_named(rules.strategy.names)
    if named is None or _FILTERS in named:
        filters_named(rules.screening.custom_filters)
    problems = [
        problem
        for name, text in rules.strategy.parameters
        if named is None or f"strategy.{name}" in named
        if (problem := _parameter_problem(name, text))
    ]
    if problems:
        raise BadRulesError("; ".join(problems))
    return rules


def all_rule_values(rules: TradingRules) -> dict[str, RuleValue]:
    """Return every rule by its dotted name, with every parameter of every known strategy."""
    return rule_values(rules) | {
        f"strategy.{name}.{parameter}": text
        for name, strategy in known().strategies.items()
        for parameter, text in parameter_texts(strategy, rules.strategy).items()
    }


def parameter_texts(strategy: Admitted, rules: StrategyRules) -> dict[str, str]:
    """Return a strategy's parameters in force; texts that it cannot read stand as they are."""
    try:
        return strategy.parameters(rules)
    except ParameterError:
        return default_texts(strategy.model) | rules.parameters_of(strategy.name)


def bounds_of_rule(rule: str) -> str:
    """Return what a parameter may be, by its dotted name; empty for other rules."""
    _, _, name = rule.partition(".")
    strategy, _, parameter = name.partition(".")
    found = known().strategies.get(strategy)
    return bounds_of(found.model, parameter) if found and parameter in found.model.model_fields else ""


def _parameter_problem(name: str, text: str) -> str:
    strategy, _, parameter = name.partition(".")
    found = known().strategies.get(strategy)
    if found is None:
        # What was refused may be this strategy; its refusal says so already.
        return (
            "" if known().refused else f"strategy.{name}: no strategy {strategy}{_near(strategy, known().strategies)}"
        )
    if parameter not in found.model.model_fields:
        return f"strategy.{name}: {strategy} has no such parameter{_near(parameter, found.model.model_fields)}"
    try:
        read_parameters(found.model, ((parameter, text),))
    except ParameterError as error:
        return f"strategy.{strategy}.{error}"
    return ""


def _unknown(rule: str, names: Sequence[str], found: Collection[str]) -> str:
    unknown = [name for name in names if name not in found]
    if not unknown:
        return ""
    refused = "".join(f". Refused: {each}" for each in known().refused)
    return f"{rule}: {', '.join(unknown)}; choose among {_listed(found)}{refused}"


def _near(name: str, found: Collection[str]) -> str:
    near = get_close_matches(name, found, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; choose among {_listed(found) or 'none'}"


def _listed(found: Collection[str]) -> str:
    return ", ".join(sorted(found))
