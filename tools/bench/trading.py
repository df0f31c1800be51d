"""Figures from the trades: time per step, size of the histories, and reaction and order latency."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from statistics import median
from typing import Final

from tools.bench.figures import Figure
from tools.bench.history import length_of
from tools.bench.stack import Stack
from tools.bench.trades import Played, Trade
from workflows.identity import worker_workflow_id

_ORDER_AIM: Final = 500.0
"""Milliseconds from the decision until the request is sent."""
_ADDED_AIM: Final = 3.0
_REACTION_AIM: Final = 1.0
_STEPS_AIM: Final = 120.0
_EVENTS_AIM: Final = 45.0
_BYTES_AIM: Final = 15_000.0
_MINUTE: Final = 60.0
_FOUND, _BOUGHT, _SIGNALLED, _SOLD = "offer", "enter_position", "exit", "finish_sale"
_STEPS: Final = (
    (_BOUGHT, "buy: lock, size, review, send, follow, watch", _FOUND, _SIGNALLED),
    (_SOLD, "sell: follow until filled, book the trade", _SIGNALLED, ""),
)


class Trading:
    """Three benchmarks over the same trades."""

    def __init__(self) -> None:
        self._played = Played()

    async def trade(self, stack: Stack) -> list[Figure]:
        """Measure each step from candidate to closed trade, and what Temporal stores of it."""
        trades = await self._played.on(stack)
        steps = [
            Figure("trade", what, "ms", _ms(trades, _step_of(name, after, before)))
            for name, what, after, before in _STEPS
        ]
        return [
            Figure("trade", "candidate → shares held", "ms", _ms(trades, _buying)),
            Figure("trade", "rule fired → trade closed", "ms", _ms(trades, _selling)),
            Figure("trade", "both together", "ms", _ms(trades, _in_steps), aim=_STEPS_AIM),
            *steps,
            Figure("trade", "history of one trade", "events", _each(trades, lambda t: t.run.events), aim=_EVENTS_AIM),
            Figure("trade", "history of one trade", "bytes", _each(trades, lambda t: t.run.size), aim=_BYTES_AIM),
            await _held_minute(stack),
        ]

    async def reaction(self, stack: Stack) -> list[Figure]:
        """Measure from a price that crosses the stop to the sell order at the broker, beside a bare polling loop."""
        trades = await self._played.on(stack)
        bare = _each(trades, lambda trade: _seconds(trade.fell_at, trade.seen_at))
        sold = _each(trades, lambda trade: _seconds(trade.fell_at, trade.sold.arrived_at))
        return [
            Figure("reaction", "floor: a bare loop that polls every 0.5 s sees the fall", "s", bare),
            Figure("reaction", "price crosses the stop → sale at the broker", "s", sold, median(bare), _REACTION_AIM),
        ]

    async def order(self, stack: Stack) -> list[Figure]:
        """Measure from each decision to the order's arrival at the broker, sales beside a bare loop's."""
        trades, bare = await self._played.on(stack), await self._played.bare(stack)
        sold, floor = _ms(trades, _from_rule), median(bare)
        added = tuple(max(ms - floor, 0.0) for ms in sold)
        return [
            Figure("order", "buy: scan found it → at the broker", "ms", _ms(trades, _from_candidate)),
            Figure("order", "buy: decided → at the broker", "ms", _ms(trades, _from_entry), aim=_ORDER_AIM),
            Figure("order", "sell: floor, a bare loop's request → at the broker", "ms", bare),
            Figure("order", "sell: rule fired → at the broker", "ms", sold, floor),
            Figure("order", "sell: added to the bare loop", "ms", added, aim=_ADDED_AIM),
        ]


async def _held_minute(stack: Stack) -> Figure:
    """Hold for a minute and count the added events."""
    (trader, *_) = await stack.traders(1)
    workflow_id = worker_workflow_id(stack.fleet.account_id, trader.worker_id)
    await stack.until_holding(trader)
    await asyncio.sleep(1)
    before = await length_of(stack.fleet.client, workflow_id)
    await asyncio.sleep(1 if stack.quick else _MINUTE)
    added = await length_of(stack.fleet.client, workflow_id) - before
    await stack.market.falls(trader.symbol)
    await stack.until_flat(trader)
    return Figure("trade", "added by a minute of holding", "events", (float(added),), aim=0.0)


def _step_of(name: str, after: str, before: str) -> Callable[[Trade], float]:
    return lambda trade: trade.run.seconds_of(name, after=after, before=before)


def _buying(trade: Trade) -> float:
    return _step_of(_BOUGHT, _FOUND, _SIGNALLED)(trade)


def _selling(trade: Trade) -> float:
    return _seconds(trade.fired_at, _done_at(trade, _SOLD))


def _in_steps(trade: Trade) -> float:
    return _buying(trade) + _selling(trade)


def _from_candidate(trade: Trade) -> float:
    return _seconds(_done_at(trade, _FOUND), trade.bought.arrived_at)


def _from_entry(trade: Trade) -> float:
    return _seconds(trade.bought.decided_at, trade.bought.arrived_at)


def _from_rule(trade: Trade) -> float:
    return _seconds(trade.fired_at, trade.sold.arrived_at)


def _done_at(trade: Trade, name: str) -> datetime:
    step = trade.run.step(name)
    if step is None:
        raise LookupError(f"the history has no {name}")
    return step.done_at


def _seconds(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds()


def _ms(trades: Sequence[Trade], seconds: Callable[[Trade], float]) -> tuple[float, ...]:
    return tuple(seconds(trade) * 1000 for trade in trades)


def _each(trades: Sequence[Trade], value: Callable[[Trade], float]) -> tuple[float, ...]:
    return tuple(float(value(trade)) for trade in trades)
