"""Further states that a new build meets: refusals, interruptions, what was carried, and closes in the middle."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from temporalio.client import WorkflowExecutionStatus, WorkflowHandle, WorkflowHistory

from activities.closing import CLOSER
from activities.cycles import held_under
from domain.event_kind import EventKind
from domain.identity import recovery_worker
from domain.ladder import Tries
from domain.market import Symbol
from domain.order import OrderStatus
from domain.session import session_date_of
from domain.worker_state import WorkerState
from simulator.orders import OrderRequest
from tests.database.books import Books
from tests.histories.open_runs import first_run
from tests.support.builders import HYNIX
from tests.support.stepping import ACCOUNT
from tests.trials.journeys.running_market import ONE_STOCK, RunningMarket, until
from workflows.close_outcome import MarketCloseRequest
from workflows.half_way import HalfWay, Resting
from workflows.identity import worker_name
from workflows.trading_worker import TradingWorkerWorkflow

Run = WorkflowHandle[Any, Any]
Seen = dict[str, WorkflowHistory]
_MORNING: Final = "2026-11-23 10:00"
_BEFORE_THE_OPENING: Final = "2026-11-23 07:00"
_ENTRIES_ARE_OVER: Final = "2026-11-23 15:17"
_IN_THE_AFTERNOON: Final = "2026-11-23 14:48"
_BEFORE_THE_CUT_OFF: Final = "2026-11-23 14:54"
_REFUSED: Final = {"kind": "refuse", "path": "order-cash", "msg_cd": "APBK0952", "message": "refused"}


async def open_resting(market: RunningMarket) -> Seen:
    """Start when entries are over, and rest until the session ends."""
    async with market.hosted():
        run = await first_run(market)
        await until(lambda: _has(run, "timerStartedEventAttributes"), "a timer")
        return {"open/resting": await run.fetch_history()}


async def refused_entry(market: RunningMarket) -> Seen:
    """Have the buy refused by the broker, release the stock, wait, buy it after its pause, sell at the target."""
    market.simulation.add_fault(**_REFUSED, side="buy")
    rules = replace(ONE_STOCK, risk=replace(ONE_STOCK.risk, symbol_cooldown=timedelta(minutes=1)))
    async with market.hosted():
        run = await first_run(market, rules=rules)
        await market.holds()
        market.price_moves(0.06)
        return {"refused_entry": await _whole(run)}


async def refused_sale(market: RunningMarket) -> Seen:
    """Have the first two sales refused by the broker, and sell after the pauses."""
    market.simulation.add_fault(**_REFUSED, side="sell", count=2)
    async with market.hosted():
        run = await first_run(market)
        await market.holds()
        market.price_moves(-0.05)
        return {"refused_sale": await _whole(run)}


async def interrupted_scan(market: RunningMarket) -> Seen:
    """Be paused while waiting for an offer, withdraw the wish, resume, buy, sell at the target."""
    await market.database.risk.press_kill_switch(ACCOUNT, "the recording", "no entry yet")

    async def scans() -> bool:
        return bool((await run.query(TradingWorkerWorkflow.status)).state is WorkerState.SCANNING)

    async def is_idle() -> bool:
        return bool((await run.query(TradingWorkerWorkflow.status)).state is WorkerState.IDLE)

    async with market.hosted():
        run = await first_run(market)
        await until(scans, "a worker that waits for an offer")
        await run.execute_update(TradingWorkerWorkflow.pause)
        await until(is_idle, "a worker at rest")
        paused = await run.fetch_history()
        await run.execute_update(TradingWorkerWorkflow.resume)
        await market.database.risk.lift_kill_switch(ACCOUNT, "the recording")
        await market.holds()
        market.price_moves(0.06)
        return {"open/interrupted_scan": paused, "interrupted_scan": await _whole(run)}


async def open_carried_over(market: RunningMarket) -> Seen:
    """Hold shares of the previous session, and wait for the opening to sell them."""
    books = Books(market.database, ACCOUNT)
    await books.held(worker_name(1), HYNIX)
    await market.database._pool.execute("UPDATE positions SET session_date = session_date - 3")
    async with market.hosted():
        run = await first_run(market, cycles=1)
        await until(lambda: _has(run, "timerStartedEventAttributes"), "a timer")
        return {"open/carried_over": await run.fetch_history()}


async def open_quarantined(market: RunningMarket) -> Seen:
    """Lose the reply to the buy while the owner places the same order: an operator must say which is ours."""
    market.simulation.add_fault(kind="drop_reply_after", path="order-cash", side="buy")
    market.simulation.add_fault(kind="empty_orders", count=0)

    async def is_unknown() -> bool:
        active = await market.database.orders.active_in(ACCOUNT)
        return any(each.status is OrderStatus.UNKNOWN for each in active)

    async with market.hosted():
        run = await first_run(market)
        await until(is_unknown, "an order without a reply")
        (ours,) = (order for account in market.simulation.engine.accounts.values() for order in account.orders)
        same = OrderRequest(ours.account, Symbol(ours.symbol), ours.side, ours.kind, ours.quantity, ours.price)
        market.simulation.place_order(same, by_hand=True)
        market.simulation.clear_faults()
        await until(lambda: market.database.orders.quarantined(ACCOUNT), "a quarantined order")
        await until(lambda: _has(run, "resolve_order"), "a run that resolves it")
        return {"open/quarantined": await run.fetch_history()}


async def recovered_shares(market: RunningMarket) -> Seen:
    """Sell the shares of an order that was found late, by the worker that exists for them only."""
    async with market.hosted():
        run = await first_run(market)
        await market.holds()
        await run.terminate("its shares go to the worker of recovered shares")
    worker_id = recovery_worker(HYNIX)
    for table in ("positions", "orders"):
        await market.database._pool.execute(f"UPDATE {table} SET worker_id = $1", worker_id)
    await market.database._pool.execute("UPDATE stock_locks SET expires_at = clock_timestamp()")
    async with market.hosted():
        run = await first_run(market, worker_id=worker_id)
        await until(lambda: _has(run, "begin_watch"), "a watch")
        market.price_moves(-0.05)
        return {"recovered_shares": await _whole(run)}


async def open_close(market: RunningMarket) -> Seen:
    """Sell by the close what a lost worker holds; no bid takes it yet."""
    async with market.hosted():
        await _left_to_the_close(market)
        market.simulation.set_conditions(HYNIX, no_bids=True)
        close = await market.start_close()
        await _recorded(market, EventKind.POSITION_SEIZED)
        await until(lambda: _has(close, "follow_order"), "an order of the close")
        seen = await close.fetch_history()
        await close.terminate("it is recorded; the next story has another ledger")
        return {"open/market_close": seen}


async def close_in_a_second_run(market: RunningMarket) -> Seen:
    """Continue a close whose history has grown: its one sale rests after a refusal."""
    async with market.hosted():
        await _left_to_the_close(market)
        (position,) = await market.database.positions.held_in(ACCOUNT)
        lease = await market.database.locks.take_over(ACCOUNT, HYNIX, CLOSER)
        now = market.clock.real_time(market.with_.pace.now())
        rests = Resting(held_under(lease, position, overdue=False), Tries(), now + timedelta(seconds=2))
        half_way = HalfWay(started_at=now, told=1, seized=1, sales=(rests,), unsold=None)
        close = await market.start_close(MarketCloseRequest(ACCOUNT, market.clock, ONE_STOCK, half_way))
        await close.result()
        return {"close_in_a_second_run": await close.fetch_history()}


STATES: Final[dict[str, tuple[Callable[[RunningMarket], Awaitable[Seen]], str]]] = {
    "open/resting": (open_resting, _ENTRIES_ARE_OVER),
    "refused_entry": (refused_entry, _MORNING),
    "refused_sale": (refused_sale, _MORNING),
    "interrupted_scan": (interrupted_scan, _MORNING),
    "open/carried_over": (open_carried_over, _BEFORE_THE_OPENING),
    "open/quarantined": (open_quarantined, _MORNING),
    "recovered_shares": (recovered_shares, _MORNING),
    "open/market_close": (open_close, _BEFORE_THE_CUT_OFF),
    "close_in_a_second_run": (close_in_a_second_run, _BEFORE_THE_CUT_OFF),
}


async def _left_to_the_close(market: RunningMarket) -> None:
    run = await first_run(market)
    await market.holds()
    await run.terminate("a bug keeps it from moving")


async def _recorded(market: RunningMarket, kind: EventKind) -> None:
    date = session_date_of(market.clock.market_anchor)

    async def is_recorded() -> bool:
        return await market.database.events.counts(ACCOUNT, date, kind) > 0

    await until(is_recorded, kind)


async def _whole(run: Run) -> WorkflowHistory:
    """Return the history of a run once it is over."""

    async def is_over() -> bool:
        return (await run.describe()).status is not WorkflowExecutionStatus.RUNNING

    await until(is_over, "end of the run")
    return await run.fetch_history()


async def _has(run: Run, text: str) -> bool:
    return text in (await run.fetch_history()).to_json()
