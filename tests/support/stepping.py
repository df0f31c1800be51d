"""Whole market days on the time-skipping server with only time replaced: real activities, ledger and client."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx
from pydantic import SecretStr
from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.account.comparing import BETWEEN_READS as BETWEEN_COMPARISONS
from activities.account.first_look import BETWEEN_READS as BETWEEN_FIRST_LOOKS
from activities.account.foreign_sales import BETWEEN_READS
from activities.support.host_gate import HostGate
from activities.support.pace import to_be_continued
from broker.kis import KisBroker, KisConnection
from broker.protocol import AccessToken, RateBudget
from database.database import Database, open_database
from database.pool import Heard
from domain.clock import KST, MarketClock
from domain.host_limits import HostLimits
from domain.identity import SIMULATED_ACCOUNT, AccountId, Environment, account_alias
from domain.market import Symbol
from domain.position import ClosedTrade, OpenPosition
from domain.rules import TradingRules, UniverseRules
from domain.session import session_date_of
from domain.worker_state import WorkerLife
from exchange.calendar import krx_calendar
from runtime.composition import Collaborators, hosting, workers_for
from runtime.embedded.search_attributes import ensure_search_attributes
from simulator.app import create_app, create_simulation
from simulator.clock import ManualClock, kst_instant
from simulator.krx import sessions
from simulator.orders import Account
from simulator.orders import AccountId as BrokerAccountId
from simulator.settings import SimulationSettings
from simulator.simulation import Simulation
from tests.broker.parts import APP_KEY, APP_SECRET, Budget
from tests.support.application_role import as_application
from workflows import attributes
from workflows.close_outcome import CloseOutcome, MarketCloseRequest
from workflows.identity import task_queues, worker_name, worker_workflow_id
from workflows.market_close import MarketCloseWorkflow
from workflows.trading_worker import TradingWorkerWorkflow

CALENDAR: Final = krx_calendar(2025, 2027)
EXCHANGE_CALENDAR: Final = sessions.krx_calendar(2025, 2027)
"""The same days, as the simulator's own tables have them."""
FINGERPRINT: Final = "3f9a1c"
ACCOUNT: Final = account_alias(Environment.SIMULATED, SIMULATED_ACCOUNT)
STEPS: Final[Mapping[str, timedelta]] = {
    "find_candidates": timedelta(minutes=2),
    "watch_scans": timedelta(minutes=2),
    "watch_position": timedelta(minutes=2),
    "watch_market": timedelta(minutes=2),
}
"""Market time between two reads of the long activities; ``AS_REQUESTED`` wait exactly as long as they request."""
AS_REQUESTED: Final = frozenset(
    {"await_flat", "await_turn", "enter_position", "finish_sale", "follow_order", "order_liquidation", "resolve_order"}
)
SYMBOLS: Final = tuple(Symbol(code) for code in ("005930", "012330", "028300", "034020", "373220"))
"""A small universe: the simulator generates each stock's days on the first request, which takes a while."""
RULES: Final = TradingRules(universe=UniverseRules(ranking_size=0, symbols=SYMBOLS))
BEFORE_THE_CLOSE: Final = "14 6 * * 1-5"
"""A minute (UTC) before 15:15 in Seoul, for which the close waits.

Started at 15:15, its signal would reach the workers as their own timers fire. The time-skipping server refuses to
cancel a timer that has just fired, and its workflow then stops.
"""
NEVER_HANDED_OVER: Final = frozenset({"compare_statement", "prove_flat", "reconcile_account"})
"""They compare several reads of one attempt, so they must not be split across attempts."""
MAY_READ_TWICE: Final = frozenset({"find_candidates", "prepare_exit", "watch_position", "watch_market", "watch_scans"})
"""They read again at times, to confirm a holding that looks too small."""
_LONGEST_SLEEP: Final = timedelta(minutes=2)
"""One sleep is one call to the server, which has a deadline of its own."""


class SteppingPace:
    """Time of the time-skipping server: it stands still during an attempt and advances between two of them."""

    def __init__(self, clock: MarketClock, steps: Mapping[str, timedelta] = STEPS) -> None:
        self._clock = clock
        self._steps = {**STEPS, **steps}
        self._latest = clock.market_anchor

    @property
    def clock(self) -> MarketClock:
        """Return the mapping from the server's time to market time."""
        return self._clock

    def now(self) -> datetime:
        """Return the market time (UTC); outside an activity the last one that was known."""
        if activity.in_activity():
            self._latest = max(self._latest, self._clock.market_time(activity.info().started_time))
        return self._latest

    def waited(self) -> timedelta:
        """Return the server's time since the running activity was first scheduled."""
        about = activity.info()
        return about.started_time - about.scheduled_time

    async def pause(self, real: timedelta, news: asyncio.Event | None = None) -> None:
        """End the attempt, so that the server may skip the time until the next one.

        Raises:
            ApplicationError: this activity has no declared step; with a wrong one a test runs a second at a time.
        """
        name = activity.info().activity_type
        # By identity: the interval between two scans may be as long, and there time has to pass.
        second_reads = (BETWEEN_READS, BETWEEN_COMPARISONS, BETWEEN_FIRST_LOOKS)
        is_second_read = any(real is each for each in second_reads)
        if name in NEVER_HANDED_OVER or (is_second_read and name in MAY_READ_TWICE):
            return
        if not is_second_read and name not in self._steps.keys() | AS_REQUESTED:
            says = f"{name} pauses for {real}: add it to STEPS or AS_REQUESTED of tests/support/stepping.py"
            raise ApplicationError(says, type="UndeclaredPause", non_retryable=True)
        raise to_be_continued("let time pass", self.step_of(name, real))

    def step_of(self, name: str, real: timedelta) -> timedelta:
        """Return how long an activity waits when it requests a real duration."""
        return self._steps.get(name, real)


class FollowingTransport(httpx.AsyncBaseTransport):
    """A transport to an in-process simulator, whose clock follows another one."""

    def __init__(self, simulation: Simulation, now: Callable[[], datetime]) -> None:
        self._simulation = simulation
        self._now = now
        self._inside = httpx.ASGITransport(create_app(simulation))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Let the market reach the present, then pass the request on."""
        instant = self._now()
        if instant > self._simulation.market_now():
            self._simulation.move_clock(instant)
        return await self._inside.handle_async_request(request)


def kst(text: str) -> datetime:
    """Parse Seoul local time such as ``2026-11-23 08:50``."""
    return datetime.fromisoformat(text).replace(tzinfo=KST)


def a_simulation(at: str, **settings: Any) -> Simulation:
    """Build a simulator whose market stands still at a time (KST) until it is moved; without limits on calls."""
    defaults: dict[str, Any] = {"calendar": EXCHANGE_CALENDAR, "rate_limit": 0, "token_interval": 0}
    return create_simulation(SimulationSettings(clock=ManualClock(kst_instant(at)), **(defaults | settings)))


def a_broker(  # noqa: PLR0917 - a test changes one of them
    simulation: Simulation,
    database: Database,
    now: Callable[[], datetime],
    budget: RateBudget | None = None,
    environment: Environment = Environment.SIMULATED,
    spoiled: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] = lambda network: network,
) -> KisBroker:
    """Return the real client, connected to a simulator in this process, with its token in the database."""
    number, product = SIMULATED_ACCOUNT.split("-")
    connection = KisConnection(
        environment=environment,
        trading_url="http://simulator",
        app_key=SecretStr(APP_KEY),
        app_secret=SecretStr(APP_SECRET[:180].ljust(180, "s")),
        account_number=SecretStr(number),
        product_code=product,
    )
    tokens = database.tokens(FINGERPRINT, AccessToken)
    return KisBroker(connection, budget or Budget(), tokens, now, spoiled(FollowingTransport(simulation, now)))


def broker_account(simulation: Simulation) -> Account:
    """Return the account from the broker's own books."""
    simulation.advance()
    return simulation.engine.account(BrokerAccountId(*SIMULATED_ACCOUNT.split("-")))


@dataclass
class Stage:
    """One account's whole system on the time-skipping server; drive it by its methods."""

    env: WorkflowEnvironment
    database: Database
    simulation: Simulation
    clock: MarketClock
    account: AccountId = ACCOUNT

    async def start_worker(self, number: int = 1, **life: Any) -> WorkflowHandle[TradingWorkerWorkflow, None]:
        name = worker_name(number)
        start = WorkerLife(self.account, name, RULES, self.clock)
        return await self.env.client.start_workflow(
            TradingWorkerWorkflow.run,
            replace(start, **life),
            id=worker_workflow_id(self.account, name),
            task_queue=task_queues(self.account).trading,
        )

    async def start_close(self, cron: str = "") -> WorkflowHandle[MarketCloseWorkflow, CloseOutcome]:
        return await self.env.client.start_workflow(
            MarketCloseWorkflow.run,
            MarketCloseRequest(self.account, self.clock, RULES),
            id=f"close-{uuid4().hex}",
            task_queue=task_queues(self.account).trading,
            cron_schedule=cron,
        )

    async def reaches(self, text: str) -> None:
        """Let the market run to a time (KST)."""
        while (left := kst(text) - await self.now()) > timedelta(0):
            await self.env.sleep(min(left, _LONGEST_SLEEP))

    async def now(self) -> datetime:
        return self.clock.market_time(await self.env.get_current_time())

    def price_falls(self, symbol: Symbol, by: float) -> None:
        """Let a price fall by a fraction and stay there."""
        price = self.simulation.exchange.snapshot(symbol, self.simulation.market_now()).price
        self.simulation.force_price(symbol, round(price * (1 - by)))

    async def held(self) -> tuple[OpenPosition, ...]:
        return await self.database.positions.held_in(self.account)

    async def trades(self) -> tuple[ClosedTrade, ...]:
        return await self.database.trades.on(self.account, session_date_of(self.simulation.market_now()))

    @property
    def broker_account(self) -> Account:
        return broker_account(self.simulation)


@asynccontextmanager
async def pinned_database(
    url: str, environment: Environment = Environment.SIMULATED, heard: Heard | None = None
) -> AsyncIterator[Database]:
    """Open the book of record for the test account."""
    database = await open_database(as_application(url), heard=heard)
    try:
        await database.accounts.pin(ACCOUNT, environment, FINGERPRINT)
        yield database
    finally:
        await database.aclose()


@asynccontextmanager
async def stage(
    env: WorkflowEnvironment, database_url: str, starts_at: str, limits: HostLimits | None = None, **settings: Any
) -> AsyncIterator[Stage]:
    """Start the system at a market time (KST) that has the same weekday and time of day on the server's clock.

    So a UTC cron line keeps its meaning, whatever today's date is. ``limits`` are the host's own.
    """
    clock = await _clock_in_step(env, kst(starts_at))
    simulation = a_simulation(starts_at, **settings)
    pace = SteppingPace(clock)
    await ensure_search_attributes(env.client, attributes.ALL)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(pinned_database(database_url))
        broker = await stack.enter_async_context(a_broker(simulation, database, pace.now))
        if limits is not None:
            await database.hosts.beat(ACCOUNT, "host", "machine", 1)
            limits = await database.host_limits.record(ACCOUNT, "host", limits)
        with_ = Collaborators(broker, database, pace, CALENDAR, host=HostGate(limits))
        workers = workers_for(env.client, ACCOUNT, with_)
        await stack.enter_async_context(hosting(workers))
        yield Stage(env, database, simulation, clock)


async def _clock_in_step(env: WorkflowEnvironment, market: datetime) -> MarketClock:
    """Sleep until the server's clock is a whole number of weeks from the market's, and pair the two."""
    week = timedelta(weeks=1)
    await env.sleep((market - await env.get_current_time()) % week)
    ahead = await env.get_current_time() - market
    return MarketClock(real_anchor=market + round(ahead / week) * week, market_anchor=market)
