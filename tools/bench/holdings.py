"""Positions to liquidate: bought by the real client, booked as ours, then found by workers as after a restart."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from activities.orders import SENDING_TAKES
from domain.identity import IntentId, PositionId, WorkerId
from domain.lane import Lane
from domain.lock import Lease
from domain.market import Market, Side, Symbol
from domain.money import Price, Quantity
from domain.order import Accepted, OrderIntent, OrderPurpose, OrderType
from domain.position import PositionOpening, StrategyStamp
from domain.risk import Approved
from domain.session import session_date_of
from domain.worker_state import WorkerLife, WorkerState
from fleet.starting import start_worker
from tools.bench.client import Client, open_client
from tools.bench.stack import RULES, NothingHappenedError, Stack, until
from workflows.identity import worker_name, worker_workflow_id

_WON_EACH: Final = 100_000
"""Small enough for each stock's best bid, and for its own trades, so that no worker starts before the fleet."""
_AT_ONCE: Final = 18
_STARTED_TOGETHER: Final = 90
"""Bought within a lease's thirty seconds."""
_STAMP: Final = StrategyStamp("momentum", "bench")
"""A strategy that never exits while the price stands still."""


@dataclass(frozen=True, slots=True)
class Lot:
    """A stock, and the worker that holds it."""

    worker_id: WorkerId
    symbol: Symbol
    name: str
    market: Market
    price: Price

    @property
    def quantity(self) -> Quantity:
        """Return the shares that ``_WON_EACH`` buys, at least one."""
        return Quantity(max(_WON_EACH // self.price, 1))


async def hold(stack: Stack, count: int, processes: int, *, paused: bool = False) -> tuple[Lot, ...]:
    """Let each of ``count`` workers hold one stock in a market that stands still, so that only the deadline sells.

    ``paused`` workers do not scan after their sale.
    """
    lots = await choose(stack, count)
    await give(stack, lots, paused=paused)
    await stack.host_by(processes)
    await until_held(stack, count)
    return lots


async def choose(stack: Stack, count: int) -> tuple[Lot, ...]:
    """Return one stock for each of ``count`` workers; its price stands still from now on."""
    calm = [each for each in await stack.market.stocks() if not each["flags"] and not each["pause"]]
    stocks = sorted(calm, key=lambda each: -each["turnover"])[:count]
    if len(stocks) < count:
        raise NothingHappenedError(f"only {len(stocks)} of {count} stocks trade")
    lots = tuple(
        Lot(worker_name(number), Symbol(each["symbol"]), each["name"], Market(each["market"]), Price(each["price"]))
        for number, each in enumerate(stocks, start=1)
    )
    for first in range(0, len(lots), _AT_ONCE):
        some = lots[first : first + _AT_ONCE]
        await asyncio.gather(*(stack.market.stands_still(lot.symbol, lot.price) for lot in some))
    return lots


async def give(stack: Stack, lots: Sequence[Lot], *, paused: bool) -> None:
    """Buy the lots and start their workers, some at a time: a host takes a position without a worker for lost."""
    account_id = stack.fleet.account_id
    async with open_client(stack) as client:
        for first in range(0, len(lots), _STARTED_TOGETHER):
            some = lots[first : first + _STARTED_TOGETHER]
            await _buy_all(stack, client, some)
            workflow_ids = {lot.worker_id: worker_workflow_id(account_id, lot.worker_id) for lot in some}
            await stack.fleet.database.workers.register_all(account_id, workflow_ids)
            # A worker's first run reconciles the whole account; these start after it.
            lives = [
                WorkerLife(account_id, lot.worker_id, RULES, stack.fleet.clock, paused=paused, cycles=1) for lot in some
            ]
            await asyncio.gather(*(start_worker(stack.fleet, life) for life in lives))


async def until_held(stack: Stack, count: int) -> None:
    """Wait until exactly ``count`` workers hold."""
    await until(lambda: _all_hold(stack, count), f"{count} workers hold", limit=60 + count, every=0.25)


async def _all_hold(stack: Stack, count: int) -> bool:
    known = await stack.fleet.database.workers.all_of(stack.fleet.account_id)
    return sum(each.state is WorkerState.HOLDING for each in known) == count


async def _buy_all(stack: Stack, client: Client, lots: Sequence[Lot]) -> None:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def buy(lot: Lot) -> IntentId:
        async with turns:
            return await _buy(stack, client, lot)

    bought = await asyncio.gather(*(buy(lot) for lot in lots))
    now = client.pace.now()
    listed = {row.symbol: row for row in await client.broker.orders_on(session_date_of(now), Lane.RESOLVE)}
    for lot, intent_id in zip(lots, bought, strict=True):
        booked = await client.database.orders.book(intent_id, listed[lot.symbol], now)
        if booked.order.filled_quantity != lot.quantity:
            raise NothingHappenedError(f"{booked.order.filled_quantity} of {lot.quantity} {lot.symbol} were bought")


async def _buy(stack: Stack, client: Client, lot: Lot) -> IntentId:
    account_id, orders = stack.fleet.account_id, client.database.orders
    lease = await client.database.locks.acquire(account_id, lot.symbol, lot.worker_id)
    if not isinstance(lease, Lease):
        raise NothingHappenedError(f"{lot.symbol} is not free")
    intent = _intent(lot, client, lease)
    await orders.record_entry(intent, _opening(lot, intent))
    environment = client.broker.environment
    await orders.begin_sending(
        intent.intent_id, review=lambda _: Approved(), http_timeout=SENDING_TAKES, environment=environment
    )
    outcome = await client.broker.submit(intent, Lane.EXIT, lambda: True)
    if not isinstance(outcome, Accepted):
        raise NothingHappenedError(f"{lot.symbol} was not bought: {outcome}")
    await orders.record_outcome(intent.intent_id, outcome)
    return intent.intent_id


def _intent(lot: Lot, client: Client, lease: Lease) -> OrderIntent:
    now = client.pace.now()
    key = f"bench.{lot.symbol}"
    return OrderIntent(
        intent_id=IntentId(key),
        account_id=lease.account_id,
        worker_id=lot.worker_id,
        position_id=PositionId(key),
        session_date=session_date_of(now),
        symbol=lot.symbol,
        side=Side.BUY,
        quantity=lot.quantity,
        order_type=OrderType.MARKET,
        limit_price=None,
        purpose=OrderPurpose.ENTRY,
        reason="to be liquidated",
        fencing_token=lease.fencing_token,
        decision_price=lot.price,
        decided_at=now,
    )


def _opening(lot: Lot, intent: OrderIntent) -> PositionOpening:
    return PositionOpening(
        position_id=intent.position_id,
        account_id=intent.account_id,
        worker_id=lot.worker_id,
        session_date=intent.session_date,
        symbol=lot.symbol,
        name=lot.name,
        market=lot.market,
        decision_price=lot.price,
        strategy=_STAMP,
        exit_rules=RULES.exits,
    )
