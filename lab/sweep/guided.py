"""A search in which earlier trials guide later ones, by Optuna. Each walk-forward window has a search of its own.

A search sees the results of its window's training sessions only. The rest of each trial is recorded for the test.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

from lab.hands import Processes
from lab.sweep.run import SweepPlan, SweepProgress, play_batch
from lab.sweep.windows import Window, between
from lab.trials import Trial, TrialStore

_AT_ONCE: Final = 10
"""Trials that a search asks for before it hears the result of any of them."""
_SILENT: Final = -1_000.0
"""The score of a trial without a trade: below that of any trial with one."""


def is_installed(package: str) -> bool:
    """Return whether an optional package can be used."""
    try:
        import_module(package)
    except ImportError:
        return False
    return True


async def search(
    plan: SweepPlan, store: TrialStore, processes: Processes, show: Callable[[SweepProgress], None]
) -> None:
    """Play the trials that the searches ask for. The same seed asks for the same trials, so a search can go on."""
    batch = 0
    for fold, window in enumerate(plan.windows):
        study = _study(plan.sweep.seed + fold)
        for first in range(0, plan.sweep.trials, _AT_ONCE):
            asked = [study.ask(_space(plan)) for _ in range(min(_AT_ONCE, plan.sweep.trials - first))]
            number = fold * plan.sweep.trials + first
            trials = [Trial(number + place, fold, _rules(plan, each.params)) for place, each in enumerate(asked)]
            store.keep_trials(batch, trials)
            await play_batch(plan, store, processes, (batch, trials), show)
            for each, value in zip(asked, _scores(store, batch, trials, window), strict=True):
                study.tell(each, value)
            batch += 1


def _study(seed: int) -> Any:
    optuna: Any = import_module("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))


def _space(plan: SweepPlan) -> dict[str, Any]:
    """Return each parameter as the place in its list, so that a search knows which values are near each other."""
    optuna: Any = import_module("optuna")
    return {
        rule: optuna.distributions.IntDistribution(0, len(texts) - 1) for rule, texts in plan.sweep.parameters.items()
    }


def _rules(plan: SweepPlan, places: dict[str, int]) -> dict[str, str]:
    return {rule: texts[places[rule]] for rule, texts in plan.sweep.parameters.items()}


def _scores(store: TrialStore, batch: int, trials: Sequence[Trial], window: Window) -> list[float]:
    days = store.days(batch)
    trained = [between(days.get(trial.number, ()), window.train) for trial in trials]
    return [each.sharpe if each.trades else _SILENT for each in trained]
