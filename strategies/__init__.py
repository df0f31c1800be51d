"""Strategies and screening filters: the built-in ones, the door for others (``strategies.api``), and their lookup."""

from strategies.catalogue import (
    KNOWN_FILTERS,
    KNOWN_STRATEGIES,
    all_rule_values,
    filters_named,
    known,
    strategies_named,
    tradable,
)

__all__ = [
    "KNOWN_FILTERS",
    "KNOWN_STRATEGIES",
    "all_rule_values",
    "filters_named",
    "known",
    "strategies_named",
    "tradable",
]
