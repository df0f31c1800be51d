"""The one door for strategies and filters, built in or brought: their form is checked, and they get one interface."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from inspect import Parameter, Signature, isfunction, signature
from typing import Any, Final, Protocol

from domain.market import MarketView, Symbol
from domain.position import OpenPosition
from domain.rules import StrategyRules
from domain.screening import CustomFilter
from domain.strategy import EntrySignal
from strategies.entry_rule import EntryRule
from strategies.parameters import Parameters, objection_to_model, read_parameters, texts_of

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST_NAME: Final = 40
_LONGEST_VERSION: Final = 40
BUILT_IN: Final = "built in"


class NotAdmittedError(Exception):
    """A class or function is no strategy or filter; the text says what to change."""


class EntryRuleBrokenError(Exception):
    """A strategy gives no signal where its entry rule is met: the rule must be the whole condition."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name}.entry gives no signal where entry_rule is met; move the other condition into the rule"
        )


class Brought(Protocol):
    """A strategy as its author writes it: a class without arguments, memory or I/O."""

    name: str
    version: str
    Parameters: type[Parameters]

    def entry(self, view: MarketView, parameters: Any) -> EntrySignal | None:
        """Return a signal to buy, or None."""
        ...

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: Any) -> bool:
        """Return whether to sell the position now."""
        ...


@dataclass(frozen=True, slots=True)
class Admitted:
    """A strategy as Haru calls it: ``domain.strategy.Strategy``, with its parameters read from the rules."""

    name: str
    version: str
    code: Brought
    model: type[Parameters]
    source: str = ""
    """SHA-256 of the source; empty where the source has not been read."""
    origin: str = BUILT_IN
    """The file, or the package, that it comes from."""

    def parameters(self, rules: StrategyRules) -> dict[str, str]:
        """Return the parameters in force, to be stored with the trade."""
        return texts_of(self._read(rules))

    def entry(self, view: MarketView, rules: StrategyRules) -> EntrySignal | None:
        """Return a signal to buy, or None.

        Raises:
            EntryRuleBrokenError: the strategy has an entry rule, and disagrees with it.
        """
        parameters = self._read(rules)
        if self.entry_rule is None:
            return self.code.entry(view, parameters)
        if self.entry_rule.met(view, parameters) is None:
            return None
        signal = self.code.entry(view, parameters)
        if signal is None:
            raise EntryRuleBrokenError(self.name)
        return signal

    @property
    def entry_rule(self) -> EntryRule | None:
        """Return the rule that decides the entries, None if code decides them."""
        return getattr(self.code, "entry_rule", None)

    def parameters_read(self, rules: StrategyRules) -> Parameters:
        """Return the parameters in force as values."""
        return self._read(rules)

    def wants_out(self, view: MarketView, position: OpenPosition, rules: StrategyRules) -> bool:
        """Return whether the strategy itself would sell the position now."""
        return self.code.wants_out(view, position, self._read(rules))

    @property
    def ranks(self) -> bool:
        """Return whether the strategy compares the stocks of a scan with each other."""
        return hasattr(self.code, "rank")

    def rank(self, views: tuple[MarketView, ...], rules: StrategyRules) -> dict[Symbol, Decimal]:
        """Return the confidence of each stock beside the others; a stock that is left out is not bought."""
        ranked: dict[Symbol, Decimal] = self.code.rank(views, self._read(rules))  # type: ignore[attr-defined]  # `ranks` says so
        return ranked

    def _read(self, rules: StrategyRules) -> Parameters:
        return read_parameters(self.model, tuple(rules.parameters_of(self.name).items()))


def is_strategy(found: object) -> bool:
    """Return whether a class looks like a strategy: it has a name and decides entries."""
    return isinstance(found, type) and hasattr(found, "entry") and isinstance(getattr(found, "name", None), str)


def admitted(found: type, source: str = "", origin: str = BUILT_IN) -> Admitted:
    """Return a class as a strategy.

    Raises:
        NotAdmittedError: its form is wrong.
    """
    name, version, model = (getattr(found, each, None) for each in ("name", "version", "Parameters"))
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise NotAdmittedError(
            f"{found.__name__}.name must be a text such as 'opening_gap': lower case, digits and single underscores, "
            f"{_LONGEST_NAME} characters at most"
        )
    if not isinstance(version, str) or not version.isprintable() or not 0 < len(version) <= _LONGEST_VERSION:
        raise NotAdmittedError(f"{name}: version must be a text such as '1'")
    objection = objection_to_model(model) or _objection_to_rule(getattr(found, "entry_rule", None), model)
    if objection:
        raise NotAdmittedError(f"{name}: {objection}")
    for method, takes in (("entry", "self, view, parameters"), ("wants_out", "self, view, position, parameters")):
        if not _takes(getattr(found, method, None), takes.count(",") + 1):
            raise NotAdmittedError(f"{name}: write `def {method}({takes})`")
    if hasattr(found, "rank") and not _takes(found.rank, 3):
        raise NotAdmittedError(f"{name}: write `def rank(self, views, parameters)`")
    try:
        code = found()
    except Exception as error:  # noqa: BLE001 - the called code may raise anything
        raise NotAdmittedError(f"{name}: {found.__name__}() must need no arguments: {error}") from None
    return Admitted(name, version, code, model, source, origin)  # type: ignore[arg-type]  # the objection checks it


def _objection_to_rule(rule: object, model: Any) -> str:
    """Return why a class cannot have this entry rule; empty if it can, or has none."""
    if rule is None:
        return ""
    if not isinstance(rule, EntryRule):
        return "entry_rule must be an EntryRule of strategies.api; without one, remove it"
    objection = rule.objection_to({name: each.annotation for name, each in model.model_fields.items()})
    return f"entry_rule: {objection}" if objection else ""


def admitted_filter(found: object) -> tuple[str, CustomFilter]:
    """Return a function as a filter, with its name.

    Raises:
        NotAdmittedError: it is no function of one stock.
    """
    if not isfunction(found) or not _NAME.fullmatch(found.__name__) or not _takes(found, 1):
        raise NotAdmittedError(f"FILTERS: {found!r:.60} must be a function of one argument, the ScreenedStock")
    return found.__name__, found


def _takes(function: Callable[..., Any] | None, count: int) -> bool:
    """Return whether a function can be called with so many arguments by position."""
    if not isfunction(function):
        return False
    form: Signature = signature(function)
    needed = [each for each in form.parameters.values() if each.default is Parameter.empty]
    by_position = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
    return len(needed) == count and all(each.kind in by_position for each in needed)
