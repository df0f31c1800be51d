"""How many variants were tried before this one was chosen: the deflated Sharpe ratio needs their number and spread."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import pvariance
from typing import Any, Final

from domain.errors import BadRulesError
from domain.rule_changes import changed, value_text
from domain.rules import TradingRules
from lab.evidence.inference import moments_of
from lab.results import Settings
from lab.trials import Sweep, sweeps_of
from strategies import all_rule_values

_HARU: Final = "haru"
"""The source hash that changes with every version of Haru; the strategy's own stays."""


@dataclass(frozen=True, slots=True)
class Trials:
    """The number of variants, this one included, and the variance of their Sharpe ratios per session if known."""

    count: int = 1
    variance: float | None = None


@dataclass(frozen=True, slots=True)
class _Try:
    """A variant on a stretch of sessions; dates as ISO texts. ``bars`` are those of a sweep, blank for a backtest."""

    variant: str
    first: str
    last: str
    bars: str = ""

    def is_within(self, other: "_Try") -> bool:
        """Return whether another try of the same variant has all of its dates."""
        return self.variant == other.variant and other.first <= self.first <= self.last <= other.last

    def is_part_of(self, other: "_Try") -> bool:
        """Return whether another try of the same variant has all of its dates, and more."""
        return self.is_within(other) and (self.first, self.last) != (other.first, other.last)


def known_trials(data: Path, strategy: str, more: int = 0) -> Trials:
    """Return the variants of a strategy that were swept or backtested in a data folder, and ``more`` from elsewhere.

    A variant is the code of the strategy, its parameters, exits and other rules, the stocks, workers and capital. In
    sweeps it counts once for the same stretch and bars. A backtest counts from its first finished day on, unless a
    sweep or another backtest of the variant has all of its dates; stretches that overlap are several.

    Raises:
        HistoryError: a sweep cannot be read.
    """
    variants = _Variants()
    swept = dict(_swept(variants, data / "sweeps", strategy))
    played = {_try_of(variants, each): ratio for each, ratio in _backtests(data / "backtests", strategy)}
    whole = {
        each: ratio
        for each, ratio in played.items()
        if not any(each.is_part_of(other) for other in played) and not any(each.is_within(other) for other in swept)
    }
    ratios = [ratio for ratio in (*whole.values(), *swept.values()) if ratio is not None]
    count = max(1, len(whole) + len(swept)) + more
    return Trials(count, pvariance(ratios) if len(ratios) > 1 else None)


def longer_ones(data: Path, settings: Settings) -> tuple[str, ...]:
    """Return the backtests of the same variant whose dates include those of one, and more."""
    variants = _Variants()
    ours = _try_of(variants, settings)
    found = (each for each, _ in _backtests(data / "backtests", settings.strategy))
    return tuple(each.id for each in found if ours.is_part_of(_try_of(variants, each)))


class _Variants:
    """What identifies a variant. Rules are compared by value: ``5.0%`` is ``5%``, and a named default no change."""

    def __init__(self) -> None:
        self._defaults = {name: value_text(name, value) for name, value in all_rule_values(TradingRules()).items()}
        self._texts: dict[tuple[str, str], str] = {}

    def of(self, rules: Mapping[str, str], about: Settings | Sweep) -> str:
        """Return rules that are no default, sources of strategies and filters, stocks, workers and capital as text."""
        texts = {name: self._text(name, text) for name, text in rules.items()}
        changes = {name: text for name, text in texts.items() if text != self._defaults.get(name)}
        code = {name: digest for name, digest in about.sources.items() if name != _HARU}
        return json.dumps([changes, code, about.universe, about.workers, about.capital], sort_keys=True)

    def _text(self, name: str, text: str) -> str:
        if (name, text) not in self._texts:
            self._texts[name, text] = _as_written(name, text)
        return self._texts[name, text]


def _as_written(name: str, text: str) -> str:
    """Return a rule's text as Haru writes its value; a text that this version cannot read stays as it is."""
    with suppress(BadRulesError):
        values = all_rule_values(changed(TradingRules(), {name: text}))
        if name in values:
            return value_text(name, values[name])
    return text


def _try_of(variants: _Variants, settings: Settings) -> _Try:
    return _Try(variants.of(settings.rules, settings), settings.first, settings.last)


def _swept(variants: _Variants, sweeps: Path, strategy: str) -> Iterator[tuple[_Try, float | None]]:
    """Yield each trial with its Sharpe ratio; that of a fleet replaces that of signals alone."""
    for store in sorted(sweeps_of(sweeps, strategy), key=lambda each: not each.sweep().alone):
        sweep, returns, bars = store.sweep(), store.daily_returns(), json.dumps(store.bars())
        for trial in store.trials():
            variant = variants.of({**sweep.rules, **trial.rules}, sweep)
            results = [result for _, result in returns.get(trial.number, ())]
            yield _Try(variant, sweep.first, sweep.last, bars), _sharpe(results)


def _backtests(folder: Path, strategy: str) -> Iterator[tuple[Settings, float | None]]:
    """Yield the backtests of which at least one day was played."""
    for file in sorted(folder.glob("*/settings.json")):
        try:
            values = json.loads(file.read_bytes())
            settings = Settings(**{each.name: values[each.name] for each in fields(Settings)})
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if settings.strategy == strategy and any((file.parent / "days").glob("*.json")):
            yield settings, _ratio_of(file.parent / "report.json")


def _ratio_of(report: Path) -> float | None:
    try:
        values: Mapping[str, Any] = json.loads(report.read_bytes())
        return _sharpe([float(day["net"]) for day in values["days"]])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sharpe(results: Sequence[float]) -> float | None:
    moments = moments_of(results)
    return None if moments is None else moments.sharpe
