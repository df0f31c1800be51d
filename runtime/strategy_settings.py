"""Settings of strategies: where they are, and the rules with the parameters of each strategy."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from domain.errors import BadRulesError
from domain.rule_changes import changed, setting_name
from domain.rules import TradingRules
from runtime.strategy_loading import PATH_VARIABLE
from strategies import known, tradable

_RULE: Final = re.compile(r"\b(universe|screening|strategy|exits|risk|execution)(\.[a-z][a-z0-9_]*)+")
_NAMES: Final = frozenset({"strategy.names", "screening.custom_filters"})
"""Not checked here: without a strategy that is missing now, a position that it has bought must still be sold."""
_PARAMETER: Final = re.compile(r"HARU_RULES__STRATEGY__[A-Z0-9_]+?__[A-Z0-9_]+", re.IGNORECASE)


class StrategySettings(BaseModel):
    """Strategies and filters of your own, beside the built-in ones and those of installed packages."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: Path | None = None
    """A file, or a folder of files."""


def strategies_path(environment: Mapping[str, str]) -> Path | None:
    """Return where the operator's strategies are: their parameters are settings, so they are loaded first."""
    named = next((value for name, value in environment.items() if name.upper() == PATH_VARIABLE and value), None)
    return Path(named).expanduser().absolute() if named else None


def rules_from_settings(value: object) -> object:
    """Parse rules as changes to the default rules, in the operator's format: `3%`, `90s`, `5,000,000`."""
    if not isinstance(value, dict):
        return value
    changes = dict(_texts(value))
    try:
        rules = replace(changed(TradingRules(), changes), version=TradingRules().version)
        return tradable(rules, changes.keys() - _NAMES)
    except BadRulesError as error:
        raise ValueError(_RULE.sub(lambda name: setting_name(name[0]), str(error))) from None


def may_be_refused(name: str) -> bool:
    """Return whether a variable may be the parameter of a strategy that was refused: that refusal is reported."""
    return bool(known().refused) and bool(_PARAMETER.fullmatch(name))


def _texts(value: Mapping[str, Any], group: str = "") -> Iterator[tuple[str, str]]:
    """Yield each rule's dotted name and text: groups have rules, and strategies parameters."""
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _texts(inner, f"{group}{name}.")
        else:
            yield f"{group}{name}", inner
