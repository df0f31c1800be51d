"""Whole won, whole shares, and the named operations on them."""

from decimal import ROUND_FLOOR, Decimal
from typing import NewType

Won = NewType("Won", int)
"""An amount of money in whole won; negative for a debt or a loss."""

Price = NewType("Price", int)
"""Won per share, always positive if it comes from a valid quote."""

Quantity = NewType("Quantity", int)
"""A number of shares."""

Rate = Decimal
"""A dimensionless fraction: ``Decimal("0.03")`` is three percent."""

NO_WON = Won(0)
NO_SHARES = Quantity(0)


def read_rate(text: str) -> Rate:
    """Read ``3%``, or a fraction such as ``0.03``.

    Raises:
        ArithmeticError: the text is not a number.
        ValueError: the text contains non-ASCII digits, which ``Decimal`` would accept.
    """
    stripped = text.strip()
    if not stripped.isascii():
        raise ValueError(text)
    number = Rate(stripped.removesuffix("%"))
    return number / 100 if stripped.endswith("%") else number


def is_without_unit(text: str) -> bool:
    """Return whether a rate lacks its percent sign: ``3`` may mean 3 % or 300 %. Zero is the same in both."""
    return not text.strip().endswith("%") and bool(read_rate(text))


def rate_text(rate: Rate) -> str:
    """Format a rate in percent, as ``read_rate`` reads it."""
    return f"{(rate * 100).normalize():f}%" if rate.is_finite() else str(rate)


def notional(price: Price, quantity: Quantity) -> Won:
    """Return the amount of the shares at this price, before costs."""
    return Won(price * quantity)


def average_price(cost: Won, quantity: Quantity) -> Decimal:
    """Return cost per share; it may be fractional, the cost is not."""
    return Decimal(cost) / Decimal(quantity) if quantity else Decimal(0)


def portion(amount: Won, rate: Rate) -> Won:
    """Return ``amount × rate`` rounded down to whole won."""
    return Won(int((Decimal(amount) * rate).to_integral_value(ROUND_FLOOR)))


def change_rate(price: Price, reference: Decimal | int) -> Decimal:
    """Return the relative distance of a price from a reference; zero without a reference."""
    return (Decimal(price) - Decimal(reference)) / Decimal(reference) if reference else Decimal(0)


def total(amounts: "list[Won] | tuple[Won, ...]") -> Won:
    """Add amounts of money."""
    return Won(sum(amounts))
