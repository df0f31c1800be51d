"""How many variants × stock-days a sweep plays in a second on two cores, beside plain loops over the same bars.

The rates count the processor time of the slower of two processes, so that they hold on a busy machine too.
"""

import asyncio
import random
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from itertools import product
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Self

from domain.bar import DailyBar, MinuteBar
from domain.market import Symbol
from domain.rules import ExitRules, StrategyRules, TradingRules
from domain.tick_size import round_down
from exchange.calendar import krx_calendar
from history.store import BarStore
from lab.hands import collect_rarely
from lab.recording import RecordedSession
from lab.sweep.alone import AloneSession, AloneTrials
from lab.sweep.hands import SweepJob, plan_of, recorded_of
from lab.sweep.kernel import play_variant
from lab.sweep.scene import Scene
from tools.bench import loops
from tools.bench.figures import Figure

_CORES: Final = 2
_CAPITAL: Final = 100_000_000
_UNIT: Final = "variants × stock-days/s"
_STRATEGIES: Final = {"volatility_breakout": ("factor", "0.{:03}"), "momentum": ("rise", "0.{:03}%")}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where recorded bars are (None: drawn ones), and how much is played."""

    bars: Path | None = None
    sets: int = 1_000
    functions: int = 1_080
    sessions: int = 1_000


QUICK: Final = Wanted(sets=20, functions=4, sessions=2)


async def measure(home: Path, wanted: Wanted) -> list[Figure]:
    """Return the rates of the functions, of the compiled kernel for each built-in rule, and of the floors."""
    return await asyncio.to_thread(_measured, home, wanted)


def _measured(home: Path, wanted: Wanted) -> list[Figure]:
    bars = wanted.bars or _drawn(home / "bars", min(wanted.sessions, 20))
    days = BarStore(bars).sessions()[: wanted.sessions]
    figures = []
    with _Pair(bars, days, wanted) as pair:
        floors = {name: pair.play(("floor", name)) for name in ("plain", "numpy", "numba")}
        floor = floors["numpy"].rate
        for name, each in floors.items():
            text = f"floor: {name} loop" if each.count else f"floor: {name} is not installed"
            figures.append(Figure("sweep", text, _UNIT, (each.rate,) if each.count else ()))
        for strategy in _STRATEGIES:
            for kind in ("exits", "entries", "both"):
                name = f"{strategy}: compiled, {wanted.sets:,} sets of {_KINDS[kind]}"
                played = pair.play((kind, strategy))
                figures.append(Figure("sweep", name, _UNIT, (played.rate,), floor))
                if kind == "exits":
                    figures.append(Figure("sweep", f"{name}: processor", "s", (played.processor,), aim=1.0))
                    figures.append(Figure("sweep", f"{name}: by the clock", "s", (played.seconds,)))
        figures.append(Figure("sweep", "most memory of a process", "MB", (pair.memory(),), aim=500.0))
        for strategy in _STRATEGIES:
            name = f"{strategy}: pure functions, {wanted.functions:,} sets of exits"
            figures.append(Figure("sweep", name, _UNIT, (pair.play(("functions", strategy)).rate,), floor))
    return figures


_KINDS: Final = {"exits": "exits", "entries": "entries", "both": "entries and exits"}


@dataclass(frozen=True, slots=True)
class _Played:
    """Variants × stock-days of all processes, seconds by the clock, and the processor seconds of the slower process."""

    count: int
    seconds: float
    processor: float

    @property
    def rate(self) -> float:
        """Return the rate on cores that nothing else uses."""
        return self.count / self.processor if self.processor else 0.0


class _Pair:
    """Processes that have read their sessions and play what they are asked for, all at once."""

    def __init__(self, bars: Path, days: Sequence[date], wanted: Wanted) -> None:
        context = get_context("spawn")
        self._ends, self._processes = [], []
        for place in range(_CORES):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, bars, days[place::_CORES], wanted), daemon=True)
            process.start()
            self._ends.append(ours)
            self._processes.append(process)

    def __enter__(self) -> Self:
        for end in self._ends:
            end.recv()
        return self

    def __exit__(self, *_: object) -> None:
        for end, process in zip(self._ends, self._processes, strict=True):
            end.close()
            process.join()

    def play(self, asked: tuple[str, str]) -> _Played:
        for end in self._ends:
            end.send(("prepare", asked))
        for end in self._ends:
            end.recv()
        began = time.perf_counter()
        for end in self._ends:
            end.send(("play", asked))
        counts, processor = zip(*(end.recv() for end in self._ends), strict=True)
        return _Played(sum(counts), time.perf_counter() - began, max(processor))

    def memory(self) -> float:
        for end in self._ends:
            end.send(("memory", ("", "")))
        return float(max(end.recv() for end in self._ends))


def _serve(end: Connection, bars: Path, days: Sequence[date], wanted: Wanted) -> None:
    """Read the sessions, then prepare and play what is asked for until the other end is closed."""
    collect_rarely()
    half = _Half(bars, days, wanted)
    end.send("ready")
    play: Callable[[], int] = int
    while True:
        try:
            what, asked = end.recv()
        except EOFError:
            return
        if what == "prepare":
            play = half.prepared(*asked)
            end.send("ready")
        elif what == "play":
            before = time.process_time()
            end.send((play(), time.process_time() - before))
        else:
            end.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


class _Half:
    """The sessions of one process."""

    def __init__(self, bars: Path, days: Sequence[date], wanted: Wanted) -> None:
        calendar = krx_calendar(days[0].year - 1, days[-1].year + 1)
        self._job = SweepJob(bars, TradingRules(), calendar, 1, _CAPITAL)
        self._wanted, self._store, self._days = wanted, BarStore(bars), days
        self._sessions: list[AloneSession] = []
        for recorded in map(self._read, days):
            if recorded is not None:
                plan = plan_of(self._job, recorded)
                self._sessions.append(AloneSession(recorded, plan, _CAPITAL, _no_scene))
        self._count = sum(len(each.columns.stocks) for each in self._sessions)

    def prepared(self, kind: str, name: str) -> Callable[[], int]:
        if kind == "floor":
            return self._floor(name)
        if kind == "functions":
            recorded = self._read(self._days[len(self._days) // 2])
            rules = list(_exit_sets(self._rules(name), self._wanted.functions))
            return (lambda: 0) if recorded is None else partial(self._by_functions, recorded, rules)
        trials = AloneTrials(list(enumerate(_sets(kind, self._rules(name), self._wanted.sets))))
        for session in self._sessions:
            session.columns.kept.clear()
        return partial(self._compiled, trials)

    def _compiled(self, trials: AloneTrials) -> int:
        for session in self._sessions:
            session.days(trials)
        return self._count * len(trials.numbers)

    def _by_functions(self, recorded: RecordedSession, rules: Sequence[TradingRules]) -> int:
        scene = Scene(recorded, plan_of(self._job, recorded), _CAPITAL, self._job.calendar)
        for each in rules:
            play_variant(scene, each, 1, _CAPITAL)
        return len(recorded.stocks) * len(rules)

    def _floor(self, name: str) -> Callable[[], int]:
        play: loops.Play | None = loops.numba() if name == "numba" else getattr(loops, name)
        sets = list(_plain_sets(self._wanted.sets if name != "plain" else max(1, self._wanted.sets // 100)))
        columns = [each.columns for each in self._sessions]
        tables: list[Any] = [
            [getattr(each, name).astype(float) for each in columns] for name in ("opens", "highs", "lows", "closes")
        ]
        if name == "plain":
            tables = [[each.tolist() for each in table] for table in tables]

        def run() -> int:
            if play is None:
                return 0
            for session in zip(*tables, strict=True):
                play(*session, sets)
            return self._count * len(sets)

        return run

    def _read(self, day: date) -> RecordedSession | None:
        return recorded_of(self._job, self._store, day, None)

    def _rules(self, strategy: str) -> TradingRules:
        return replace(self._job.rules, strategy=StrategyRules(names=(strategy,)))


def _no_scene() -> Scene:
    raise AssertionError("the entries of the built-in strategies are data")


def _sets(kind: str, rules: TradingRules, count: int) -> Iterator[TradingRules]:
    """Yield sets that differ in exits, in a parameter of the entry rule, or in both: a fiftieth of them entries."""
    if kind == "exits":
        yield from _exit_sets(rules, count)
        return
    of_exits = 1 if kind == "entries" else min(20, count)
    for number in range(count // of_exits):
        (strategy,) = rules.strategy.names
        parameter, form = _STRATEGIES[strategy]
        text = form.format(200 + number * 700 * of_exits // count)
        own = StrategyRules(names=(strategy,), parameters=((f"{strategy}.{parameter}", text),))
        yield from _exit_sets(replace(rules, strategy=own), of_exits)


def _exit_sets(rules: TradingRules, count: int) -> Iterator[TradingRules]:
    values = product(range(10), range(9), range(6), range(2))
    for _, (stop, target, trail, hold) in zip(range(count), values, strict=False):
        exits = ExitRules(
            stop_loss=Decimal(stop + 1) / 200,
            take_profit=Decimal(target + 1) / 200,
            trailing_start=Decimal(trail) / 100,
            trailing_distance=Decimal(trail + 1) / 200,
            longest_holding=timedelta(hours=hold + 1),
        )
        yield replace(rules, exits=exits)


def _plain_sets(count: int) -> Iterator[tuple[float, float, int]]:
    for _, (stop, target, hold) in zip(range(count), product(range(10), range(10), range(10)), strict=False):
        yield 1 - (stop + 1) / 200, 1 + (target + 1) / 200, 30 * (hold + 1)


def _drawn(folder: Path, sessions: int) -> Path:
    """Write drawn days of forty stocks, and return their store."""
    store, calendar = BarStore(folder), krx_calendar(2024, 2027)
    days = [day for number in range(2 * sessions) if calendar.session_on(day := date(2025, 11, 3) + timedelta(number))]
    with store.writing():
        for day in days[:sessions]:
            before, minutes = calendar.session_before(day).date, dict[Symbol, list[MinuteBar]]()
            daily: dict[Symbol, list[DailyBar]] = {}
            for number in range(40):
                symbol, base = Symbol(f"{number * 10:06}"), int(round_down(3_000 * (number + 2)))
                minutes[symbol] = list(_minutes(random.Random(f"{day}{number}"), base))  # noqa: S311 - drawn bars
                earlier = DailyBar(before, base, base * 51 // 50, base * 49 // 50, base, 1_000_000, None, base)
                daily[symbol] = [earlier, DailyBar(day, base, base, base, base, 1, None, base)]
            store.write_daily(daily)
            store.write_day(day, minutes)
    return folder


def _minutes(chance: random.Random, base: int) -> Iterator[MinuteBar]:
    price = float(base)
    for minute in range(380):
        after = min(max(price * (1 + chance.gauss(0.00005, 0.002)), base * 0.75), base * 1.25)
        prices = (price, max(price, after), min(price, after), after)
        opened, high, low, closed = (int(round_down(int(each))) for each in prices)
        yield MinuteBar(540 + minute, opened, high, low, closed, chance.randrange(2_000, 40_000))
        price = after
