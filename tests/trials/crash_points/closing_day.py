"""One afternoon that its market close must end: the workers are gone or stuck before they have sold."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.clock import MarketClock
from domain.worker_state import WorkerLife
from lab.books import book_of, frozen_books, submits_of
from lab.runs import StuckError
from tests.support.stepping import ACCOUNT, SteppingPace, kst
from tests.trials.clockwork.frozen import FreezableClockwork
from tests.trials.clockwork.host import Host
from tests.trials.clockwork.town import Town
from tests.trials.crash_points.closing_plots import ClosingPlot, EveningStreet, Left, an_evening_market
from tests.trials.crash_points.day import PLAN, STEPS, WORKFLOW
from verifier.books import Books
from workflows.close_outcome import CloseOutcome, MarketCloseRequest
from workflows.identity import worker_name, worker_workflow_id
from workflows.market_close import MarketCloseWorkflow
from workflows.trading_worker import TradingWorkerWorkflow

DAY: Final = "2026-11-23"
CLOSES_AT: Final = "15:15"
_STEPS: Final = {
    **STEPS,
    "follow_order": timedelta(seconds=15),
    "finish_sale": timedelta(seconds=15),
    "enter_position": timedelta(seconds=15),
    "watch_scans": timedelta(seconds=15),
}
"""Orders of the evening rest for a long time. A worker's wish to scan is seen before workers leave a minute later."""
_LONGEST: Final = timedelta(hours=7)


@dataclass(frozen=True, slots=True)
class Closing:
    """A finished close: its workflow id and its result."""

    workflow_id: str
    outcome: CloseOutcome


@dataclass
class ClosedDay:
    """A finished day, to be judged."""

    plot: ClosingPlot
    host: Host
    closings: Sequence[Closing]
    books: Books
    faults_hit: int
    steps: int = 0
    """How many attempts the first of several closes had made when the next one began."""

    @property
    def crossings(self) -> list[str]:
        """Return the crossings of the first process from the close's start on."""
        return self.host.processes[0].life.crossings


def on_the_day(time: str) -> datetime:
    """Return an instant of the played day, given in Korean time."""
    return kst(f"{DAY} {time}")


class Afternoon:
    """One day: workers that have bought and left, and the closes that are started on it."""

    def __init__(self, town: Town, plot: ClosingPlot) -> None:
        self.plot = plot
        self.clock = MarketClock(kst(plot.starts_at), kst(plot.starts_at))
        pace = SteppingPace(self.clock, _STEPS)
        self.simulation = an_evening_market(plot, pace.now)
        self.street = EveningStreet(self.simulation, plot, pace.now)
        self.host = town.host_on(self.street, pace)
        self.clockwork = self.host.clockwork = FreezableClockwork(kst(plot.starts_at), self.host.attempt)
        self.steps = 0
        self._town = town
        self._closings: list[Closing] = []

    async def begin(self) -> None:
        """Start the workers on empty books."""
        await self._town.clear()
        for number in range(self.plot.stocks):
            self.start_worker(number)

    def start_worker(self, number: int) -> None:
        """Start the worker of a stock."""
        life = WorkerLife(ACCOUNT, worker_name(number + 1), self.plot.rules_of(number), self.clock)
        self.clockwork.start(TradingWorkerWorkflow.run, life, workflow_of(number))

    async def come_to(self, ends_at: int | str = 0, *, closes_at: str = CLOSES_AT) -> None:
        """Let the workers buy and leave until the close is due; crossings are counted from here on."""
        await self.begin()
        leaves_at, closes_at_instant = on_the_day(self.plot.leaves_at), on_the_day(closes_at)
        self.clockwork.at(leaves_at, self._workers_leave)
        await self.clockwork.until(lambda: False, min(leaves_at, closes_at_instant))
        self.simulation.add_fault(**self.plot.fault) if self.plot.fault else None
        if leaves_at < closes_at_instant:
            await self.clockwork.until(lambda: False, closes_at_instant)
        self.host.processes[0].life.begin_counting(ends_at)

    def start_close(self, workflow_id: str = "market-close") -> None:
        """Start a close here and now."""
        request = MarketCloseRequest(ACCOUNT, self.clock, self.plot.rules_of(0))
        self.clockwork.start(MarketCloseWorkflow.run, request, workflow_id)

    async def ends(self, workflow_id: str = "market-close") -> CloseOutcome:
        """Wait for the end of a close."""
        run = self.clockwork.runs.get(workflow_id) or next(
            each for each in self.clockwork.past if each.workflow_id == workflow_id
        )
        await self.until(lambda: run.is_over)
        if not run.is_over:
            raise StuckError(f"{workflow_id} has not ended")
        outcome: CloseOutcome = run.result
        self._closings.append(Closing(workflow_id, outcome))
        return outcome

    async def judged(self) -> ClosedDay:
        """Read all books."""
        submits = submits_of(self.host.submits, WORKFLOW)
        books = await frozen_books(self._town.database, await book_of(self.simulation), PLAN, submits)
        hits = sum(rule.hits for rule in self.simulation.faults.rules)
        return ClosedDay(self.plot, self.host, tuple(self._closings), books, hits, self.steps)

    async def until(self, is_over: Callable[[], bool]) -> None:
        """Advance time until a condition holds; stuck workers return at their time."""
        latest = self.clockwork.now + _LONGEST
        if self.plot.returns_at and self.clockwork.now < on_the_day(self.plot.returns_at):
            await self.clockwork.until(lambda: False, on_the_day(self.plot.returns_at))
            for number in range(self.plot.stocks):
                await self.clockwork.thaw(workflow_of(number))
        await self.clockwork.until(is_over, latest)

    def _workers_leave(self) -> None:
        leave = self.clockwork.terminate if self.plot.left is Left.GONE else self.clockwork.freeze
        for number in range(self.plot.stocks):
            leave(workflow_of(number))
        if self.plot.left is Left.GONE and not self.plot.is_watched:
            for workflow_id in [each for each in self.clockwork.runs if each.startswith("market-watch/")]:
                self.clockwork.terminate(workflow_id)


Close = Callable[[Afternoon], Awaitable[None]]


async def close_once(afternoon: Afternoon) -> None:
    """Let one close end the day."""
    afternoon.start_close()
    await afternoon.ends()


async def play(
    town: Town, plot: ClosingPlot, ends_at: int | str = 0, close: Close = close_once, *, closes_at: str = CLOSES_AT
) -> ClosedDay:
    """Play a day to its end; the process dies at a crossing of the close, 0 for never."""
    afternoon = Afternoon(town, plot)
    try:
        await afternoon.come_to(ends_at, closes_at=closes_at)
        await close(afternoon)
        return await afternoon.judged()
    finally:
        afternoon.clockwork.close()


def workflow_of(number: int) -> str:
    """Return the workflow id of a stock's worker."""
    return worker_workflow_id(ACCOUNT, worker_name(number + 1))
