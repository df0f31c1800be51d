"""When a held position is sold: named rules in a visible order, the first that fires wins."""

from dataclasses import dataclass
from datetime import datetime

from domain.money import Price
from domain.position import ExitReason


@dataclass(frozen=True, slots=True)
class ExitSignal:
    """A rule says sell. Price in won at the decision, market time (UTC), the best price seen while holding."""

    reason: ExitReason
    price: Price
    decided_at: datetime
    high_water_mark: Price
    detail: str = ""
