"""A backtest: which days are played, by which processes, and what remains of it when it is interrupted."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from domain.market import Symbol
from domain.session import TradingCalendar
from history.store import BarStore
from lab.day import Order
from lab.engine import running_engine
from lab.hands import Job, bars_hash, play_all, prepare_processes
from lab.results import DayResult, Results, Settings

ENGINE: Final = "engine"

Universe = Mapping[date, Sequence[Symbol]] | Sequence[Symbol] | None
"""Symbols by date, the same symbols for every date, or every stored stock of a date."""


@dataclass(frozen=True)
class Progress:
    """How far a backtest is. ``left`` is in real seconds, None while nothing has been measured."""

    done: int
    of: int
    left: float | None
    last: DayResult | None = None


@dataclass(frozen=True)
class Backtest:
    """What a backtest needs."""

    settings: Settings
    order: Order
    calendar: TradingCalendar
    bars: Path
    folder: Path
    """Where the results of all backtests are kept."""
    universe: Universe = None
    processes: int = 1
    strategies: Path | None = None
    """Where the operator's own strategies are; every process loads them."""


async def run(
    backtest: Backtest, show: Callable[[Progress], None], *, again: bool = False
) -> tuple[Results, tuple[DayResult, ...]]:
    """Play every stored day of the stretch. ``again`` keeps the finished days of an interrupted run.

    Raises:
        HistoryError: a day cannot be read.
        EmbeddedError: PostgreSQL cannot be started.
    """
    results = Results(backtest.folder, backtest.settings)
    results.begin(again=again)
    days = _days(backtest)
    found = {
        day: result
        for day, result in (results.finished() if again else {}).items()
        if day in days and not result.fault and result.bars == bars_hash(backtest.bars, day)
    }
    left = [(day, _symbols(backtest.universe, day)) for day in days if day not in found]
    show(Progress(len(found), len(days), None))
    if left:
        await _play(backtest, results, left, found, show)
    return results, tuple(found[day] for day in sorted(found))


async def _play(
    backtest: Backtest,
    results: Results,
    left: Sequence[tuple[date, Sequence[Symbol] | None]],
    found: dict[date, DayResult],
    show: Callable[[Progress], None],
) -> None:
    job = Job(backtest.bars, backtest.order, backtest.calendar, backtest.strategies)
    prepare_processes()
    before, of = len(found), len(found) + len(left)
    async with running_engine(backtest.folder / ENGINE) as engine:
        urls = [await engine.database(f"days_{number}") for number in range(min(backtest.processes, len(left)))]
        began = time.monotonic()
        async with aclosing(play_all(urls, job, left)) as played:
            async for day in played:
                results.keep(day)
                found[day.date] = day
                done = len(found)
                per_day = (time.monotonic() - began) / (done - before)
                show(Progress(done, of, per_day * (of - done), day))


def _days(backtest: Backtest) -> tuple[date, ...]:
    first, last = date.fromisoformat(backtest.settings.first), date.fromisoformat(backtest.settings.last)
    stored = BarStore(backtest.bars).sessions(first, last)
    if isinstance(backtest.universe, Mapping):
        return tuple(day for day in stored if day in backtest.universe)
    return tuple(stored)


def _symbols(universe: Universe, day: date) -> Sequence[Symbol] | None:
    return universe.get(day, ()) if isinstance(universe, Mapping) else universe
