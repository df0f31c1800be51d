"""Orders of another program on this account, and an operator's acceptance of them."""

from dataclasses import dataclass
from datetime import datetime

from domain.market import Side, Symbol
from domain.money import Quantity


@dataclass(frozen=True, slots=True)
class ForeignApiOrder:
    """An API order that is not ours and that no operator has accepted yet."""

    number: str
    branch: str
    side: Side
    symbol: Symbol
    quantity: Quantity

    @property
    def in_words(self) -> str:
        """Return the order as text for operators."""
        return f"{self.number} ({self.side} {self.quantity:,} of {self.symbol})"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who accepts orders, why, and when (market time); without a number, all orders."""

    by: str
    reason: str
    at: datetime
    number: str = ""
