"""A search by Optuna: every trial is recorded, by window, and the same seed asks for the same trials again."""

from pathlib import Path

import pytest

from lab.sweep.guided import search
from lab.sweep.run import run
from lab.sweep.summary import summary_of
from tests.lab.test_sweep_run import a_plan, bars, loaded, quiet

pytest.importorskip("optuna")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
__all__ = ["bars", "loaded"]


async def test_a_guided_search_records_every_trial_of_every_window_and_goes_on(bars: Path, tmp_path: Path) -> None:
    plan = a_plan(bars, tmp_path, search="optuna")

    store = await run(plan, quiet, guided=search)

    trials = store.trials()
    assert [(trial.number, trial.fold) for trial in trials] == [(0, 0), (1, 0), (2, 1), (3, 1)]
    assert set(store.days()) == {0, 1, 2, 3}
    values = summary_of(plan.sweep, plan.windows, trials, store.days())
    assert [each["tried"] for each in values["windows"]] == [2, 2]
    done: list[int] = []
    again = await run(plan, lambda progress: done.append(progress.done), again=True, guided=search)
    assert again.trials() == trials
    assert done == [3, 3]
