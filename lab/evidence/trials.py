"""How many variants were tried before this one was chosen: the deflated Sharpe ratio needs their number and spread."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import pvariance
from typing import Final

from domain.errors import BadRulesError
from domain.rule_changes import changed, value_text
from domain.rules import TradingRules
from lab.evidence.inference import moments_of
from lab.trials import sweeps_of
from strategies import all_rule_values

_HARU: Final = "haru"
"""The source hash that changes with every version of Haru; the strategy's own stays."""


@dataclass(frozen=True, slots=True)
class Trials:
    """The number of variants, this one included, and the variance of their Sharpe ratios per session if known."""

    count: int = 1
    variance: float | None = None


def known_trials(data: Path, strategy: str, more: int = 0) -> Trials:
    """Return the variants of a strategy that were swept or backtested in a data folder, and ``more`` from elsewhere.

    Trials of sweeps with the same code of the strategy, the same parameters, exits and other rules, on the same bars,
    are one variant, in whichever sweep they are. Backtests with the same rules and code are one variant, whatever
    their dates, and none if a sweep has tried them.

    Raises:
        HistoryError: a sweep cannot be read.
    """
    variants = _Variants()
    swept = dict(_swept(variants, data / "sweeps", strategy))
    tried = {variant for variant, _ in swept}
    backtested = dict(each for each in _backtested(variants, data / "backtests", strategy) if each[0] not in tried)
    ratios = [ratio for ratio in (*backtested.values(), *swept.values()) if ratio is not None]
    count = max(1, len(backtested) + len(swept)) + more
    return Trials(count, pvariance(ratios) if len(ratios) > 1 else None)


class _Variants:
    """What identifies a variant. Rules are compared by value: ``5.0%`` is ``5%``, and a named default no change."""

    def __init__(self) -> None:
        self._defaults = {name: value_text(name, value) for name, value in all_rule_values(TradingRules()).items()}
        self._texts: dict[tuple[str, str], str] = {}

    def of(self, rules: Mapping[str, str], sources: Mapping[str, str]) -> str:
        """Return the sources of strategies and filters, and the rules that are no default, as one text."""
        texts = {name: self._text(name, text) for name, text in rules.items()}
        changes = {name: text for name, text in texts.items() if text != self._defaults.get(name)}
        code = {name: digest for name, digest in sources.items() if name != _HARU}
        return json.dumps([changes, code], sort_keys=True)

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


def _swept(variants: _Variants, sweeps: Path, strategy: str) -> Iterator[tuple[tuple[str, str], float | None]]:
    """Yield variant and data of each trial with its Sharpe ratio; that of a fleet replaces that of signals alone."""
    for store in sorted(sweeps_of(sweeps, strategy), key=lambda each: not each.sweep().alone):
        sweep, returns = store.sweep(), store.daily_returns()
        data = json.dumps([sweep.first, sweep.last, sweep.universe, store.bars()])
        for trial in store.trials():
            variant = variants.of({**sweep.rules, **trial.rules}, sweep.sources)
            yield (variant, data), _sharpe([result for _, result in returns.get(trial.number, ())])


def _backtested(variants: _Variants, backtests: Path, strategy: str) -> Iterator[tuple[str, float | None]]:
    for file in sorted(backtests.glob("*/report.json")):
        try:
            values = json.loads(file.read_bytes())
            if values["strategy"] == strategy:
                found = variants.of(values["rules"], values.get("sources", {}))
                yield found, _sharpe([float(day["net"]) for day in values["days"]])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue


def _sharpe(results: Sequence[float]) -> float | None:
    moments = moments_of(results)
    return None if moments is None else moments.sharpe
