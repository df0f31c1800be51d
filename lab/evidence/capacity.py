"""The size at which a strategy's edge is gone.

Two limits. Impact: each side of a trade costs volatility × √(size ÷ turnover of the session), the square-root law with
factor 1 (Tóth and others, "Anomalous price impact and the critical nature of liquidity", Physical Review X 1, 2011);
the backtest's own size is already in its fills. Participation: nine of ten entries take at most a tenth of what their
minute traded. Volatility is Parkinson's (Journal of Business 53, 1980), from the day's high and low.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from domain.close_plan import PARTICIPATION
from lab.evidence.rows import Sizing, Traded

_ENTRIES_WITHIN: Final = 0.9


@dataclass(frozen=True, slots=True)
class Capacity:
    """Won per trade: the size of the backtest, where impact has taken the edge, and where orders fill the minute."""

    used: float
    by_impact: float
    by_participation: float

    @property
    def most(self) -> float:
        """Return the smaller limit."""
        return min(self.by_impact, self.by_participation)


def capacity_of(trades: Sequence[Traded]) -> Capacity | None:
    """Return the capacity of trades whose market is known, None without any."""
    known = [(trade, trade.sizing) for trade in trades if trade.sizing is not None and trade.stake > 0]
    if not known:
        return None
    stakes = sum(trade.stake for trade, _ in known)
    edge = sum(trade.net for trade, _ in known) / stakes
    impact = sum(trade.stake * _impact(trade.stake, sizing) for trade, sizing in known) / stakes
    used = fmean(trade.stake for trade, _ in known)
    scale = (1 + edge / impact) ** 2 if edge > 0 and impact > 0 else math.inf if edge > 0 else 0.0
    minutes = sorted(sizing.minute for _, sizing in known)
    thin = minutes[int((1 - _ENTRIES_WITHIN) * len(minutes))]
    return Capacity(used, used * scale, float(PARTICIPATION) * thin)


def volatility_of(high: int, low: int) -> float:
    """Return the standard deviation of a day's move, from its range (Parkinson 1980)."""
    return math.log(high / low) / math.sqrt(4 * math.log(2)) if 0 < low < high else 0.0


def _impact(size: float, sizing: Sizing) -> float:
    """Return what both sides of a trade of a size cost, ÷ its amount."""
    return 2 * sizing.volatility * math.sqrt(size / sizing.session) if sizing.session > 0 else 0.0
