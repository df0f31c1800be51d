"""The day's base price, the reference of changes and limits. Unlike the raw close it follows splits and rights."""

from decimal import Decimal
from typing import Final

from domain.money import Price
from domain.tick_size import PriceLimits, price_limits

_DOWN: Final = frozenset({"4", "5"})
_USUAL_WIDTH: Final = (1.80, 1.92)
"""Ratio of upper to lower limit if both are 30 % from the base price, rounded to ticks."""


def base_from_change(price: int, change: int | None, sign: str) -> int:
    """Return the price from which KIS computes the day's change (``prdy_vrss`` with its sign code), or zero."""
    if not price or change is None:
        return 0
    down = change < 0 or sign in _DOWN
    return max(price + abs(change) if down else price - change, 0)


def base_of_points(level: Decimal, change: Decimal | None, sign: str) -> Decimal:
    """Return the previous close of an index by the same two fields, or zero."""
    if not level or change is None:
        return Decimal(0)
    down = change < 0 or sign in _DOWN
    return max(level + abs(change) if down else level - change, Decimal(0))


def base_price(named: int, from_change: int, raw_close: int, limits: PriceLimits | None) -> Price:
    """Return the base price in won: as KIS names it, else a price with these limits; zero if it cannot be derived.

    The raw close is a different price on the day of a split, and before the open the change may still be yesterday's.
    """
    if named or limits is None:
        return Price(named or from_change)
    for candidate in (from_change, raw_close):
        if candidate and price_limits(Price(candidate)) == limits:
            return Price(candidate)
    least, most = _USUAL_WIDTH
    is_usual = least <= limits.upper / limits.lower <= most
    return Price((limits.lower + limits.upper) // 2 if is_usual else from_change)
