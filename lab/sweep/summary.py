"""The figures of a sweep as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any, Final

from lab.summary import FEWEST_DAYS
from lab.sweep.surface import fragility, surfaces
from lab.sweep.windows import Chosen, Figures, Window, figures, score, walked
from lab.trials import Sweep, Trial, TrialDay

MOST_BEST: Final = 10


def summary_of(
    sweep: Sweep,
    windows: Sequence[Window],
    trials: Sequence[Trial],
    days: Mapping[int, Sequence[TrialDay]],
    kernels: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the result of a sweep; ``kernels`` are those that have played it."""
    found = {trial.number: figures(days[trial.number]) for trial in trials if trial.number in days}
    ranked = ranking(trials, found)
    chosen = walked(windows, trials, days)
    tested = [day for each in chosen for day in _within(days[each.trial.number], each.window.test)]
    trained = [day for each in chosen for day in _within(days[each.trial.number], each.window.train)]
    return {
        "kind": "sweep",
        **{name: value for name, value in asdict(sweep).items() if name not in {"trials", "train", "test"}},
        "train_sessions": sweep.train,
        "test_sessions": sweep.test,
        "id": sweep.id,
        "kernels": list(kernels),
        "trials": len(trials),
        "sessions": len({day.date for of_trial in days.values() for day in of_trial}),
        "windows": [_window(sweep, each) for each in chosen],
        "train": figures_of(figures(trained)),
        "test": figures_of(figures(tested)),
        "best": [
            {
                **_trial(sweep, trial),
                **figures_of(found[trial.number]),
                "fragility": asdict(fragility(sweep.parameters, trial, trials, found)),
            }
            for trial in ranked[:MOST_BEST]
        ],
        "earning": sum(each.net > 0 for each in found.values()),
        "confirmed": [],
        "surfaces": [asdict(each) for each in surfaces(sweep.parameters, trials, found)],
    }


def ranking(trials: Sequence[Trial], found: Mapping[int, Figures]) -> list[Trial]:
    """Return the trials with different rules, the best over all sessions first."""
    order = sorted(
        (trial for trial in trials if trial.number in found),
        key=lambda trial: (score(found[trial.number]), -trial.number),
        reverse=True,
    )
    return list({tuple(sorted(trial.rules.items())): trial for trial in reversed(order)}.values())[::-1]


def figures_of(found: Figures) -> dict[str, Any]:
    """Return figures as plain values."""
    sharpe = round(found.sharpe, 3) if found.sessions >= FEWEST_DAYS else None
    return {**found._asdict(), "sharpe": sharpe, "net_bp": round(found.net_bp, 1)}


def _trial(sweep: Sweep, trial: Trial) -> dict[str, Any]:
    return {"trial": trial.number, "rules": {rule: trial.rules[rule] for rule in sweep.parameters}}


def _window(sweep: Sweep, chosen: Chosen) -> dict[str, Any]:
    window = chosen.window
    return {
        "train_from": f"{window.train[0]}",
        "train_to": f"{window.train[-1]}",
        "test_from": f"{window.test[0]}",
        "test_to": f"{window.test[-1]}",
        "tried": chosen.tried,
        **_trial(sweep, chosen.trial),
        "train": figures_of(chosen.train),
        "test": figures_of(chosen.test),
    }


def _within(days: Sequence[TrialDay], sessions: Sequence[date]) -> list[TrialDay]:
    wanted = frozenset(sessions)
    return [day for day in days if day.date in wanted]
