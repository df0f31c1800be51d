"""A backtest: which days are played, by which processes, and what remains of it when it is interrupted."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from domain.market import Symbol
from domain.session import TradingCalendar
from history.errors import HistoryError
from history.store import BarStore
from lab.day import Order
from lab.engine import Engine, held_engine, running_engine
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
    other: Sequence[str] = ()
    """The settings that differ from those of the run that was to go on; empty if it does."""


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
        HistoryError: no session of the stretch is stored, or a named stock has no bars.
        EmbeddedError: PostgreSQL cannot be started.
    """
    days = _days(backtest)
    first, last = _stretch(backtest.settings)
    if not days:
        raise HistoryError(f"no stored session from {first} to {last}; `bars list` shows what is there")
    refuse_unknown(backtest.bars, backtest.universe, first, last)
    async with held_engine(backtest.folder / ENGINE) as hold:
        results = Results(backtest.folder, backtest.settings)
        results.begin(again=again)
        found = {
            day: result
            for day, result in (results.finished() if again else {}).items()
            if day in days and not result.fault and result.bars == bars_hash(backtest.bars, day)
        }
        left = [(day, _symbols(backtest.universe, day)) for day in days if day not in found]
        other = results.differing() if again and days and not found else ()
        show(Progress(len(found), len(days), None, other=other))
        if left:
            prepare_processes()
            async with running_engine(hold) as engine, aclosing(_played(backtest, engine, left)) as played:
                before, began = len(found), time.monotonic()
                async for day in played:
                    results.keep(day)
                    found[day.date] = day
                    per_day = (time.monotonic() - began) / (len(found) - before)
                    show(Progress(len(found), len(days), per_day * (len(days) - len(found)), day))
    return results, tuple(found[day] for day in sorted(found))


async def _played(
    backtest: Backtest, engine: Engine, left: Sequence[tuple[date, Sequence[Symbol] | None]]
) -> AsyncGenerator[DayResult, None]:
    """Yield the results of the days that are left, as they finish."""
    settings = backtest.settings
    job = Job(backtest.bars, backtest.order, backtest.calendar, backtest.strategies, settings.sources)
    urls = [await engine.database(f"days_{number}") for number in range(min(backtest.processes, len(left)))]
    async with aclosing(play_all(urls, job, left)) as played:
        async for day in played:
            yield day


def refuse_unknown(bars: Path, universe: Universe, first: date, last: date) -> None:
    """Refuse named stocks without bars: the name is probably mistyped.

    Raises:
        HistoryError: a named stock has no bars of the stretch.
    """
    if universe is None or isinstance(universe, Mapping):
        return
    there = BarStore(bars).symbols_among(universe, first, last)
    if missing := sorted(set(universe) - there):
        named = ", ".join(missing)
        raise HistoryError(f"{named}: no stored bars from {first} to {last}; `bars list` shows what is there")


def _stretch(settings: Settings) -> tuple[date, date]:
    return date.fromisoformat(settings.first), date.fromisoformat(settings.last)


def _days(backtest: Backtest) -> tuple[date, ...]:
    first, last = _stretch(backtest.settings)
    stored = BarStore(backtest.bars).sessions(first, last)
    if isinstance(backtest.universe, Mapping):
        return tuple(day for day in stored if day in backtest.universe)
    return tuple(stored)


def _symbols(universe: Universe, day: date) -> Sequence[Symbol] | None:
    return universe.get(day, ()) if isinstance(universe, Mapping) else universe
