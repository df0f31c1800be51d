"""The store of trials: what is written is read back, and a broken or unfinished file is not taken for a result."""

from datetime import date
from pathlib import Path
from typing import Final

import pytest

from history.errors import HistoryError
from lab.trials import SHARED, Kernel, Sweep, Trial, TrialDay, TrialStore, sweeps_of

SWEEP: Final = Sweep(
    strategy="momentum",
    version="2",
    first="2025-11-17",
    last="2025-11-18",
    search="grid",
    parameters={"exits.stop_loss": ["1%", "2%"]},
    trials=2,
    seed=0,
    rules={},
    workers=1,
    capital=1_000_000,
    universe="",
    train=1,
    test=1,
    gap=0,
)
DAYS: Final = (date(2025, 11, 17), date(2025, 11, 18))
TRIALS: Final = (Trial(0, SHARED, {"exits.stop_loss": "1%"}), Trial(1, SHARED, {"exits.stop_loss": "2%"}))


def a_store(folder: Path, sweep: Sweep = SWEEP) -> TrialStore:
    folder.chmod(0o700)
    store = TrialStore(folder / sweep.id)
    store.begin(sweep, again=False)
    store.keep_trials(0, TRIALS)
    for day in DAYS:
        played = [TrialDay(0, day, kernel=Kernel.COMPILED), TrialDay(1, day, 2, 1, 300, -500, 10_000, Kernel.FUNCTIONS)]
        store.keep_day(0, played, "hash")
    return store


def test_trials_and_their_days_are_read_back(tmp_path: Path) -> None:
    store = a_store(tmp_path)

    assert store.sweep() == SWEEP
    assert store.trials() == TRIALS
    assert store.days()[1] == [TrialDay(1, day, 2, 1, 300, -500, 10_000) for day in DAYS]
    assert store.daily_returns() == {0: [(day, 0.0) for day in DAYS], 1: [(day, -0.0005) for day in DAYS]}
    assert store.finished(0) == dict.fromkeys(DAYS, "hash")
    assert store.finished(1) == {}


def test_the_kernels_that_played_are_kept(tmp_path: Path) -> None:
    store = a_store(tmp_path)

    assert store.kernels() == ("compiled", "functions")
    (store.folder / "days" / f"00000-{DAYS[0]}.parquet").write_bytes(b"PAR1")
    assert store.kernels() == (), "a file that says nothing about it"


def test_a_broken_day_is_played_again(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    (store.folder / "days" / f"00000-{DAYS[0]}.parquet").write_bytes(b"PAR1")

    assert store.finished(0) == {DAYS[1]: "hash"}


def test_a_sweep_begins_without_the_trials_of_an_earlier_one_unless_it_goes_on(tmp_path: Path) -> None:
    store = a_store(tmp_path)

    store.begin(SWEEP, again=True)
    assert len(store.trials()) == 2
    store.begin(SWEEP, again=False)
    assert store.trials() == ()
    assert store.days() == {}


def test_all_sweeps_of_a_strategy_are_found(tmp_path: Path) -> None:
    a_store(tmp_path)
    a_store(tmp_path, Sweep(**{**SWEEP.__dict__, "version": "1"}))
    a_store(tmp_path, Sweep(**{**SWEEP.__dict__, "strategy": "other"}))

    found = sweeps_of(tmp_path, "momentum")

    assert sorted(store.sweep().version for store in found) == ["1", "2"]
    assert sum(len(store.trials()) for store in found) == 4
    assert sweeps_of(tmp_path / "none", "momentum") == []


def test_settings_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    (store.folder / "sweep.json").write_text("{")

    with pytest.raises(HistoryError, match=r"sweep\.json cannot be read"):
        store.sweep()
