"""The facts in the order in which they are asked: tokens first, what needs quiet or ends a token last."""

from types import ModuleType
from typing import Final

from tools.conformance.checks import (
    accounts,
    charts,
    clients,
    frames,
    limits,
    oauth,
    orders,
    quotations,
    refusals,
    replies,
    subscriptions,
    token_life,
)
from tools.conformance.fact import Fact


def _facts_of(module: ModuleType) -> list[Fact]:
    return [value for value in vars(module).values() if isinstance(value, Fact)]


_MODULES: Final = (
    *(oauth, replies, quotations, charts, accounts, refusals, clients),
    *(subscriptions, frames, orders, limits, token_life),
)
FACTS: Final = tuple(each for module in _MODULES for each in _facts_of(module))
"""Every fact that can be asked."""
