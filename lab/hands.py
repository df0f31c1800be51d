"""The processes of a backtest: each plays whole days, one after the other, in a database of its own."""

import asyncio
import gc
import hashlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from multiprocessing import forkserver
from multiprocessing.connection import wait as wait_for
from multiprocessing.context import ForkServerContext
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Final, Self, TypeVar

from domain.market import Symbol
from domain.rules import TradingRules
from domain.session import SessionDate, TradingCalendar
from history.store import BarStore
from lab.day import LabBooks, Order, play
from lab.recording import Gaps, read_session
from lab.results import DayResult, result_of
from lab.sources import SourcesDifferError, differing, sources_in_use
from runtime.strategy_loading import install_strategies

T = TypeVar("T")

_YOUNG_OBJECTS: Final = 100_000
"""New objects after which the collector looks at them; usual are some hundreds."""
_GENERATIONS: Final = 20
"""Collections of a generation before the next older one is collected too."""


class ProcessLostError(Exception):
    """A process of a backtest, or its PostgreSQL, was killed: by an operator, or for want of memory."""


@dataclass(frozen=True)
class Job:
    """Everything that a process needs to play days."""

    bars: Path
    order: Order
    calendar: TradingCalendar
    strategies: Path | None = None
    """Where the operator's own strategies are."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """The hashes of the parent's sources."""


def bars_hash(bars: Path, day: date) -> str:
    """Return a hash of a day's stored minutes, and of the daily bars that they refer to."""
    daily = tuple((file, file.stat().st_mtime_ns) for file in sorted((bars / "daily").glob("*.parquet")))
    digest = _digest_of(daily).copy()
    for file in (bars / folder / f"{day}.parquet" for folder in ("minute", "index")):
        digest.update(file.read_bytes() if file.exists() else b"")
    return digest.hexdigest()[:16]


@lru_cache(maxsize=1)
def _digest_of(files: tuple[tuple[Path, int], ...]) -> "hashlib._Hash":
    """Return a hash over files, which are read again only after a change."""
    digest = hashlib.sha256()
    for file, _ in files:
        digest.update(file.read_bytes())
    return digest


def begin_process(strategies: Path | None, rules: TradingRules, sources: Mapping[str, str]) -> Sequence[str]:
    """Prepare a process of a backtest or sweep; return the sources that differ from its parent's.

    Interrupts are the parent's; without a parent the process ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logging.basicConfig(handlers=[logging.NullHandler()])
    install_strategies(strategies)
    return differing(sources, sources_in_use(rules))


class Hand:
    """One process. The pool calls ``begin`` once, then ``play`` for each of its days."""

    job: Job
    loop: asyncio.AbstractEventLoop
    books: LabBooks
    store: BarStore
    other: Sequence[str] = ()
    """The sources that differ from the parent's."""

    @classmethod
    def begin(cls, urls: "SimpleQueue[str]", job: Job) -> None:
        """Open the process's own database."""
        cls.other = begin_process(job.strategies, job.order.rules, job.sources)
        cls.job, cls.loop = job, asyncio.new_event_loop()
        cls.books = LabBooks(urls.get())
        cls.store = BarStore(job.bars)
        collect_rarely()

    @classmethod
    def play(cls, day: date, symbols: Sequence[Symbol] | None) -> DayResult:
        """Play one day.

        Raises:
            SourcesDifferError: the sources have changed since the parent read them.
        """
        if cls.other:
            raise SourcesDifferError(", ".join(cls.other))
        return cls.loop.run_until_complete(played(cls.books, cls.store, cls.job, day, symbols))


async def played(books: LabBooks, store: BarStore, job: Job, day: date, symbols: Sequence[Symbol] | None) -> DayResult:
    """Play a day and judge it; a day that cannot be played to its end is a result with a fault.

    Raises:
        ProcessLostError: the database is gone, so no other day can be played either.
    """
    began, bars = time.monotonic(), bars_hash(job.bars, day)
    session = job.calendar.session_on(day)
    if session is None:
        return DayResult(SessionDate(day), bars, Gaps(), fault="the exchange is closed on this date")
    gaps = Gaps()
    try:
        recorded = read_session(store, session, symbols)
        gaps = recorded.gaps
        if not recorded.stocks:
            return DayResult(SessionDate(day), bars, gaps)
        found = await play(books, recorded, job.order, job.calendar)
    except Exception as error:
        if not await books.answers():
            raise ProcessLostError("PostgreSQL does not answer any more") from error
        return DayResult(SessionDate(day), bars, gaps, fault=f"{type(error).__name__}: {error}")
    return result_of(found, bars, time.monotonic() - began)


def collect_rarely() -> None:
    """Do not search the program itself for garbage, and a day's objects rarely: nearly all go by their references."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, _GENERATIONS, _GENERATIONS)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def prepare_processes() -> None:
    """Start the process from which those of a backtest are forked; it imports the program once, for all of them."""
    _context()
    forkserver.ensure_running()


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__])
    return context


async def play_all(
    urls: Sequence[str], job: Job, days: Sequence[tuple[date, Sequence[Symbol] | None]]
) -> AsyncGenerator[DayResult, None]:
    """Yield the results of days as they finish, from one process for each database.

    Raises:
        ProcessLostError: a process was killed.
        SourcesDifferError: a process has other sources than this one.
    """
    # No name for the queue here: a frame that an interrupt keeps alive would keep its semaphores too.
    with Processes(len(urls), Hand.begin, _queue_of(urls), job) as processes:
        async for results in as_finished([processes.submit(Hand.play, *day) for day in days]):
            for result in sorted(results, key=lambda result: result.date):
                yield result


def _queue_of(urls: Sequence[str]) -> "SimpleQueue[str]":
    queue = _context().SimpleQueue()
    for url in urls:
        queue.put(url)
    return queue


async def as_finished(futures: "Iterable[Future[T]]") -> AsyncGenerator[list[T], None]:
    """Yield the results of calls as they finish, all that have finished meanwhile at once.

    Raises:
        ProcessLostError: a process was killed.
    """
    left = {asyncio.wrap_future(each) for each in futures}
    for each in left:
        each.add_done_callback(_seen)
    while left:
        done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        yield [_result(each) for each in done]


class Processes:
    """The pool of processes. Once it is left nothing refers to it, so that its semaphores are removed."""

    def __init__(self, count: int, begin: Callable[..., None], *about: object) -> None:
        pool = ProcessPoolExecutor(count, _context(), initializer=begin, initargs=about)
        self._pool: ProcessPoolExecutor | None = pool

    def submit(self, call: Callable[..., T], *about: object) -> "Future[T]":
        """Let a process make a call."""
        assert self._pool is not None  # noqa: S101 - it is used before it is left
        return self._pool.submit(call, *about)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Shut the pool down; after an error an unfinished day is not waited for."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if kind is not None:
            for process in list((pool._processes or {}).values()):  # noqa: SLF001 - it cannot end running calls
                process.kill()
        pool.shutdown(cancel_futures=kind is not None)


def _result(played: "asyncio.Future[T]") -> T:
    try:
        return played.result()
    except BrokenProcessPool as error:
        raise ProcessLostError("a process has ended before its day") from error


def _seen(played: "asyncio.Future[T]") -> None:
    """Take note of the error of a day that is not waited for any more."""
    if not played.cancelled():
        played.exception()
