"""The conclusion about a backtest: pass, not enough evidence, or no edge after costs, and why.

A pass needs every required check. The unit of all statistics is the day, because trades of one day are not independent.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from domain.verdict import Conclusion
from lab.evidence.capacity import Capacity, capacity_of
from lab.evidence.inference import (
    Interval,
    Moments,
    Resampled,
    deflated_sharpe,
    expected_best,
    least_track_record,
    moments_of,
)
from lab.evidence.robustness import Concentration, concentration_of, thirds_of
from lab.evidence.rows import Evidence, Traded

CONFIDENCE: Final = 0.95
LEAST_SESSIONS: Final = 60
"""Sessions with a trade, and trades, below which the estimates of spread and shape are noise."""
LEAST_TRADES: Final = 100
RESAMPLES: Final = 2_000
_SESSIONS_OF_A_LOSS: Final = 20
"""Sessions after which a loss in the whole interval counts, although the sample is too small for a pass."""
_SEED: Final = 1994
_BP: Final = 10_000


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. A pass needs those that are ``required`` to hold."""

    name: str
    holds: bool
    text: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Judgement:
    """The conclusion and what it rests on. Rates are in basis points of the entry amounts."""

    conclusion: Conclusion
    checks: tuple[Check, ...]
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Measured:
    evidence: Evidence
    active: int
    """Sessions with a trade."""
    net: Interval | None
    chance: Interval | None
    held: Interval | None
    moments: Moments | None
    benchmark: float
    """The Sharpe ratio that the best of the trials shows without an edge."""
    deflated: float
    needed: float
    concentration: Concentration
    thirds: tuple[float | None, ...]
    capacity: Capacity | None

    @property
    def is_enough(self) -> bool:
        return self.active >= LEAST_SESSIONS and len(self.evidence.trades) >= LEAST_TRADES


def judge(evidence: Evidence, resamples: int = RESAMPLES) -> Judgement:
    """Judge the evidence; equal evidence gives an equal judgement."""
    measured = _measured(evidence, resamples)
    checks = tuple(_checks(measured))
    return Judgement(_conclusion(measured, checks), checks, _figures(measured))


def _measured(evidence: Evidence, resamples: int) -> _Measured:
    trades, days = evidence.trades, _ByDay(evidence)
    resampled = Resampled(len(evidence.sessions), resamples, _SEED)
    moments = moments_of(days.sums(lambda trade: trade.net))
    trials, least = evidence.trials, 1 / max(1, len(evidence.sessions) - 1)
    variance = max(trials.variance or 0.0, least)  # variants that hardly differ must not lower the bar
    benchmark = expected_best(trials.count, variance)
    return _Measured(
        evidence,
        len({trade.date for trade in trades}),
        days.ratio(resampled, trades, lambda trade: trade.net / trade.stake),
        days.ratio(
            resampled,
            [trade for trade in trades if trade.own is not None and trade.chance is not None],
            lambda trade: (trade.own or 0.0) - (trade.chance or 0.0),
        ),
        days.ratio(
            resampled,
            [trade for trade in trades if trade.held is not None],
            lambda trade: trade.net / trade.stake - (trade.held or 0.0),
        ),
        moments,
        benchmark,
        0.0 if moments is None else deflated_sharpe(moments, trials.count, variance),
        math.inf if moments is None else least_track_record(moments, benchmark, CONFIDENCE),
        concentration_of(trades),
        thirds_of(evidence.sessions, trades),
        capacity_of(trades),
    )


class _ByDay:
    """Sums over the trades of each session, sessions without a trade included."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    def sums(self, value: Callable[[Traded], float], among: Sequence[Traded] | None = None) -> list[float]:
        found: dict[date, float] = dict.fromkeys(self._evidence.sessions, 0.0)
        for trade in self._evidence.trades if among is None else among:
            found[trade.date] += value(trade)
        return list(found.values())

    def ratio(self, resampled: Resampled, among: Sequence[Traded], rate: Callable[[Traded], float]) -> Interval | None:
        """Return the mean rate of trades, each with the weight of its entry amount."""
        above = self.sums(lambda trade: trade.stake * rate(trade), among)
        return resampled.ratio(above, self.sums(lambda trade: trade.stake, among))


def _conclusion(measured: _Measured, checks: Sequence[Check]) -> Conclusion:
    net, chance = measured.net, measured.chance
    if net is None:
        return Conclusion.NOT_ENOUGH
    if net.high < 0 and measured.active >= _SESSIONS_OF_A_LOSS:
        return Conclusion.NO_EDGE
    if measured.is_enough and (net.value <= 0 or (chance is not None and chance.value <= 0)):
        return Conclusion.NO_EDGE
    return Conclusion.PASS if all(each.holds for each in checks if each.required) else Conclusion.NOT_ENOUGH


def _checks(measured: _Measured) -> Iterator[Check]:
    evidence, net = measured.evidence, measured.net
    yield from (Check("data", holds=False, text=bias) for bias in evidence.biases)
    if not evidence.biases:
        yield Check("data", holds=True, text="nothing in the data is known to flatter")
    if evidence.unsound:
        yield Check("soundness", holds=False, text=f"{evidence.unsound:,} days failed their checks")
    yield Check(
        "sample",
        measured.is_enough,
        f"{len(evidence.trades):,} trades in {measured.active:,} sessions; a pass needs {LEAST_TRADES} in "
        f"{LEAST_SESSIONS}",
    )
    if net is None:
        return
    yield Check("net", net.low > 0, f"{_bp(net)} a trade after commission, tax and slippage")
    yield from _against(measured)
    yield from _over_trials(measured)
    left = measured.concentration
    yield Check(
        "concentration",
        left.worst is not None and left.worst > 0,
        f"{_one(left.trades)} without the best 5 trades, {_one(left.stock)} without the best stock, "
        f"{_one(left.day)} without the best day",
    )
    first, middle, last = measured.thirds
    yield Check(
        "decay",
        last is not None and last > 0,
        f"{_one(first)}, {_one(middle)} and {_one(last)} in the first, second and last third of the sessions",
    )
    yield from _size(measured)
    text = f"{_one(evidence.slippage)} of the entry amounts ({evidence.fills})"
    yield Check("slippage", holds=True, text=text, required=False)


def _against(measured: _Measured) -> Iterator[Check]:
    chance, held = measured.chance, measured.held
    if chance is None:
        yield Check("random", holds=False, text="no stored bars to compare with random entries")
    else:
        text = f"{_bp(chance)} against random entries of the same sessions and minutes, sold by the same rules"
        yield Check("random", chance.low > 0, text)
    if held is not None:
        text = f"{_bp(held)} against the same stocks from open to close, chosen with knowledge of the day"
        yield Check("held", held.low > 0, text, required=False)


def _over_trials(measured: _Measured) -> Iterator[Check]:
    count = measured.evidence.trials.count
    text = f"deflated Sharpe ratio {measured.deflated:.3f} (variants tried: {count:,}); a pass needs {CONFIDENCE}"
    yield Check("deflated", measured.deflated >= CONFIDENCE, text)
    sessions, needed = len(measured.evidence.sessions), measured.needed
    if math.isinf(needed):
        yield Check("record", holds=False, text="no length of record proves a Sharpe ratio this low")
    else:
        text = f"{sessions:,} sessions; at this Sharpe ratio {math.ceil(needed):,} prove it"
        yield Check("record", sessions >= needed, text)


def _size(measured: _Measured) -> Iterator[Check]:
    capacity = measured.capacity
    if capacity is None:
        yield Check("capacity", holds=False, text="no stored bars to measure the capacity")
        return
    used = f"the backtest used {capacity.used:,.0f} won a trade"
    if not capacity.most:
        text = f"no edge that a larger size could use up; {used}"
    elif math.isinf(capacity.most):
        text = f"no size takes the edge; {used}"
    else:
        by = "participation" if capacity.by_participation < capacity.by_impact else "impact"
        text = f"{_LIMITS[by].format(most=f'{capacity.most:,.0f}')}; {used}"
    yield Check("capacity", capacity.most >= capacity.used, text)


_LIMITS: Final = {
    "impact": "the edge is gone at {most} won a trade, by its impact on the price",
    "participation": "orders of more than {most} won exceed a tenth of their minute",
}


def _figures(measured: _Measured) -> dict[str, Any]:
    evidence, moments = measured.evidence, measured.moments
    return {
        "sessions": len(evidence.sessions),
        "active_sessions": measured.active,
        "trades": len(evidence.trades),
        "net_bp": _plain(measured.net),
        "over_random_bp": _plain(measured.chance),
        "over_open_to_close_bp": _plain(measured.held),
        "slippage_bp": _rounded(evidence.slippage * _BP),
        "sharpe": None if moments is None else _rounded(moments.sharpe, 4),
        "skewness": None if moments is None else _rounded(moments.skewness, 3),
        "kurtosis": None if moments is None else _rounded(moments.kurtosis, 3),
        "trials": evidence.trials.count,
        "best_of_trials_sharpe": _rounded(measured.benchmark, 4),
        "deflated_sharpe": _rounded(measured.deflated, 4),
        "sessions_needed": None if math.isinf(measured.needed) else math.ceil(measured.needed),
        "without_best_bp": {name: _rate(rate) for name, rate in asdict(measured.concentration).items()},
        "thirds_bp": [_rate(rate) for rate in measured.thirds],
        "capacity": None if measured.capacity is None else _capacity(measured.capacity),
    }


def _capacity(capacity: Capacity) -> dict[str, int | None]:
    values = {"most": capacity.most, **asdict(capacity)}
    return {name: None if math.isinf(value) else round(value) for name, value in values.items()}


def _plain(interval: Interval | None) -> dict[str, float | None] | None:
    return None if interval is None else {name: _rate(value) for name, value in asdict(interval).items()}


def _rate(rate: float | None) -> float | None:
    return None if rate is None else _rounded(rate * _BP)


def _rounded(value: float, places: int = 1) -> float:
    return round(value, places) + 0.0


def _bp(interval: Interval) -> str:
    value, low, high = (_rounded(each * _BP) for each in (interval.value, interval.low, interval.high))
    return f"{value:+.1f} bp (90 % interval {low:+.1f} to {high:+.1f})"


def _one(rate: float | None) -> str:
    return "–" if rate is None else f"{_rounded(rate * _BP):+.1f} bp"
