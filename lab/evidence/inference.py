"""The statistics of a verdict. Sharpe ratios are per session, not annualised; moments are those of the sample.

Sources: Bailey and López de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15(2), 2012 (PSR, minimum
track record length); the same, "The Deflated Sharpe Ratio", Journal of Portfolio Management 40(5), 2014; Politis and
Romano, "The Stationary Bootstrap", Journal of the American Statistical Association 89, 1994.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from statistics import NormalDist, fmean
from typing import Final

_NORMAL: Final = NormalDist()
_EULER: Final = 0.5772156649015329
_LEAST: Final = 3
"""Observations without which skewness and kurtosis have no meaning."""


@dataclass(frozen=True, slots=True)
class Moments:
    """The shape of a series of results: ``kurtosis`` is 3 for a normal distribution."""

    count: int
    mean: float
    deviation: float
    skewness: float
    kurtosis: float

    @property
    def sharpe(self) -> float:
        """Return mean ÷ standard deviation; 0 for a series that does not vary."""
        return self.mean / self.deviation if self.deviation else 0.0

    @property
    def spread(self) -> float:
        """Return the standard error of the Sharpe ratio times the root of ``count − 1`` (Mertens 2002)."""
        sharpe = self.sharpe
        variance = 1 - self.skewness * sharpe + (self.kurtosis - 1) / 4 * sharpe * sharpe
        return math.sqrt(max(variance, 1e-12))


def moments_of(results: Sequence[float]) -> Moments | None:
    """Return the moments of a series, None if it is too short or does not vary."""
    if len(results) < _LEAST:
        return None
    mean = fmean(results)
    second, third, fourth = (fmean((each - mean) ** power for each in results) for power in (2, 3, 4))
    if second <= 0:
        return None
    return Moments(len(results), mean, math.sqrt(second), third / second**1.5, fourth / second**2)


def probabilistic_sharpe(of: Moments, benchmark: float) -> float:
    """Return the probability that the true Sharpe ratio is above a benchmark (PSR, 2012, equation 9)."""
    return _NORMAL.cdf((of.sharpe - benchmark) * math.sqrt(of.count - 1) / of.spread)


def expected_best(trials: int, variance: float) -> float:
    """Return the Sharpe ratio that the best of ``trials`` strategies without an edge is expected to show (DSR, 2014).

    ``variance`` is that of the Sharpe ratios of the trials. One trial has nothing to choose from: 0.
    """
    if trials < 2:
        return 0.0
    high, higher = _NORMAL.inv_cdf(1 - 1 / trials), _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * ((1 - _EULER) * high + _EULER * higher)


def deflated_sharpe(of: Moments, trials: int, variance: float) -> float:
    """Return the probability that the true Sharpe ratio is above 0, given that the best of some trials was chosen."""
    return probabilistic_sharpe(of, expected_best(trials, variance))


def least_track_record(of: Moments, benchmark: float, confidence: float) -> float:
    """Return the observations after which the Sharpe ratio proves to be above a benchmark (MinTRL, 2012, equation 11).

    Infinite if it is not above.
    """
    if of.sharpe <= benchmark:
        return math.inf
    return 1 + (of.spread * _NORMAL.inv_cdf(confidence) / (of.sharpe - benchmark)) ** 2


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the bounds between which 90 % of the resampled estimates are."""

    value: float
    low: float
    high: float


class Resampled:
    """Days drawn again in blocks: the stationary bootstrap, whose block lengths are geometric with a given mean."""

    def __init__(self, days: int, resamples: int, seed: int) -> None:
        self._days = days
        chance, mean = Random(seed), max(1.0, days ** (1 / 3))
        self._draws = [tuple(_blocks(days, mean, chance)) for _ in range(resamples)] if days else []

    def ratio(self, above: Sequence[float], below: Sequence[float]) -> Interval | None:
        """Return the sum of one series over that of another, both by day; None if the second is 0 throughout."""
        whole = sum(below)
        if whole <= 0:
            return None
        tops, bottoms = _running(above), _running(below)
        found = sorted(
            top / bottom
            for draw in self._draws
            if (bottom := sum(bottoms[end] - bottoms[start] for start, end in draw)) > 0
            for top in (sum(tops[end] - tops[start] for start, end in draw),)
        )
        if not found:
            return None
        return Interval(sum(above) / whole, _quantile(found, 0.05), _quantile(found, 0.95))


def _running(series: Sequence[float]) -> list[float]:
    """Return the running sums of a series followed by itself, so that a block may go over its end."""
    return list(accumulate([*series, *series], initial=0.0))


def _blocks(days: int, mean: float, chance: Random) -> Iterator[tuple[int, int]]:
    """Yield blocks of days, as start and end, until there are as many days as before."""
    left = days
    while left > 0:
        start, length = chance.randrange(days), min(_geometric(mean, chance), left)
        yield start, start + length
        left -= length


def _geometric(mean: float, chance: Random) -> int:
    """Return a length of at least 1 from the geometric distribution with a mean above 1."""
    return 1 + int(math.log(1 - chance.random()) / math.log(1 - 1 / mean)) if mean > 1 else 1


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
