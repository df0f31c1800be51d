"""The port that every strategy stands behind: it looks at one stock and may say buy, or sell what is held."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from domain.market import MarketView
from domain.position import OpenPosition
from domain.rules import StrategyRules


@dataclass(frozen=True, slots=True)
class EntrySignal:
    """A strategy's verdict to buy. ``confidence`` lies in 0..1; ``reason`` is one readable sentence."""

    strategy: str
    strategy_version: str
    confidence: Decimal
    reason: str


class Strategy(Protocol):
    """A pure entry (and optional exit) decision; ``name`` is what rules and trades call it."""

    @property
    def name(self) -> str:
        """Return the name used in rules, logs and trades."""
        ...

    @property
    def version(self) -> str:
        """Return the version stored with each trade; it changes whenever a decision could."""
        ...

    def parameters(self, rules: StrategyRules) -> dict[str, str]:
        """Return the parameters in force, to be stored with the trade."""
        ...

    def entry(self, view: MarketView, rules: StrategyRules) -> EntrySignal | None:
        """Say buy, or None."""
        ...

    def wants_out(self, view: MarketView, position: OpenPosition, rules: StrategyRules) -> bool:
        """Tell whether the strategy itself would sell the position now."""
        ...
