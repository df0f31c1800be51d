"""One day of one worker: it trades once, the market closes, and at one crossing the process dies."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
from pydantic import SecretStr

from broker.kis import KisBroker, KisConnection
from broker.protocol import AccessToken
from composition import Collaborators
from database.database import Database
from database.pool import Pool, open_pool
from domain.clock import MarketClock
from domain.close_plan import CloseLeads, plan_session
from domain.identity import SIMULATED_ACCOUNT, Environment, IntentId
from domain.worker_state import WorkerLife
from simulator.simulation import Simulation
from tests.broker.parts import APP_KEY, APP_SECRET, Budget
from tests.clockwork.clockwork import Clockwork
from tests.crash_points.host import Host, Process, activities_of
from tests.crash_points.market import STARTS_AT, Plot, Street, a_market
from tests.crash_points.mortal import Life, MortalPool, MortalTransport
from tests.database.emptying import EMPTY_EVERYTHING
from tests.stepping import ACCOUNT, CALENDAR, FINGERPRINT, SteppingPace, kst
from verifier.books import Books, BrokerBook, Histories, Submit
from verifier.reading import Sources, _ledger
from workflows.commands import WorkerStatus
from workflows.identity import worker_name, worker_workflow_id
from workflows.market_close import CloseOutcome, CloseRequest, MarketCloseWorkflow
from workflows.trading_worker import TradingWorkerWorkflow

CLOSES_AT: Final = "2026-11-23 15:15"
WORKER: Final = worker_name(1)
WORKFLOW: Final = worker_workflow_id(ACCOUNT, WORKER)
_CLOSE: Final = "market-close"
STEPS: Final = {
    "find_candidates": timedelta(minutes=4),
    "watch_position": timedelta(minutes=2),
    "follow_order": timedelta(seconds=2),
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
        """Return where the first process went."""
        return self.host.processes[0].life.crossings


class Town:
    """A database that many days share, one after the other."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.database = Database(pool)

    async def play(self, plot: Plot, ends_at: int | str = 0) -> Case:
        """Play a day to its end; the first process dies at a crossing, told by number or name, 0 for never."""
        await self.clear()
        clock = MarketClock(kst(STARTS_AT), kst(STARTS_AT))
        simulation, pace = a_market(plot), SteppingPace(clock, STEPS)
        street = Street(simulation, plot, pace.now)
        host = self.host_on(street, pace, ends_at)
        clockwork = host.clockwork = Clockwork(kst(STARTS_AT), host.attempt)
        clockwork.start(TradingWorkerWorkflow.run, WorkerLife(ACCOUNT, WORKER, plot.rules, clock), WORKFLOW)
        try:
            await clockwork.until(lambda: False, kst(CLOSES_AT))
            clockwork.start(MarketCloseWorkflow.run, CloseRequest(ACCOUNT, clock, plot.rules), _CLOSE)
            outcome = await clockwork.result(_CLOSE, kst(CLOSES_AT) + timedelta(hours=2))
            worker = clockwork.query(WORKFLOW, TradingWorkerWorkflow.status)
        finally:
            clockwork.close()
        books = await frozen_books(self.database, await street.book(), host.submits)
        return Case(plot, host, outcome, books, worker, _hits(simulation))

    def host_on(self, street: httpx.AsyncBaseTransport, pace: SteppingPace, ends_at: int | str = 0) -> Host:
        """Return a host whose processes go to this street; the first of them dies at a crossing, 0 for never."""
        return Host(lambda life: Process(life, activities_of(self._collaborators(life, street, pace))), ends_at)

    def _collaborators(self, life: Life, street: httpx.AsyncBaseTransport, pace: SteppingPace) -> Collaborators:
        database = Database(MortalPool(self.pool, life))  # type: ignore[arg-type]
        number, product = SIMULATED_ACCOUNT.split("-")
        connection = KisConnection(
            environment=Environment.SIMULATED,
            trading_url="http://simulator",
            app_key=SecretStr(APP_KEY),
            app_secret=SecretStr(APP_SECRET[:180].ljust(180, "s")),
            account_number=SecretStr(number),
            product_code=product,
            real_time=lambda: datetime.now(UTC) + (pace.now() - kst(STARTS_AT)),  # noqa: TID251 - tokens live in it
        )
        tokens = database.tokens(FINGERPRINT, AccessToken)
        broker = KisBroker(connection, Budget(), tokens, pace.now, MortalTransport(street, life))
        return Collaborators(broker, database, pace, CALENDAR)

    async def clear(self) -> None:
        """Begin with empty books."""
        await self.pool.execute(EMPTY_EVERYTHING)
        await self.database.accounts.pin(ACCOUNT, Environment.SIMULATED, FINGERPRINT)


async def frozen_books(
    database: Database, broker: BrokerBook, submits: Sequence[str] = (), *, is_over: bool = True
) -> Books:
    """Freeze the books. In real time the whole day lies in the past moments, so the clock is laid around them."""
    plan = plan_session(CALENDAR.session_at_or_after(kst(STARTS_AT)), CloseLeads(), 1)
    now = datetime.now(UTC)  # noqa: TID251 - the ledger's real times are compared with it
    clock = MarketClock(now + timedelta(minutes=1), plan.entries_until)
    nobody: Any = None
    ledger = await _ledger(Sources(nobody, database, nobody, ACCOUNT, clock), plan.session.date)
    histories = Histories(submits=tuple(Submit(IntentId(each), WORKFLOW, now) for each in submits))
    return Books(plan, clock, now + timedelta(hours=2 if is_over else 0), broker, ledger, histories)


def _hits(simulation: Simulation) -> int:
    return sum(rule.hits for rule in simulation.faults.rules if rule.count)


@asynccontextmanager
async def a_town(database_url: str) -> AsyncIterator[Town]:
    """Open the book of record for a series of days."""
    pool = await open_pool(database_url, 5)
    try:
        yield Town(pool)
    finally:
        await pool.close()
