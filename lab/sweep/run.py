"""A sweep: which trials are played on which sessions, and what remains of it when it is interrupted."""

import fcntl
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from domain.market import Symbol
from history.errors import StoreBusyError
from history.store import BarStore
from lab.backtest import Universe, refuse_unknown
from lab.hands import Processes, as_finished, bars_hash, prepare_processes
from lab.sweep.hands import SweepHand, SweepJob
from lab.sweep.space import drawn, grid
from lab.sweep.windows import Window, windows_of
from lab.trials import SHARED, Sweep, Trial, TrialStore
from security.private_files import open_private, private_folder


@dataclass(frozen=True)
class SweepProgress:
    """How far a sweep is. ``left`` is in real seconds, None while nothing has been measured."""

    done: int
    of: int
    trials: int
    left: float | None
    faults: int = 0
    """Calls of strategies and filters that have failed, on the sessions played now."""


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep needs."""

    sweep: Sweep
    job: SweepJob
    folder: Path
    """Where the results of all sweeps are kept."""
    universe: Universe = None
    processes: int = 1

    @property
    def sessions(self) -> tuple[date, ...]:
        """Return the stored sessions of the stretch."""
        first, last = date.fromisoformat(self.sweep.first), date.fromisoformat(self.sweep.last)
        stored = BarStore(self.job.bars).sessions(first, last)
        if isinstance(self.universe, Mapping):
            return tuple(day for day in stored if day in self.universe)
        return tuple(stored)

    @property
    def windows(self) -> tuple[Window, ...]:
        """Return the walk-forward windows."""
        return windows_of(self.sessions, self.sweep.train, self.sweep.test, self.sweep.gap)

    def symbols(self, day: date) -> Sequence[Symbol] | None:
        """Return the universe of a session, None for every stored stock."""
        return self.universe.get(day, ()) if isinstance(self.universe, Mapping) else self.universe


Search = Callable[[SweepPlan, TrialStore, Processes, Callable[[SweepProgress], None]], Awaitable[None]]


async def run(
    plan: SweepPlan, show: Callable[[SweepProgress], None], *, again: bool = False, guided: Search | None = None
) -> TrialStore:
    """Play all trials on all sessions. ``again`` keeps what an interrupted sweep has finished.

    ``guided`` is a search that chooses its trials by the results of earlier ones.

    Raises:
        HistoryError: bars cannot be read, or another process plays this sweep.
        ProcessLostError: a process was killed.
        SourcesDifferError: the sources have changed since the command began.
    """
    sweep, store = plan.sweep, TrialStore(plan.folder / plan.sweep.id)
    refuse_unknown(plan.job.bars, plan.universe, date.fromisoformat(sweep.first), date.fromisoformat(sweep.last))
    with _held(store.folder):
        store.begin(sweep, again=again)
        prepare_processes()
        with Processes(plan.processes, SweepHand.begin, plan.job) as processes:
            await (guided or _listed)(plan, store, processes, show)
    return store


async def _listed(
    plan: SweepPlan, store: TrialStore, processes: Processes, show: Callable[[SweepProgress], None]
) -> None:
    """Play the trials of a grid, or of a draw."""
    trials = tuple(Trial(number, SHARED, rules) for number, rules in enumerate(_combinations(plan.sweep)))
    store.keep_trials(0, trials)
    await play_batch(plan, store, processes, (0, trials), show)


async def play_batch(
    plan: SweepPlan,
    store: TrialStore,
    processes: Processes,
    batch: tuple[int, Sequence[Trial]],
    show: Callable[[SweepProgress], None],
) -> None:
    """Play a batch of trials on every session that is not finished yet."""
    number, trials = batch
    finished = {day for day, bars in store.finished(number).items() if bars == bars_hash(plan.job.bars, day)}
    days = [day for day in plan.sessions if day not in finished]
    done, of, began, faults = len(finished), len(finished) + len(days), time.monotonic(), 0
    show(SweepProgress(done, of, len(trials), None))
    calls = [processes.submit(SweepHand.play, day, plan.symbols(day), trials) for day in days]
    async for results in as_finished(calls):
        for played in results:
            store.keep_day(number, played.days, played.bars)
            done, faults = done + 1, faults + played.faults
        per_day = (time.monotonic() - began) / (done - len(finished))
        show(SweepProgress(done, of, len(trials), per_day * (of - done), faults))


def _combinations(sweep: Sweep) -> Iterator[dict[str, str]]:
    return grid(sweep.parameters) if sweep.search == "grid" else drawn(sweep.parameters, sweep.trials, sweep.seed)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a sweep's folder for one process."""
    held = open_private(private_folder(folder) / "lock", os.O_RDWR)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreBusyError(f"another process plays the sweep in {folder}; wait until it has ended") from None
    else:
        yield
    finally:
        os.close(held)
