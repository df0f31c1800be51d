"""The interface of every strategy: it evaluates one stock and may decide to buy, or to sell a holding."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from domain.market import MarketView, Symbol
from domain.position import OpenPosition
from domain.rules import StrategyRules

_LONGEST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class EntrySignal:
    """A strategy's decision to buy. ``confidence`` is within 0..1; ``reason`` is one readable sentence."""

    strategy: str
    strategy_version: str
    confidence: Decimal
    reason: str


class Strategy(Protocol):
    """A pure entry (and optional exit) decision; rules and trades use its ``name``."""

    @property
    def name(self) -> str:
        """Return the name used in rules, logs and trades."""
        ...

    @property
    def version(self) -> str:
        """Return the version stored with each trade; it changes whenever a decision could change."""
        ...

    def parameters(self, rules: StrategyRules) -> dict[str, str]:
        """Return the parameters in force, to be stored with the trade."""
        ...

    def entry(self, view: MarketView, rules: StrategyRules) -> EntrySignal | None:
        """Return a signal to buy, or None."""
        ...

    def wants_out(self, view: MarketView, position: OpenPosition, rules: StrategyRules) -> bool:
        """Return whether the strategy itself would sell the position now."""
        ...


def strongest(one: EntrySignal | None, other: EntrySignal | None) -> EntrySignal | None:
    """Return the signal with the greater confidence, the first of equal ones."""
    if one is None or other is None:
        return one or other
    return other if other.confidence > one.confidence else one


# A strategy is not trusted, so types are compared exactly: a subclass may define its own operators.


def objection_to_signal(answer: object, strategy: str) -> str:
    """Return the objection to the answer of a strategy's ``entry``; empty if the answer is valid."""
    if answer is None:
        return ""
    if type(answer) is not EntrySignal:
        return f"a {type(answer).__name__}, not a signal"
    confidence = answer.confidence
    if type(confidence) is not Decimal or not confidence.is_finite() or not 0 <= confidence <= 1:
        return "a confidence that is not a Decimal from 0 to 1"
    if not all(_is_a_line(text) for text in (answer.strategy, answer.strategy_version, answer.reason)):
        return "a name, version or reason that is not one line of text"
    return "" if answer.strategy == strategy else "a signal with another strategy's name"


def objection_to_ranks(answer: object, symbols: Collection[Symbol]) -> str:
    """Return the objection to the answer of a strategy's ``rank``, which may leave stocks out."""
    if type(answer) is not dict or not all(symbol in symbols for symbol in answer):
        return "a ranking that is not a dict of the stocks it was given"
    if not all(type(rank) is Decimal and rank.is_finite() and 0 <= rank <= 1 for rank in answer.values()):
        return "a rank that is not a Decimal from 0 to 1"
    return ""


def objection_to_flag(answer: object) -> str:
    """Return the objection to an answer that must be a bool."""
    return "" if type(answer) is bool else f"a {type(answer).__name__}, not a bool"


def objection_to_parameters(answer: object) -> str:
    """Return the objection to the answer of a strategy's ``parameters``."""
    if type(answer) is not dict or not all(_is_a_line(text) for pair in answer.items() for text in pair):
        return "parameters that are not one line of text each"
    return ""


def _is_a_line(text: object) -> bool:
    return type(text) is str and len(text) <= _LONGEST_REASON and text.isprintable()
