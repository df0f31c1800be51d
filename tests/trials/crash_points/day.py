"""One day of one worker: it trades once, the market closes, and at one crossing the process dies."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.clock import MarketClock
from domain.close_plan import CloseLeads, plan_session
from domain.worker_state import WorkerLife
from lab.books import book_of, frozen_books, submits_of
from lab.clockwork import Clockwork
from simulator.simulation import Simulation
from tests.support.stepping import ACCOUNT, CALENDAR, SteppingPace, kst
from tests.trials.clockwork.host import Host
from tests.trials.clockwork.town import Town
from tests.trials.crash_points.market import STARTS_AT, Plot, Street, a_market
from verifier.books import Books
from workflows.close_outcome import CloseOutcome, MarketCloseRequest
from workflows.commands import WorkerStatus
from workflows.identity import worker_name, worker_workflow_id
from workflows.market_close import MarketCloseWorkflow
from workflows.trading_worker import TradingWorkerWorkflow

CLOSES_AT: Final = "2026-11-23 15:15"
PLAN: Final = plan_session(CALENDAR.session_at_or_after(kst(STARTS_AT)), CloseLeads(), 1)
WORKER: Final = worker_name(1)
WORKFLOW: Final = worker_workflow_id(ACCOUNT, WORKER)
_CLOSE: Final = "market-close"
STEPS: Final = {
    "find_candidates": timedelta(minutes=4),
    "watch_scans": timedelta(minutes=4),
    "watch_position": timedelta(minutes=2),
    "watch_market": timedelta(minutes=2),
    "follow_order": timedelta(seconds=2),
    "enter_position": timedelta(seconds=2),
    "finish_sale": timedelta(seconds=2),
}


@dataclass
class Case:
    """A finished day, to be judged."""

    plot: Plot
    host: Host
    outcome: CloseOutcome
    books: Books
    worker: WorkerStatus
    faults_hit: int

    @property
    def crossings(self) -> list[str]:
        """Return the crossings of the first process."""
        return self.host.processes[0].life.crossings


async def play(town: Town, plot: Plot, ends_at: int | str = 0) -> Case:
    """Play a day to its end; the first process dies at a crossing, given by number or name, 0 for never."""
    await town.clear()
    clock = MarketClock(kst(STARTS_AT), kst(STARTS_AT))
    simulation, pace = a_market(plot), SteppingPace(clock, STEPS)
    street = Street(simulation, plot, pace.now)
    host = town.host_on(street, pace, ends_at)
    clockwork = host.clockwork = Clockwork(kst(STARTS_AT), host.attempt)
    clockwork.start(TradingWorkerWorkflow.run, WorkerLife(ACCOUNT, WORKER, plot.rules, clock), WORKFLOW)
    try:
        await clockwork.until(lambda: False, kst(CLOSES_AT))
        clockwork.start(MarketCloseWorkflow.run, MarketCloseRequest(ACCOUNT, clock, plot.rules), _CLOSE)
        outcome = await clockwork.result(_CLOSE, kst(CLOSES_AT) + timedelta(hours=2))
        worker = clockwork.query(WORKFLOW, TradingWorkerWorkflow.status)
    finally:
        clockwork.close()
    books = await frozen_books(town.database, await book_of(simulation), PLAN, submits_of(host.submits, WORKFLOW))
    return Case(plot, host, outcome, books, worker, _hits(simulation))


def _hits(simulation: Simulation) -> int:
    return sum(rule.hits for rule in simulation.faults.rules if rule.count)
