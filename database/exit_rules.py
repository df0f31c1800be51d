"""A position's exit rules as its row stores them: JSON, a number is seconds, a text is a rate."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from domain.rules import ExitRules

_KNOWN: Final = tuple(each.name for each in fields(ExitRules))
_DIFFERENT: Final = 256
"""Sets of rules that are kept: most positions of an account have the same."""


def rules_as_json(rules: ExitRules) -> dict[str, str | float]:
    """Return the rules as they are stored."""
    values = {name: getattr(rules, name) for name in _KNOWN}
    return {
        name: value.total_seconds() if isinstance(value, timedelta) else str(value) for name, value in values.items()
    }


def rules_from_json(stored: Mapping[str, str | float]) -> ExitRules:
    """Read the rules back. Fields missing from the row keep their defaults."""
    return _read(tuple(stored.items()))


@lru_cache(maxsize=_DIFFERENT)
def _read(stored: tuple[tuple[str, str | float], ...]) -> ExitRules:
    values: dict[str, Any] = {
        name: Decimal(value) if isinstance(value, str) else timedelta(seconds=value)
        for name, value in stored
        if name in _KNOWN
    }
    return ExitRules(**values)
