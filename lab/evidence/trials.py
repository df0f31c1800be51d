"""How many variants were tried before this one was chosen: the deflated Sharpe ratio needs their number and spread."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import pvariance
from typing import Any

from lab.evidence.inference import moments_of
from lab.trials import sweeps_of


@dataclass(frozen=True, slots=True)
class Trials:
    """The number of variants, this one included, and the variance of their Sharpe ratios per session if known."""

    count: int = 1
    variance: float | None = None


def known_trials(data: Path, strategy: str, more: int = 0) -> Trials:
    """Return the variants of a strategy that were swept or backtested in a data folder, and ``more`` from elsewhere.

    Backtests with the same rules and the same code of the strategy are one variant, whatever their dates. Every trial
    of a sweep is one.

    Raises:
        HistoryError: a sweep cannot be read.
    """
    backtested = dict(_variants(data / "backtests", strategy))
    swept = list(_swept(data / "sweeps", strategy))
    ratios = [ratio for ratio in (*backtested.values(), *swept) if ratio is not None]
    count = max(1, len(backtested) + len(swept)) + more
    return Trials(count, pvariance(ratios) if len(ratios) > 1 else None)


def _swept(sweeps: Path, strategy: str) -> Iterator[float | None]:
    for store in sweeps_of(sweeps, strategy):
        returns = store.daily_returns()
        for trial in store.trials():
            yield _sharpe([result for _, result in returns.get(trial.number, ())])


def _variants(backtests: Path, strategy: str) -> Iterator[tuple[str, float | None]]:
    for file in sorted(backtests.glob("*/report.json")):
        try:
            values = json.loads(file.read_bytes())
            if values["strategy"] == strategy:
                yield _variant(values, strategy), _sharpe([float(day["net"]) for day in values["days"]])
        except (OSError, ValueError, KeyError, TypeError):
            continue


def _variant(values: Mapping[str, Any], strategy: str) -> str:
    return json.dumps([values["rules"], values.get("sources", {}).get(strategy, "")], sort_keys=True)


def _sharpe(results: Sequence[float]) -> float | None:
    moments = moments_of(results)
    return None if moments is None else moments.sharpe
