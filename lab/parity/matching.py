"""Which trade of one day is which trade of the other: the same stock, at overlapping or near times."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.position import ClosedTrade


class Pair(NamedTuple):
    """The same trade in both days; None where one day did not make it."""

    real: ClosedTrade | None
    lab: ClosedTrade | None

    @property
    def any(self) -> ClosedTrade:
        """Return one of the two."""
        found = self.real or self.lab
        assert found is not None  # noqa: S101 - a pair has at least one trade
        return found


def pairs_of(
    real: Sequence[ClosedTrade],
    lab: Sequence[ClosedTrade],
    near: timedelta,
    bought_at: Callable[[ClosedTrade], datetime] = lambda trade: trade.opened_at,
) -> list[Pair]:
    """Pair the trades of each stock, nearest purchases first, and leave no trade out."""
    by_nearness = sorted(
        (abs(bought_at(one) - bought_at(other)), first, second)
        for first, one in enumerate(real)
        for second, other in enumerate(lab)
        if one.symbol == other.symbol and (_overlap(one, other) or abs(bought_at(one) - bought_at(other)) <= near)
    )
    partner: dict[int, int] = {}
    for _, first, second in by_nearness:
        if first not in partner and second not in partner.values():
            partner[first] = second
    pairs = [Pair(one, lab[partner[first]] if first in partner else None) for first, one in enumerate(real)]
    pairs += [Pair(None, other) for second, other in enumerate(lab) if second not in partner.values()]
    return sorted(pairs, key=lambda pair: (pair.any.opened_at, pair.any.symbol))


def _overlap(one: ClosedTrade, other: ClosedTrade) -> bool:
    return one.opened_at < other.closed_at and other.opened_at < one.closed_at
