"""A question for a strategy, apart from the guard that asks it: workflows may import this."""

from dataclasses import dataclass

from domain.market import MarketView
from domain.position import OpenPosition
from domain.rules import StrategyRules


@dataclass(frozen=True, slots=True)
class AskedPosition:
    """A position about which its own strategy is asked."""

    view: MarketView
    position: OpenPosition
    rules: StrategyRules
