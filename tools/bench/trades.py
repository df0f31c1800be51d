"""Whole trades on command, shared by several benchmarks: breakout, purchase, fall through the stop, sale."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from activities.watch.messages import EXIT_MESSAGE
from broker.kis.calls import ORDER_CALLS
from domain.clock import MarketClock
from domain.identity import Environment, PositionId
from domain.lane import Lane
from domain.market import Side
from domain.money import Price
from domain.order import OrderIntent, OrderRecord
from tools.bench.bare import milliseconds_to_arrive
from tools.bench.client import Client, open_client
from tools.bench.history import Run, finished_run
from tools.bench.market import real_now
from tools.bench.stack import RULES, Stack, Trader
from workflows.identity import worker_workflow_id

_WORKERS: Final = 2
_TRADES_EACH: Final = 15
_HELD_FOR: Final = (0.7, 1.7)
"""Real seconds between purchase and fall. Random, so that falls occur at any phase of the polls."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An order: when it was decided, and when it arrived at the broker (real time)."""

    intent: OrderIntent
    decided_at: datetime
    arrived_at: datetime


@dataclass(frozen=True, slots=True)
class Trade:
    """One closed trade. Instants are real time."""

    run: Run
    bought: Sent
    sold: Sent
    fired_at: datetime
    """When the watch's rule fired."""
    fell_at: datetime
    seen_at: datetime
    """When a bare polling loop observes the fall."""


class Played:
    """The trades of a stack, played on first use, and the floor of their sales."""

    def __init__(self) -> None:
        self._trades: list[Trade] = []
        self._bare: tuple[float, ...] = ()

    async def on(self, stack: Stack) -> list[Trade]:
        """Return the trades."""
        if not self._trades:
            self._trades, self._bare = await _play(stack)
        return self._trades

    async def bare(self, stack: Stack) -> tuple[float, ...]:
        """Return the milliseconds that a bare loop's sales take to the broker."""
        await self.on(stack)
        return self._bare


async def _play(stack: Stack) -> tuple[list[Trade], tuple[float, ...]]:
    await stack.host_by(1)
    workers, each = (1, 1) if stack.quick else (_WORKERS, _TRADES_EACH)
    traders = await stack.traders(workers)
    async with open_client(stack) as client:
        played = await asyncio.gather(*(_several(stack, client, trader, each) for trader in traders))
        trades = [trade for each in played for trade in each]
        return trades, await milliseconds_to_arrive(stack, client, trades[-1].sold.intent)


async def _several(stack: Stack, client: Client, trader: Trader, count: int) -> list[Trade]:
    chance = Random(trader.worker_id)  # noqa: S311 - repeatable, not secret
    return [await _one(stack, client, trader, chance.uniform(*_HELD_FOR)) for _ in range(count)]


async def _one(stack: Stack, client: Client, trader: Trader, held_for: float) -> Trade:
    position = await stack.until_holding(trader)
    stop = Price(int(position.entry_price * (1 - RULES.exits.stop_loss)))
    bare = asyncio.create_task(_seen_below(client, trader, stop))
    await asyncio.sleep(held_for)
    fell_at = await stack.market.falls(trader.symbol)
    await stack.until_flat(trader)
    run_id = position.position_id.rpartition(".")[0]
    workflow_id = worker_workflow_id(stack.fleet.account_id, trader.worker_id)
    run = await finished_run(stack.fleet.client, workflow_id, run_id)
    return Trade(
        run=run,
        fired_at=_fired_at(run, stack.fleet.clock),
        bought=await _sent(stack, trader, position.position_id, Side.BUY),
        sold=await _sent(stack, trader, position.position_id, Side.SELL),
        fell_at=fell_at,
        seen_at=await bare,
    )


async def _seen_below(client: Client, trader: Trader, stop: Price) -> datetime:
    """Poll as often as a watch does, without other work, until the price is at or below the stop."""
    interval = RULES.execution.price_interval.total_seconds()
    while True:
        began = time.perf_counter()
        quotes = await client.broker.quotes([trader.symbol], Lane.WATCH)
        if quotes[trader.symbol].price <= stop:
            return real_now()
        await asyncio.sleep(interval - (time.perf_counter() - began))


async def _sent(stack: Stack, trader: Trader, position_id: PositionId, side: Side) -> Sent:
    """Return the first order of a side, from both books."""
    orders = await stack.fleet.database.orders.of_position(position_id)
    first = next(order for order in orders if order.intent.side is side and order.ref is not None)
    decided_at = _decided_at(first, stack.fleet.clock)
    placed = next(each.at for each in await stack.market.arrivals(trader.symbol, side) if each.number == _number(first))
    call = ORDER_CALLS[side].tr_id(Environment.SIMULATED)
    calls = [each.at for each in await stack.market.calls_since(decided_at) if each.tr_id == call]
    return Sent(first.intent, decided_at, max((at for at in calls if at <= placed), default=placed))


def _decided_at(order: OrderRecord, clock: MarketClock) -> datetime:
    return clock.real_time(order.intent.decided_at)


def _fired_at(run: Run, clock: MarketClock) -> datetime:
    signal = run.step(EXIT_MESSAGE)
    if signal is None:
        raise LookupError("the history has no signal of the market watch")
    return clock.real_time(datetime.fromisoformat(signal.result["decided_at"]))


def _number(order: OrderRecord) -> str:
    return order.ref.number if order.ref is not None else ""
