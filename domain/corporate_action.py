"""Splits, reverse splits and bonus shares: whether a changed share count and base price are the same holding."""

from decimal import Decimal
from typing import Final

from domain.money import Price, Quantity

_LEAST_CHANGE: Final = Decimal("0.15")
"""Price change below which no action is assumed: a different share count is then the owner's, or an error."""
_TOLERANCE: Final = Decimal("0.10")
"""The base price is rounded to ticks, and our last price may differ from the closing price."""
_FRACTION: Final = Decimal(1)
"""Fractions of a share are paid in cash."""


def restated(ours: Quantity, others: Quantity, shown: Quantity, last: Price, base: Price) -> Quantity | None:
    """Return how many of the shown shares are ours after a corporate action, or None if there was none.

    Args:
        ours: our shares before.
        others: the owner's own shares of the stock before.
        shown: all shares that the broker shows now.
        last: the last price of the previous session, in won.
        base: today's base price in won, from which the exchange derives its limits.
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
