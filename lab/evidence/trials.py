"""How many variants were tried before this one was chosen: the deflated Sharpe ratio needs their number and spread."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import pvariance
from typing import Any

from lab.evidence.inference import moments_of
from lab.results import Settings
from lab.trials import TrialStore, sweeps_of


@dataclass(frozen=True, slots=True)
class Trials:
    """The number of variants, this one included, and the variance of their Sharpe ratios per session if known."""

    count: int = 1
    variance: float | None = None


@dataclass(frozen=True, slots=True)
class _Played:
    """A backtest of which at least one day was played."""

    settings: Settings
    ratio: float | None

    @property
    def variant(self) -> str:
        """Return what makes it another try: everything but the dates and Haru's own sources."""
        kept = self.settings
        source = kept.sources.get(kept.strategy, "")
        return json.dumps([dict(kept.rules), source, kept.universe, kept.workers, kept.capital], sort_keys=True)

    def is_part_of(self, other: "_Played") -> bool:
        """Return whether another backtest of the same variant has all of its dates, and more."""
        ours, theirs = self.settings, other.settings
        within = theirs.first <= ours.first <= ours.last <= theirs.last
        return within and (ours.first, ours.last) != (theirs.first, theirs.last) and self.variant == other.variant


def known_trials(data: Path, strategy: str, more: int = 0) -> Trials:
    """Return the variants of a strategy that were swept or backtested in a data folder, and ``more`` from elsewhere.

    Backtests with the same rules, code, stocks, workers and capital are one variant if the dates of one are part of
    the other's; stretches that overlap or follow each other are several. A backtest counts from its first finished
    day on. Every trial of a sweep is one; the same sweep of another version of Haru adds none.

    Raises:
        HistoryError: a sweep cannot be read.
    """
    played = list(_backtests(data / "backtests", strategy))
    whole = {
        (each.variant, each.settings.first, each.settings.last): each.ratio
        for each in played
        if not any(each.is_part_of(other) for other in played)
    }
    swept = dict(_swept(data / "sweeps", strategy))
    ratios = [ratio for ratio in (*whole.values(), *swept.values()) if ratio is not None]
    count = max(1, len(whole) + len(swept)) + more
    return Trials(count, pvariance(ratios) if len(ratios) > 1 else None)


def longer_ones(data: Path, settings: Settings) -> tuple[str, ...]:
    """Return the backtests of the same variant whose dates include those of one, and more."""
    ours = _Played(settings, None)
    found = _backtests(data / "backtests", settings.strategy)
    return tuple(each.settings.id for each in found if ours.is_part_of(each))


def _swept(sweeps: Path, strategy: str) -> Iterator[tuple[str, float | None]]:
    for store in sweeps_of(sweeps, strategy):
        kept = _kept_of(store)
        returns = store.daily_returns()
        for trial in store.trials():
            results = [result for _, result in returns.get(trial.number, ())]
            yield json.dumps([kept, dict(trial.rules), trial.fold], sort_keys=True), _sharpe(results)


def _kept_of(store: TrialStore) -> Sequence[object]:
    """Return what all trials of a sweep share and another sweep may not."""
    sweep = store.sweep()
    source = sweep.sources.get(sweep.strategy, "")
    fixed = (sweep.first, sweep.last, sweep.workers, sweep.capital, sweep.universe, sweep.alone)
    return [dict(sweep.rules), source, *fixed]


def _backtests(folder: Path, strategy: str) -> Iterator[_Played]:
    for file in sorted(folder.glob("*/settings.json")):
        try:
            values = json.loads(file.read_bytes())
            settings = Settings(**{each.name: values[each.name] for each in fields(Settings)})
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if settings.strategy == strategy and any((file.parent / "days").glob("*.json")):
            yield _Played(settings, _ratio_of(file.parent / "report.json"))


def _ratio_of(report: Path) -> float | None:
    try:
        values: Mapping[str, Any] = json.loads(report.read_bytes())
        return _sharpe([float(day["net"]) for day in values["days"]])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sharpe(results: Sequence[float]) -> float | None:
    moments = moments_of(results)
    return None if moments is None else moments.sharpe
