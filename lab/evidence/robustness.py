"""What is left of a result without its best parts, and how it changes over time. Net ÷ entry amounts."""

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from lab.evidence.rows import Traded

BEST_TRADES: Final = 5
PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Concentration:
    """The net rate without the best five trades, the best stock and the best day; None if nothing is left."""

    trades: float | None
    stock: float | None
    day: float | None

    @property
    def worst(self) -> float | None:
        """Return the smallest of the three, None if one of them is unknown."""
        found = (self.trades, self.stock, self.day)
        return None if None in found else min(each for each in found if each is not None)


def rate_of(trades: Collection[Traded]) -> float | None:
    """Return net result ÷ entry amounts, None without a trade."""
    stakes = sum(trade.stake for trade in trades)
    return sum(trade.net for trade in trades) / stakes if stakes else None


def concentration_of(trades: Sequence[Traded]) -> Concentration:
    """Return what is left without the best parts."""
    in_order = sorted(trades, key=lambda trade: trade.net)
    return Concentration(
        rate_of(in_order[:-BEST_TRADES]),
        rate_of(_without_best(trades, lambda trade: trade.symbol)),
        rate_of(_without_best(trades, lambda trade: trade.date)),
    )


def thirds_of(sessions: Sequence[date], trades: Sequence[Traded]) -> tuple[float | None, ...]:
    """Return the net rate of each third of the sessions, the oldest first."""
    ends = [len(sessions) * part // PARTS for part in range(PARTS + 1)]
    parts = [frozenset(sessions[first:last]) for first, last in pairwise(ends)]
    return tuple(rate_of([trade for trade in trades if trade.date in part]) for part in parts)


def _without_best(trades: Sequence[Traded], key: Callable[[Traded], Hashable]) -> list[Traded]:
    nets: dict[Hashable, float] = {}
    for trade in trades:
        nets[key(trade)] = nets.get(key(trade), 0.0) + trade.net
    best = max(nets, key=lambda each: nets[each], default=None)
    return [trade for trade in trades if key(trade) != best]
