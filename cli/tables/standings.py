"""The standings of strategies as JSON."""

from collections.abc import Sequence
from typing import Any

from domain.verdict import Standing


def standings_json(standings: Sequence[Standing]) -> list[dict[str, Any]]:
    """Return the standings as JSON values."""
    return [
        {
            "strategy": each.strategy,
            "source": each.source,
            "verdict": None if each.conclusion is None else each.conclusion.value,
            "confirmed_because": each.accepted_because or None,
        }
        for each in standings
    ]
