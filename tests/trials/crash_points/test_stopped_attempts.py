"""A process stops at each crossing of a joined step, the next attempt acts elsewhere, and then the process goes on.

Unlike a dead process it still acts, until its next heartbeat. ``joined_crossings.ROWS`` names the crossings. A process
that stops within a transaction is not played: the next attempt waits for its rows until the server ends it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pytest

from activities.entries import NoEntry, PreparedEntry
from activities.joined import Entered, EnterRequest, FinishRequest
from activities.orders import FollowRequest
from activities.resolving import ResolveRequest
from activities.settling import CloseRequest
from activities.watch.messages import FirstOrder, WatchRequest
from database.database import Database
from domain.errors import TradingError
from domain.identity import IntentId, WorkerId
from domain.lock import LEASE_DURATION, Lease
from domain.market import Side
from domain.order import OrderPurpose, OrderStatus
from domain.position import ExitReason
from lab.books import book_of, frozen_books
from simulator.simulation import Simulation
from tests.activities.desk import OPENS_AT, PLAN, SHARD, Desk, HandPace
from tests.support.builders import HYNIX, SAMSUNG
from tests.support.stepping import ACCOUNT, RULES, a_broker, a_simulation
from tests.trials.clockwork.mortal import Life, MortalPool, MortalTransport
from tests.trials.clockwork.town import Town
from tests.trials.crash_points.joined_crossings import ENTER, FINISH, ROWS, WATCH
from tests.trials.crash_points.reckoning import loose_orders
from tests.trials.crash_points.tally import Tally, a_tally
from tests.trials.planted_bugs.joined_scenes import joined_of
from verifier.invariants import violations

_FIRST: Final = FirstOrder(IntentId("run.2"), PLAN.session)
_OTHER: Final = WorkerId("worker-2")


@dataclass(frozen=True, slots=True)
class Stop:
    """A crossing by its name within its step, and which one of that name."""

    name: str
    nth: int

    def __str__(self) -> str:
        return self.name + f" {self.nth}" * (self.nth > 1)


def stops_of(step: str) -> list[Stop]:
    """Return the crossings of a step, in order."""
    names = [name.removeprefix(f"{step}: ") for row in ROWS if row.step == step for name in row.crossings]
    return [Stop(name, names[: at + 1].count(name)) for at, name in enumerate(names)]


class Stopping(Life):
    """A process that stops at a crossing while others act; within a transaction it does not stop."""

    def __init__(self, stop: Stop, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self.has_stopped = False
        self._stop = stop
        self._meanwhile = meanwhile
        self._seen = 0

    async def cross(self, moment: str, what: str, *, in_transaction: bool = False) -> None:
        if f"{moment} {what}" != self._stop.name:
            return
        self._seen += 1
        if self._seen == self._stop.nth and not in_transaction:
            self.has_stopped = True
            await self._meanwhile()


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    yield from a_tally("steps", "stops")


@asynccontextmanager
async def process(town: Town, simulation: Simulation, life: Life) -> AsyncIterator[Desk]:
    pace, database = HandPace(simulation), Database(MortalPool(town.pool, life))  # type: ignore[arg-type]
    async with a_broker(simulation, database, pace.now, spoiled=lambda inside: MortalTransport(inside, life)) as broker:
        yield Desk(simulation, database, broker, pace)


@asynccontextmanager
async def two_processes(
    town: Town, stop: Stop, meanwhile: Callable[[Desk], Awaitable[None]]
) -> AsyncIterator[tuple[Desk, Desk, Stopping]]:
    """Yield a process that stops, the other one, and the life of the first."""
    await town.clear()
    simulation = a_simulation(OPENS_AT)
    async with process(town, simulation, Life()) as other:
        life = Stopping(stop, lambda: meanwhile(other))
        async with process(town, simulation, life) as stopping:
            other.temporal = stopping.temporal
            yield stopping, other, life


async def _enters(desk: Desk, attempt: int) -> Entered:
    await desk.registers()
    request = EnterRequest(desk.entry_request(SAMSUNG, HYNIX), f"{ACCOUNT}/trading", _FIRST)
    return await desk.does(joined_of(desk).enter_position, request, attempt=attempt)


async def _next_attempt(desk: Desk, is_shut: bool) -> Entered:
    """Make the next attempt, with entries shut meanwhile; an order that it finds unsent is withdrawn at once."""
    if is_shut:
        await desk.database.risk.press_kill_switch(ACCOUNT, "the test", "while a process is stopped")
    entered = await _enters(desk, 2)
    if is_shut:
        await desk.database.risk.lift_kill_switch(ACCOUNT, "the test", "it goes on")
    if entered.order is not None and entered.order.status is OrderStatus.INTENDED:
        await desk.does(desk.resolving.resolve_order, ResolveRequest(entered.order.intent.intent_id))
    return entered


@pytest.mark.slow
@pytest.mark.parametrize("is_shut", [False, True], ids=["as before", "entries shut meanwhile"])
@pytest.mark.parametrize("stop", stops_of(ENTER), ids=str)
async def test_a_buy_whose_process_stops_and_goes_on(town: Town, tally: Tally, stop: Stop, is_shut: bool) -> None:
    answers = list[Entered]()

    async def meanwhile(other: Desk) -> None:
        answers.append(await _next_attempt(other, is_shut))

    async with two_processes(town, stop, meanwhile) as (stopping, other, life):
        with suppress(TradingError):  # that it was overtaken
            await _enters(stopping, 1)
        wrong = await _wrong_with_buy(other, answers[0]) if life.has_stopped else []

    tally.add(ENTER, crossings=len(stops_of(ENTER)), cases=int(life.has_stopped), broken=len(wrong))
    assert wrong == []


async def _wrong_with_buy(desk: Desk, entered: Entered) -> list[str]:
    """Go on as the workflow does with the answer of the later attempt; return what is wrong then."""
    locked, wrong = desk.database.locks.locked_symbols, list[str]()
    if isinstance(entered.decision, PreparedEntry):
        record = await desk.database.orders.get(entered.decision.intent_id)
        if record is not None and record.status is OrderStatus.SENDING:
            await desk.does(desk.resolving.resolve_order, ResolveRequest(record.intent.intent_id))
        record = await desk.follows(entered.decision.intent_id)
        if record.filled_quantity:
            await _is_watched(desk, entered.decision)
        else:
            close = CloseRequest(
                entered.decision.position_id, ExitReason.OPERATOR, entered.decision.lease, timedelta(0)
            )
            await desk.does(desk.settling.abandon_entry, close)
        expected = {SAMSUNG} if record.filled_quantity else set()
        wrong += [f"{record.status} with locks of {await locked(ACCOUNT)}"] * (await locked(ACCOUNT) != expected)
    else:
        assert isinstance(entered.decision, NoEntry)
        wrong += ["an order after no entry"] * bool(desk.sent)
        wrong += ["a lock after no entry"] * bool(await locked(ACCOUNT))
        record = await desk.database.orders.get(IntentId("worker-1.1"))
        wrong += ["an intent after no entry"] * (record is not None and record.is_active)
    wrong += [f"{len(desk.sent)} orders sent"] * (len(desk.sent) > 1)
    return [*wrong, *await _broken(desk)]


async def _is_watched(desk: Desk, entry: PreparedEntry) -> None:
    request = WatchRequest(entry.position_id, entry.symbol, entry.lease, RULES, PLAN.liquidation_at, _FIRST)
    assert await desk.does(desk.market_watch.begin_watch, request) is None


async def _broken(desk: Desk) -> list[str]:
    books = await frozen_books(desk.database, await book_of(desk.simulation), PLAN, is_over=False)
    found = [f"{name} {each.what}: {each.evidence}" for name, every in violations(books).items() for each in every]
    return [*found, *loose_orders(books)]


@pytest.mark.slow
@pytest.mark.parametrize("stop", stops_of(FINISH), ids=str)
async def test_the_end_of_a_sale_whose_process_stops_and_goes_on(town: Town, tally: Tally, stop: Stop) -> None:
    """Another worker takes the free stock meanwhile: the stopped process must leave it alone."""
    requests = list[FinishRequest]()

    async def meanwhile(other: Desk) -> None:
        await other.does(joined_of(other).finish_sale, requests[0], attempt=2)
        taken = await other.database.locks.acquire(ACCOUNT, SAMSUNG, _OTHER, LEASE_DURATION)
        assert isinstance(taken, Lease)

    async with two_processes(town, stop, meanwhile) as (stopping, other, life):
        entry = await other.buys()
        sale: Any = await other.does(other.selling.prepare_exit, other.exit_of(entry, 3))
        await other.submits(sale, OrderPurpose.EXIT)
        close = CloseRequest(entry.position_id, ExitReason.STOP_LOSS, entry.lease, timedelta(0))
        requests.append(FinishRequest(FollowRequest(sale.intent_id, timedelta(seconds=5)), close))
        with suppress(TradingError):
            await stopping.does(joined_of(stopping).finish_sale, requests[0], attempt=1)
        wrong = await _broken(other)
        trades = await other.database.trades.on(ACCOUNT, PLAN.session.date)
        wrong += [f"{len(trades)} trades are booked"] * (len(trades) != 1)
        if life.has_stopped:
            wrong += ["its stock is taken away"] * (await _holder(other) != _OTHER)

    tally.add(FINISH, crossings=len(stops_of(FINISH)), cases=int(life.has_stopped), broken=len(wrong))
    assert wrong == []


async def _holder(desk: Desk) -> object:
    return await desk.database._pool.fetchval("SELECT worker_id FROM stock_locks WHERE symbol = $1", SAMSUNG)


@pytest.mark.slow
@pytest.mark.parametrize("stop", stops_of(WATCH), ids=str)
async def test_the_first_order_of_a_sale_whose_process_stops_and_goes_on(town: Town, tally: Tally, stop: Stop) -> None:
    """Another process watches the shard meanwhile: both see the price at which the rule fires."""

    async def meanwhile(other: Desk) -> None:
        await other.does(other.market_watch.watch_market, SHARD, attempt=2)

    async with two_processes(town, stop, meanwhile) as (stopping, other, life):
        other.simulation.force_price(SAMSUNG, other.price(), natural=False)
        entry = await other.buys()
        await _is_watched(other, entry)
        other.price_moves(-0.04)
        with suppress(TradingError):
            await stopping.does(stopping.market_watch.watch_market, SHARD, attempt=1)
        signals = [end.signal for end in stopping.temporal.ends if end.signal is not None]
        sales = other.side_of(Side.SELL)
        wrong = [f"{len(sales)} sales"] * (len(sales) != 1)
        wrong += ["no signal"] * (not signals)
        wrong += [f"signals of {signals}"] * any(each.sent is None for each in signals)
        await other.follows(_FIRST.intent_id)
        close = CloseRequest(entry.position_id, ExitReason.STOP_LOSS, entry.lease, timedelta(0))
        await other.settles(close)
        wrong += await _broken(other)

    tally.add(WATCH, crossings=len(stops_of(WATCH)), cases=int(life.has_stopped), broken=len(wrong))
    assert wrong == []
