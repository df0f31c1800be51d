"""A sweep in processes: any number of them gives the same days, and an interrupted one goes on where it stopped."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.rules import StrategyRules, TradingRules
from history.errors import StoreBusyError
from lab.sources import SourcesDifferError, sources_in_use
from lab.sweep.hands import SweepJob
from lab.sweep.run import SweepPlan, SweepProgress, run
from lab.trials import Sweep, TrialStore
from runtime.strategy_loading import install_strategies
from strategies import known
from strategies.catalogue import install
from tests.lab.recorded_days import CALENDAR, DAYS, a_store

RULES = TradingRules(strategy=StrategyRules(names=("volatility_breakout",)))
SPACE = {"exits.stop_loss": ("0.5%", "2%"), "strategy.volatility_breakout.factor": ("0.3", "0.5")}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_store(tmp_path_factory.mktemp("bars")).folder


@pytest.fixture(autouse=True)
def loaded() -> Iterator[None]:
    """Load the strategies as every process does, with the hashes of their sources."""
    before = known()
    install_strategies(None)
    yield
    install(before)


def a_plan(bars: Path, folder: Path, processes: int = 1, search: str = "grid") -> SweepPlan:
    folder.chmod(0o700)
    job = SweepJob(bars, RULES, CALENDAR, workers=1, capital=50_000_000, sources=sources_in_use(RULES))
    sweep = Sweep(
        strategy="volatility_breakout",
        version="1",
        first=DAYS[0].isoformat(),
        last=DAYS[-1].isoformat(),
        search=search,
        parameters=SPACE,
        trials=4 if search == "grid" else 2,
        seed=1,
        rules={},
        workers=1,
        capital=50_000_000,
        universe="",
        train=1,
        test=1,
        gap=0,
    )
    return SweepPlan(sweep, job, folder / "sweeps", processes=processes)


def quiet(_: SweepProgress) -> None:
    """Show nothing."""


async def test_two_processes_give_the_same_days_as_one(bars: Path, tmp_path: Path) -> None:
    one = await run(a_plan(bars, tmp_path), quiet)
    first = (one.trials(), one.days())
    two = await run(a_plan(bars, tmp_path, processes=2), quiet)

    assert (two.trials(), two.days()) == first
    assert len(first[0]) == 4
    assert all([day.date for day in days] == list(DAYS) for days in first[1].values())
    assert len({tuple(day.net for day in days) for days in first[1].values()}) > 1


async def test_an_interrupted_sweep_goes_on_where_it_stopped(bars: Path, tmp_path: Path) -> None:
    whole = (await run(a_plan(bars, tmp_path), quiet)).days()
    task = asyncio.current_task()
    assert task is not None

    def interrupt(progress: SweepProgress) -> None:
        if progress.done == 1:
            task.cancel()

    plan = a_plan(bars, tmp_path)
    with pytest.raises(asyncio.CancelledError):
        await run(plan, interrupt)
    task.uncancel()
    store = TrialStore(plan.folder / plan.sweep.id)
    kept = store.finished(0)
    played: list[int] = []
    await run(plan, lambda progress: played.append(progress.done), again=True)

    assert 0 < len(kept) < len(DAYS)
    assert played[0] == len(kept)
    assert store.days() == whole


async def test_a_random_search_tries_different_combinations_of_its_seed(bars: Path, tmp_path: Path) -> None:
    store = await run(a_plan(bars, tmp_path, search="random"), quiet)

    rules = [tuple(trial.rules.items()) for trial in store.trials()]
    assert len(set(rules)) == 2
    assert len(store.days()) == 2


async def test_another_process_does_not_play_the_same_sweep(bars: Path, tmp_path: Path) -> None:
    plan = a_plan(bars, tmp_path)

    async def begins_again(_: SweepProgress) -> None:
        await run(plan, quiet)

    tried: list[asyncio.Task[None]] = []
    await run(plan, lambda progress: tried.append(asyncio.ensure_future(begins_again(progress))) if not tried else None)

    with pytest.raises(StoreBusyError, match="another process plays the sweep"):
        await tried[0]


async def test_a_process_with_other_sources_plays_nothing(bars: Path, tmp_path: Path) -> None:
    plan = a_plan(bars, tmp_path)
    job = SweepJob(bars, RULES, CALENDAR, workers=1, capital=50_000_000, sources={"haru": "other"})

    with pytest.raises(SourcesDifferError, match="haru"):
        await run(SweepPlan(plan.sweep, job, plan.folder), quiet)
