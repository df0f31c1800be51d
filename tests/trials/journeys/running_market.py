"""A small running market on a real Temporal server: every part real, in one process, one market minute per second."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import httpx
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker import Worker

import simulator.clock
from activities.support.pace import RealPace
from activities.watch.messages import ShardRequest, market_watch_id
from database.database import Database
from domain.clock import MarketClock
from domain.identity import Environment
from domain.market import Symbol
from domain.position import OpenPosition
from domain.rules import UniverseRules
from domain.watch import SCANS
from domain.worker_state import WorkerLife
from fleet.duties.unattended_sales import UnattendedSalesDuty
from fleet.fleet import Fleet
from runtime.composition import Collaborators, activities_by_name, hosting, workers_for
from runtime.embedded.search_attributes import ensure_search_attributes
from runtime.tracing.parts import Tracing
from simulator.app import create_simulation
from simulator.settings import SimulationSettings
from simulator.simulation import Simulation
from tests.support.builders import HYNIX
from tests.support.stepping import ACCOUNT, CALENDAR, EXCHANGE_CALENDAR, RULES, a_broker, kst, pinned_database
from workflows import attributes
from workflows.close_outcome import CloseOutcome, MarketCloseRequest
from workflows.identity import task_queues, worker_name, worker_workflow_id
from workflows.market_close import MarketCloseWorkflow
from workflows.payloads import DATA_CONVERTER
from workflows.trading_worker import TradingWorkerWorkflow

SPEED = 60
ONE_STOCK: Final = replace(RULES, universe=UniverseRules(0, (HYNIX,)))
_BROKEN_OUT: Final = 251_500
"""Half of the previous day's range above that Monday's open, in the simulator's default world."""
_LIMIT = 30.0


@dataclass
class RunningMarket:
    """One stock that has just broken out, and the system that trades it."""

    client: Client
    database: Database
    simulation: Simulation
    clock: MarketClock
    with_: Collaborators
    traces: Tracing

    def make_workers(self) -> list[Worker]:
        """Return the Temporal workers of one process."""
        return workers_for(self.client, ACCOUNT, self.with_)

    def carries_on(self) -> UnattendedSalesDuty:
        """Return the duty of a host that carries on unattended sales, without a pause at its start."""
        fleet = Fleet(self.client, self.database, ACCOUNT, Environment.SIMULATED, self.clock, CALENDAR)
        acts = self.traces.acts(activities_by_name(ACCOUNT, self.with_))
        return UnattendedSalesDuty(fleet, ONE_STOCK, acts, first_after=0, spans=self.traces.trades)

    def hosted(self) -> Any:
        """Run the workers for the duration of the block."""
        return hosting(self.make_workers())

    async def start_worker(self, number: int = 1, **life: Any) -> WorkflowHandle[TradingWorkerWorkflow, None]:
        name = worker_name(number)
        return await self.client.start_workflow(
            TradingWorkerWorkflow.run,
            replace(WorkerLife(ACCOUNT, name, ONE_STOCK, self.clock), **life),
            id=worker_workflow_id(ACCOUNT, name),
            task_queue=task_queues(ACCOUNT).trading,
        )

    async def start_close(
        self, request: MarketCloseRequest | None = None, **options: Any
    ) -> WorkflowHandle[MarketCloseWorkflow, CloseOutcome]:
        return await self.client.start_workflow(
            MarketCloseWorkflow.run,
            request or MarketCloseRequest(ACCOUNT, self.clock, ONE_STOCK),
            id=f"close-{uuid4().hex}",
            task_queue=task_queues(ACCOUNT).trading,
            **options,
        )

    def price_moves(self, by: float, symbol: Symbol = HYNIX) -> None:
        """Move the price by a fraction and keep it there."""
        price = self.simulation.exchange.snapshot(symbol, self.simulation.market_now()).price
        self.simulation.force_price(symbol, round(price * (1 + by)), natural=False)

    async def holds(self) -> OpenPosition:
        """Wait until a position is held."""
        held: tuple[OpenPosition, ...] = await until(lambda: self.database.positions.held_in(ACCOUNT), "held position")
        return held[0]

    async def trades(self, count: int) -> None:
        """Wait until so many trades are booked."""
        date = CALENDAR.session_at_or_after(self.clock.market_anchor).date

        async def booked() -> bool:
            return len(await self.database.trades.on(ACCOUNT, date)) >= count

        await until(booked, f"{count} booked trades")

    @property
    def calls(self) -> int:
        return self.simulation.calls.total


async def until(look: Callable[[], Awaitable[Any]], what: str) -> Any:
    """Poll until there is a result, and return it."""
    ends = time.monotonic() + _LIMIT
    while not (found := await look()):
        assert time.monotonic() < ends, f"no {what} within {_LIMIT} s"
        await asyncio.sleep(0.05)
    return found


@asynccontextmanager
async def running_market(
    address: str,
    database_url: str,
    at: str = "2026-11-23 10:00",
    spoiled: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] = lambda network: network,
    traces: Tracing = Tracing(),  # noqa: B008 - it is frozen
) -> AsyncIterator[RunningMarket]:
    """Open a market at a time (KST) without a hosting process. ``spoiled`` wraps the network to the broker."""
    now = datetime.now(UTC)  # noqa: TID251 - this market runs in real time
    clock = MarketClock(now, kst(at).astimezone(UTC), SPEED)
    there = simulator.clock.MarketClock(clock.real_anchor, clock.market_anchor, clock.speed)
    simulation = create_simulation(
        SimulationSettings(clock=there, calendar=EXCHANGE_CALENDAR, rate_limit=0, token_interval=0)
    )
    client = await Client.connect(address, data_converter=DATA_CONVERTER, interceptors=traces.interceptors(clock))
    await ensure_search_attributes(client, attributes.ALL)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(pinned_database(database_url, heard=traces.statement))
        pace = RealPace(clock)
        broker = await stack.enter_async_context(a_broker(simulation, database, pace.now, spoiled=spoiled))
        with_ = Collaborators(broker.traced(traces.call), database, pace, CALENDAR, spans=traces.trades)
        market = RunningMarket(client, database, simulation, clock, with_, traces)
        simulation.force_price(HYNIX, _BROKEN_OUT, natural=False)
        stack.push_async_callback(_end_all, client)
        yield market


async def _end_all(client: Client) -> None:
    """Remove our workflows from the shared server."""
    workers = (worker_workflow_id(ACCOUNT, worker_name(number)) for number in (1, 2))
    watches = (market_watch_id(ShardRequest(ACCOUNT, shard)) for shard in (0, SCANS))
    for name in (*workers, *watches):
        with suppress(RPCError):
            await client.get_workflow_handle(name).terminate("the test is over")
