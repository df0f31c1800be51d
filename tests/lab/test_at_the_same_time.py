"""Two backtests in one data folder: the second is refused before it touches what the first has finished."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.rules import StrategyRules, TradingRules
from domain.session import SessionDate
from lab.backtest import ENGINE, Backtest, run
from lab.day import Order
from lab.recording import Gaps
from lab.results import DayResult, Results, Settings
from runtime.embedded.errors import FolderHeldError
from runtime.embedded.folder import hold_folder
from tests.lab.recorded_days import CALENDAR, DAYS, a_store

SETTINGS = Settings("volatility_breakout", "1", f"{DAYS[0]}", f"{DAYS[-1]}", {}, 1, 10_000_000, "")


@pytest.fixture
async def finished(tmp_path: Path) -> AsyncIterator[Results]:
    """A backtest that is running: it has finished a day, and holds the engine."""
    results = Results(tmp_path, SETTINGS)
    results.begin(again=False)
    results.keep(DayResult(SessionDate(DAYS[0]), "", Gaps()))
    hold = await hold_folder(tmp_path / ENGINE)
    yield results
    hold.release()


@pytest.mark.parametrize("again", [False, True])
async def test_a_second_backtest_is_refused_and_the_finished_days_stay(
    finished: Results, tmp_path: Path, *, again: bool
) -> None:
    a_store(tmp_path / "bars")
    rules = TradingRules(strategy=StrategyRules(names=("volatility_breakout",)))
    second = Backtest(SETTINGS, Order(rules, 1, 10_000_000), CALENDAR, tmp_path / "bars", tmp_path)

    with pytest.raises(FolderHeldError):
        await run(second, lambda _: None, again=again)

    assert list(finished.finished()) == [DAYS[0]]
