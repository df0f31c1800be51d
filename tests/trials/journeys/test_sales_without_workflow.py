"""A stop sells and its trade is booked while the worker's workflow fails each task, and while Temporal is away."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from domain.close_plan import CloseLeads, plan_session
from domain.market import Side
from domain.worker_state import WorkerState
from fleet.duties.unattended_sales import SELLER
from lab.books import book_of, frozen_books
from runtime.embedded.ports import free_port
from runtime.embedded.temporal import DevServer
from simulator.orders import Order
from tests.support.stepping import ACCOUNT, CALENDAR, broker_account, kst
from tests.trials.journeys.running_market import RunningMarket, running_market, until
from tests.trials.planted_bugs.swapping import swapped
from verifier.invariants import violations
from workflows.holding import Holding
from workflows.identity import worker_name
from workflows.trading_worker import TradingWorkerWorkflow

Run = WorkflowHandle[Any, Any]
PLAN = plan_session(CALENDAR.session_at_or_after(kst("2026-11-23 10:00")), CloseLeads(), 1)


@asynccontextmanager
async def carried_on(market: RunningMarket) -> AsyncIterator[None]:
    """Look for unattended sales as a host does."""
    duty = market.carries_on()

    async def repeat() -> None:
        while True:
            await duty.look()
            await asyncio.sleep(0.2)

    looking = asyncio.create_task(repeat())
    try:
        yield
        assert not looking.done(), looking.exception()
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


def sales(market: RunningMarket) -> list[Order]:
    orders = broker_account(market.simulation).orders
    return [order for order in orders if order.side == Side.SELL.value and not order.original]


async def is_holding(run: Run) -> bool:
    return (await run.query(TradingWorkerWorkflow.status)).state is WorkerState.HOLDING


async def is_watched(market: RunningMarket) -> bool:
    return await market.database.market_watches.owner_of(ACCOUNT, worker_name(1)) is not None


async def goes_on(run: Run) -> bool:
    """Return whether a later run of the worker answers."""
    try:
        return bool((await run.query(TradingWorkerWorkflow.status)).cycles)
    except RPCError:
        return False


async def complaints(market: RunningMarket) -> list[str]:
    books = await frozen_books(market.database, await book_of(market.simulation), PLAN, is_over=False)
    return [f"{name} {each.what}" for name, found in violations(books).items() for each in found]


async def sold_within(market: RunningMarket, what: str) -> None:
    """Let the price fall below the stop, and wait for the order at the broker."""
    fell_at = time.monotonic()
    market.price_moves(-0.05)
    while not sales(market):
        assert time.monotonic() - fell_at < 30, "no sale"
        await asyncio.sleep(0.01)
    sys.stdout.write(f"\n{what}: the order was at the broker {time.monotonic() - fell_at:.3f} s after the price\n")


def is_silent(caplog: pytest.LogCaptureFixture) -> bool:
    return any(record.getMessage().startswith("temporal_silent") for record in caplog.records)


def true(value: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return value()

    return look


@pytest.mark.timeout(180)
async def test_a_worker_that_fails_each_task_does_not_keep_its_stop_from_selling(
    temporal_dev_server: str, database_url: str
) -> None:
    failures: list[str] = []

    def fails(*_: Any) -> None:
        failures.append("a bug of this build")
        raise RuntimeError(failures[-1])

    async with running_market(temporal_dev_server, database_url) as market, market.hosted():
        started = await market.start_worker()
        worker = market.client.get_workflow_handle(started.id)
        await market.holds()
        await until(lambda: is_holding(worker), "holding worker")
        await until(lambda: is_watched(market), "watch of its shard")
        async with carried_on(market):
            with swapped(Holding, "_signalled", fails):
                await sold_within(market, "a workflow that fails each task")
                await market.trades(1)
                assert failures
                assert await market.database.locks.last_held_by(ACCOUNT, SELLER) == set()
            await until(lambda: goes_on(worker), "next run of the worker")

        assert len(sales(market)) == 1
        assert await complaints(market) == []


@asynccontextmanager
async def own_temporal(file: Path) -> AsyncIterator["Server"]:
    server = Server(DevServer(port=free_port(), ui_port=None, file=file))
    try:
        yield server
    finally:
        server.is_killed()


class Server:
    """A Temporal server that a test may kill and start again with its history."""

    def __init__(self, dev: DevServer) -> None:
        self._dev = dev
        self._process: subprocess.Popen[bytes] | None = None

    async def starts(self) -> str:
        self._launch()

        async def serves() -> bool:
            try:
                client = await Client.connect(self._dev.address)
                return await client.service_client.check_health()
            except (RuntimeError, RPCError):
                return False

        await until(serves, "Temporal server")
        return self._dev.address

    def _launch(self) -> None:
        self._process = subprocess.Popen(self._dev.argv(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def is_killed(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.mark.timeout(240)
async def test_without_temporal_a_stop_sells_and_the_books_are_settled(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        own_temporal(tmp_path / "temporal.db") as server,
        running_market(await server.starts(), database_url) as market,
        market.hosted(),
    ):
        started = await market.start_worker()
        worker = market.client.get_workflow_handle(started.id)
        await market.holds()
        await until(lambda: is_holding(worker), "holding worker")
        await until(lambda: is_watched(market), "watch of its shard")
        async with carried_on(market):
            server.is_killed()
            await until(true(lambda: is_silent(caplog)), "watch that the SDK has cancelled")
            await sold_within(market, "without Temporal")
            await market.trades(1)
            await server.starts()
            await until(lambda: goes_on(worker), "next run of the worker")

        assert len(sales(market)) == 1
        assert await complaints(market) == []
