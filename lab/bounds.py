"""Prices between which no exit rule fires."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.exits import high_water_mark
from domain.money import Price, change_rate
from domain.position import OpenPosition


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of a position (won), its best price so far, and whether a better one moves its trailing stop."""

    lower: Decimal
    upper: Decimal
    best: Price
    trails: bool

    @classmethod
    def of(cls, position: OpenPosition, best: Price) -> "Bounds":
        """Return the bounds of a position whose best price is known."""
        rules, entry = position.exit_rules, position.entry_price
        best = high_water_mark(position, best)
        lower = entry * (1 - rules.stop_loss) if rules.stop_loss else Decimal(0)
        trails = bool(rules.trailing_start and rules.trailing_distance)
        if trails and change_rate(best, entry) >= rules.trailing_start:
            lower = max(lower, best * (1 - rules.trailing_distance))
        upper = entry * (1 + rules.take_profit) if rules.take_profit else Decimal("Infinity")
        return cls(lower, upper, best, trails)

    def may_leave(self, low: int, high: int) -> bool:
        """Return whether prices of this range can fire a rule or raise the best price."""
        return low <= self.lower or high >= self.upper or (self.trails and high > self.best)

    def first(self, rest: Sequence[tuple[Price, int]]) -> int | None:
        """Return the second of the first crossing, or of the best price before it if that is a new one."""
        crossing = next((second for price, second in rest if price <= self.lower or price >= self.upper), None)
        if not self.trails:
            return crossing
        before = [(price, -second) for price, second in rest if crossing is None or second < crossing]
        top = max(before, default=(Price(0), 0))
        return -top[1] if top[0] > self.best else crossing
