"""The smallest scene that reveals each mistake: each returns its check's complaints."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from activities.entries import PreparedEntry
from activities.resolving import ResolveRequest
from activities.selling import PreparedExit
from activities.support.requests import SessionRequest
from domain.event import EventLevel
from domain.host_limits import ceiling_of
from domain.identity import WorkerId
from domain.market import Side
from domain.money import Price, Quantity, Won
from domain.order import OrderPurpose, OrderStatus
from domain.position import ExitReason
from lab.books import book_of, frozen_books
from lab.runs import StuckError
from simulator.order_types import OrderType
from simulator.orders import Holding, OrderRequest
from tests.activities.desk import OPENS_AT, PLAN, Desk, HandPace
from tests.broker.parts import Budget, a_many_row, success
from tests.support.builders import SAMSUNG, host_limits
from tests.support.stepping import ACCOUNT, RULES, a_broker, a_simulation, pinned_database
from tests.trials.clockwork.town import Town, a_town
from tests.trials.crash_points.day import PLAN as DAY_PLAN
from tests.trials.crash_points.day import play
from tests.trials.crash_points.market import ALWAYS_REJECTED, LOSES, NEVER_ARRIVED, REPLY_LOST, Plot
from tests.trials.crash_points.reckoning import wrong_with
from tests.workflows.virtual_floor import a_floor
from verifier.invariants import violations

Scene = Callable[[str], Awaitable[list[str]]]


def a_day(plot: Plot, ends_at: str | int = 0, prepare: Callable[[Town], Awaitable[None]] | None = None) -> Scene:
    """A day of the crash-point matrix, judged as there."""

    async def scene(database_url: str) -> list[str]:
        async with a_town(database_url) as town:
            if prepare is not None:
                await prepare(town)
            try:
                return wrong_with(await play(town, plot, ends_at))
            except StuckError as stuck:
                return [f"stuck {stuck}"]

    return scene


async def a_day_without_buyers(database_url: str) -> list[str]:
    """Every sale is refused, so that shares remain at the end: they must be named."""
    async with a_town(database_url) as town:
        case = await play(town, Plot(request="exit", answer=ALWAYS_REJECTED))
        return [complaint for complaint in wrong_with(case) if complaint.startswith("I")]


def at_a_desk(act: Callable[[Desk], Awaitable[list[str]]]) -> Scene:
    """An action with activities alone, judged by the verifier and by its own complaints."""

    async def scene(database_url: str) -> list[str]:
        async with a_desk(database_url) as desk:
            complaints = await act(desk)
            book = await book_of(desk.simulation)
            books = await frozen_books(desk.database, book, DAY_PLAN, is_over=False)
            found = violations(books).items()
            return [*complaints, *(f"{name} {each.what}" for name, every in found for each in every)]

    return scene


@asynccontextmanager
async def a_desk(database_url: str) -> AsyncIterator[Desk]:
    simulation, budget = a_simulation(OPENS_AT), Budget()
    pace = HandPace(simulation)
    async with pinned_database(database_url) as database, a_broker(simulation, database, pace.now, budget) as broker:
        desk = Desk(simulation, database, broker, pace)
        desk.simulation.force_price(SAMSUNG, desk.price(), natural=False)
        desk.budget = budget  # type: ignore[attr-defined]
        yield desk


async def without_the_key(town: Town) -> None:
    """Drop the constraint that keeps a fill from being written twice."""
    await town.pool.execute("ALTER TABLE fills DROP CONSTRAINT fills_pkey CASCADE")


async def lock_taken_before_sending(desk: Desk) -> list[str]:
    entry = await desk.prepared()
    await desk.database.locks.take_over(ACCOUNT, SAMSUNG, WorkerId("worker-2"))
    await desk.submits(entry)
    return []


async def gate_shut_before_sending(desk: Desk) -> list[str]:
    entry = await desk.prepared()
    await desk.database.risk.close_entries(ACCOUNT, PLAN.session.date, "market close")
    await desk.submits(entry)
    return []


async def bought_by_looser_rules_than_the_hosts(desk: Desk) -> list[str]:
    """The workflow's rules allow more won per trade than its host; the buy is cut down to the host's limit."""
    own = replace(RULES, risk=replace(RULES.risk, capital_per_trade=Won(500_000)))
    await desk.database.hosts.beat(ACCOUNT, "host", "machine", 1)
    limits = host_limits(ceiling=ceiling_of(own))
    desk.limits = await desk.database.host_limits.record(ACCOUNT, "host", limits)
    desk.rebuild()
    entry = await desk.prepared()
    record = await desk.submits(entry)
    if record.status is not OrderStatus.ACCEPTED:
        return [f"scene: {record.status}"]
    await desk.follows(entry.intent_id)
    return []


async def sold_with_the_kill_switch_on(desk: Desk) -> list[str]:
    entry = await desk.buys()
    await desk.database.risk.press_kill_switch(ACCOUNT, "operator", "test")
    await desk.sells(entry)
    return []


async def fallen_from_the_best_price_after_a_restart(desk: Desk) -> list[str]:
    entry = await desk.buys()
    desk.pace.meanwhile.append(lambda: desk.price_moves(0.03))
    desk.pace.meanwhile.extend([lambda: None, _dies])
    try:
        await desk.watches(entry)
    except _PowerCutError:
        desk.rebuild()
    desk.pace.meanwhile.clear()
    desk.price_moves(-0.02)
    desk.pace.meanwhile.extend([lambda: None] * 4 + [lambda: desk.price_moves(-0.06)])
    signal = await desk.watches(entry)
    return [] if signal.reason is ExitReason.TRAILING_STOP else [f"scene: sold by {signal.reason} only"]


async def an_absurd_price(desk: Desk) -> list[str]:
    entry = await desk.buys()
    absurd = success(output=[a_many_row(inter2_prpr="1", inter2_llam="49100", inter2_mxpr="91100")]).text
    desk.simulation.add_fault(kind="garbage", path="intstock-multprice", count=1, body=absurd)
    desk.pace.meanwhile.extend([lambda: None] * 4 + [lambda: desk.price_moves(0.06)])
    signal = await desk.watches(entry)
    return [] if signal.reason is ExitReason.TAKE_PROFIT else [f"scene: sold by {signal.reason} at {signal.price}"]


async def shares_from_nowhere(desk: Desk) -> list[str]:
    """The broker shows shares that no order has bought, ours or the owner's: they may be ours, so it is not flat."""
    await desk.day_start.compare(ACCOUNT, PLAN.session.date)
    desk.broker_account.holdings[SAMSUNG] = Holding(SAMSUNG, quantity=3, cost=Won(3))
    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, PLAN.session.date))
    return ["scene: flat with shares of unknown origin"] if proof.flat else []


async def held_by_hand_at_the_close(desk: Desk) -> list[str]:
    """The owner has bought manually: the shares are the owner's, are named, and raise no alarm."""
    account = desk.broker_account
    by_hand = OrderRequest(account.id, SAMSUNG, Side.BUY, OrderType.MARKET, Quantity(3), Price(0))
    desk.simulation.place_order(by_hand, by_hand=True)
    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, PLAN.session.date))
    loud = [event.kind for event in await desk.database.events.latest(ACCOUNT, 9) if event.level is EventLevel.CRITICAL]
    return [] if proof.flat and proof.owners and not loud else [f"scene: the owner's shares are an alarm {loud}"]


async def slots_of_all_requests(desk: Desk) -> list[str]:
    await desk.buys()
    slots, calls = len(desk.budget.lanes), desk.simulation.calls.total  # type: ignore[attr-defined]
    return [] if slots == calls else [f"scene: {calls} requests in {slots} slots"]


async def a_second_sale_like_the_first(desk: Desk) -> list[str]:
    """Two sales of the same shares at the same price: the first was withdrawn, the second never arrived."""
    entry = await desk.buys()
    desk.simulation.set_conditions(SAMSUNG, no_bids=True)
    desk.simulation.force_price(SAMSUNG, desk.price(), natural=False, volume=0)
    first = await _sale(desk, entry, 0)
    await desk.does(desk.orders.cancel_order, first.intent_id)
    await desk.follows(first.intent_id, timedelta(0))
    desk.simulation.add_fault(kind="drop_before", path="order-cash")
    second = await _sale(desk, entry, 1)
    try:
        record = await desk.does(desk.resolving.resolve_order, ResolveRequest(second.intent_id))
    except AssertionError as endless:
        # The ledger binds no order twice, so the resolver never gets there.
        return [f"ledger: {endless}"]
    return [] if record.status is OrderStatus.NEVER_PLACED else [f"scene: {record.status}"]


async def paused_in_one_run_and_asked_in_the_next(_: str) -> list[str]:
    async with a_floor() as floor:
        await floor.reaches("2026-11-23 09:20")
        await floor.commands("pause")
        await floor.reaches("2026-11-23 11:00")
        return floor.complaints()


async def _sale(desk: Desk, entry: PreparedEntry, attempt: int) -> PreparedExit:
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, attempt))
    assert isinstance(sale, PreparedExit), sale
    await desk.submits(sale, OrderPurpose.EXIT)
    return sale


class _PowerCutError(Exception):
    """The process ends in the middle of a pause."""


def _dies() -> None:
    raise _PowerCutError


LOST_ENTRY = Plot(request="entry", answer=REPLY_LOST)
LOST_EXIT = Plot(request="exit", answer=REPLY_LOST)
LOST_BESIDE_A_SLOW_CLOCK = Plot(request="entry", answer=REPLY_LOST, drift=LOSES)
"""The exchange's clock has lost a second and a half since the open."""
LOST_CANCEL = Plot(worked=True, request="second cancel", answer=NEVER_ARRIVED)
