"""Entry decisions that implement ``domain.strategy``, and their lookup by name."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from domain.errors import BadRulesError
from domain.rule_changes import checked
from domain.rules import TradingRules
from domain.strategy import Strategy
from strategies.filters import filters_named
from strategies.momentum import Momentum
from strategies.volatility_breakout import VolatilityBreakout

KNOWN_STRATEGIES: Final[Mapping[str, Strategy]] = MappingProxyType(
    {strategy.name: strategy for strategy in (VolatilityBreakout(), Momentum())}
)


def strategies_named(names: Sequence[str]) -> tuple[Strategy, ...]:
    """Return the strategies in the order of their names.

    Raises:
        BadRulesError: a name is unknown, or the list is empty.
    """
    known = ", ".join(sorted(KNOWN_STRATEGIES))
    unknown = [name for name in names if name not in KNOWN_STRATEGIES]
    if unknown or not names:
        raise BadRulesError(f"strategy.names: {', '.join(unknown) or 'empty'}; choose among {known}")
    return tuple(KNOWN_STRATEGIES[name] for name in names)


def tradable(rules: TradingRules) -> TradingRules:
    """Return the rules unchanged if they are valid, including names of strategies and filters.

    Raises:
        BadRulesError: the text names each wrong field and its fix.
    """
    checked(rules)
    strategies_named(rules.strategy.names)
    filters_named(rules.screening.custom_filters)
    return rules
