"""Splits, reverse splits and bonus shares: whether other shares and another base price are the same holding."""

from decimal import Decimal
from typing import Final

from domain.money import Price, Quantity

_LEAST_CHANGE: Final = Decimal("0.15")
"""Change of the price below which no action is assumed: other shares are then the owner's, or a fault."""
_TOLERANCE: Final = Decimal("0.10")
"""The base price is rounded to ticks, and our last price may not be that of the close."""
_FRACTION: Final = Decimal(1)
"""Fractions of a share are paid in cash."""


def restated(ours: Quantity, others: Quantity, shown: Quantity, last: Price, base: Price) -> Quantity | None:
    """Return how many of the shown shares are ours after a corporate action, or None where there was none.

    Args:
        ours: our shares before.
        others: the owner's own shares of the stock before.
        shown: all shares that the broker shows now.
        last: the last price of the session before, in won.
        base: today's base price in won, from which the exchange counts its limits.
    """
    total = ours + others
    if not (total and shown and base) or shown == total:
        return None
    expected = Decimal(total) * last / base
    if abs(expected / total - 1) < _LEAST_CHANGE:
        return None
    if abs(shown - expected) >= max(expected * _TOLERANCE, _FRACTION):
        return None
    held = Quantity(shown * ours // total)
    return held or None
