"""Sales are recorded for exactly the shares held and booked once, whatever is retried."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import activities.selling
from activities.entries import PreparedEntry
from activities.market.quote_feed import QuoteFeed
from activities.orders import SENDING_TAKES
from activities.selling import MarketShut, NothingToSell, PreparedExit
from activities.settling import CloseRequest
from activities.support.pace import SendWindow
from database.locks import Locks
from domain.errors import InvalidTransitionError, StaleFencingTokenError
from domain.identity import WorkerId
from domain.ladder import Rung, Tries
from domain.lock import LockHeld
from domain.market import Quote, Symbol
from domain.money import Quantity
from domain.order import OrderPurpose, OrderStatus, OrderType
from domain.position import ExitReason
from tests.activities.desk import PLAN, Desk
from tests.support.builders import SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT

COOLDOWN = timedelta(minutes=10)


def close_of(entry: PreparedEntry, reason: ExitReason = ExitReason.OPERATOR) -> CloseRequest:
    return CloseRequest(entry.position_id, reason, entry.lease, COOLDOWN)


async def test_a_sale_covers_exactly_what_is_held_first_as_a_limit_then_at_market(
    desk: Desk,
) -> None:
    entry = await desk.buys()

    first = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 0))
    assert isinstance(first, PreparedExit)
    await desk.database.orders.withdraw(first.intent_id)
    last = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))

    assert isinstance(last, PreparedExit)
    assert first.quantity == last.quantity == entry.quantity
    types = [order.intent.order_type for order in await desk.database.orders.of_position(entry.position_id)]
    assert types == [OrderType.LIMIT, OrderType.LIMIT, OrderType.MARKET]


@pytest.mark.parametrize(
    ("tries", "rung"),
    [
        (Tries(), Rung.BEST_BID),
        (Tries(orders=2), Rung.MARKET),
        (Tries(orders=3, refusals=1, refused=Rung.MARKET), Rung.LOWER_LIMIT),
    ],
)
async def test_preparing_a_sale_twice_writes_it_once(desk: Desk, tries: Tries, rung: Rung) -> None:
    entry = await desk.buys()

    first = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=tries))
    desk.price_moves(-0.01)
    second = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=tries))

    assert isinstance(first, PreparedExit)
    assert (first.rung, second) == (rung, first)
    assert len(await desk.database.orders.of_position(entry.position_id)) == 2


async def test_a_sale_that_works_already_keeps_its_rung_when_another_is_asked_for(desk: Desk) -> None:
    entry = await desk.buys()
    working = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry))

    assert isinstance(working, PreparedExit)
    assert working.rung is Rung.BEST_BID
    found = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert found == replace(working, works_already=True), "it is followed, not sent again"


async def test_a_price_that_took_long_leaves_the_sale_its_time_to_leave(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await desk.buys()
    at_once = QuoteFeed.quotes

    async def at_last(feed: QuoteFeed, *asked: Any) -> dict[Symbol, Quote]:
        await desk.database.locks.renew(entry.lease, SENDING_TAKES - timedelta(seconds=1))
        return await at_once(feed, *asked)

    monkeypatch.setattr(QuoteFeed, "quotes", at_last)
    monkeypatch.setattr(activities.selling, "_RENEWED_FOR", 0.0)  # whatever time the look has taken is long

    assert (await desk.sells(entry)).status is OrderStatus.FILLED


async def test_a_quick_look_renews_the_lease_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, renewals, renew = await desk.buys(), list[object](), Locks.renew

    async def counted(self: Locks, *about: Any) -> Any:
        renewals.append(about)
        return await renew(self, *about)

    monkeypatch.setattr(Locks, "renew", counted)
    monkeypatch.setattr(activities.selling, "_RENEWED_FOR", 60.0)  # on any machine
    await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))

    assert len(renewals) == 1


@pytest.mark.parametrize(
    "tries",
    [Tries(refusals=6, refused=Rung.MARKET, offered=Quantity(1)), Tries(unsent=8, offered=Quantity(1))],
    ids=["refused", "unsent"],
)
async def test_the_lease_outlasts_the_pause_after_an_order_that_was_not_taken(desk: Desk, tries: Tries) -> None:
    entry = await desk.buys()
    before = await desk.database.locks.renew(entry.lease)
    assert before is not None

    await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=tries))

    held = await desk.database.locks.acquire(ACCOUNT, SAMSUNG, WorkerId("worker-2"))
    assert isinstance(held, LockHeld)
    assert held.expires_at - before.expires_at >= timedelta(minutes=1)


async def test_a_sale_that_never_left_is_distinguished_from_one_that_the_broker_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await desk.buys()
    desk.simulation.set_conditions(SAMSUNG, halted=True)
    refused = await desk.sells(entry)
    monkeypatch.setattr(SendWindow, "is_open", lambda _: False)
    unsent = await desk.sells(entry, attempt=3)

    assert refused.status is unsent.status is OrderStatus.REJECTED
    assert (refused.never_left, unsent.never_left) == (False, True)


async def test_after_the_last_market_of_the_day_nothing_is_written(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.move_clock(PLAN.session.post_close.until)

    assert await desk.does(desk.selling.prepare_exit, desk.exit_of(entry)) == MarketShut()


async def test_a_worker_that_lost_its_lease_cannot_prepare_a_sale(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.database.locks.take_over(ACCOUNT, SAMSUNG, WorkerId("worker-2"))

    with pytest.raises(StaleFencingTokenError):
        await desk.does(desk.selling.prepare_exit, desk.exit_of(entry))


@pytest.mark.parametrize("fault", ["http_error", "garbage", "refuse"])
async def test_without_any_price_a_position_is_still_sold(desk: Desk, fault: str) -> None:
    entry = await desk.buys()
    desk.passes(seconds=5)
    desk.simulation.add_fault(kind=fault, path="quotations", count=0)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry))

    assert isinstance(decision, PreparedExit)
    record = await desk.database.orders.get(decision.intent_id)
    assert record is not None
    assert record.intent.order_type is OrderType.MARKET


async def test_a_closed_trade_equals_what_the_broker_booked_and_frees_the_stock(desk: Desk) -> None:
    entry = await desk.buys()
    desk.price_moves(0.02)
    assert (await desk.sells(entry)).status is OrderStatus.FILLED

    result = await desk.settles(close_of(entry, ExitReason.TAKE_PROFIT))

    account = desk.broker_account
    assert result.net_pnl == account.cash - account.opening_cash
    assert await desk.database.locks.locked_symbols(ACCOUNT) == set()
    snapshot = await desk.database.risk.snapshot(ACCOUNT, WORKER, PLAN.session.date, desk.pace.now())
    assert snapshot.symbols_cooling_down == {SAMSUNG}
    assert await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 3)) == NothingToSell()


async def test_closing_twice_books_one_trade_with_the_first_reason(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.sells(entry)

    first = await desk.settles(close_of(entry, ExitReason.STOP_LOSS))
    second = await desk.settles(close_of(entry, ExitReason.STOP_LOSS))

    assert first == second
    (trade,) = await desk.database.trades.on(ACCOUNT, PLAN.session.date)
    assert (trade.net_pnl, trade.exit_reason) == (first.net_pnl, ExitReason.STOP_LOSS)


async def test_a_repeated_close_does_not_take_the_stock_from_its_next_owner(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.sells(entry)
    await desk.does(desk.settling.close_position, close_of(entry))
    await desk.database.locks.acquire(ACCOUNT, SAMSUNG, WorkerId("worker-2"))

    await desk.does(desk.settling.close_position, close_of(entry))

    assert await desk.database.locks.locked_symbols(ACCOUNT) == {SAMSUNG}


async def test_an_entry_that_bought_nothing_is_let_go_twice_without_harm(desk: Desk) -> None:
    entry = await desk.prepared()
    await desk.database.orders.withdraw(entry.intent_id)

    for _ in range(2):
        await desk.does(desk.settling.abandon_entry, close_of(entry))

    assert await desk.database.positions.live_of(ACCOUNT, WORKER) is None
    assert await desk.database.locks.locked_symbols(ACCOUNT) == set()


async def test_an_entry_that_may_still_fill_is_not_let_go(desk: Desk) -> None:
    entry = await desk.prepared()
    await desk.submits(entry)

    with pytest.raises(InvalidTransitionError):
        await desk.does(desk.settling.abandon_entry, replace(close_of(entry)))


async def test_a_market_sale_without_a_buyer_stays_and_is_taken_by_the_next_buyer(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.set_conditions(SAMSUNG, no_bids=True)
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert isinstance(sale, PreparedExit)
    await desk.submits(sale, OrderPurpose.EXIT)
    bids_return = timedelta(seconds=4)

    desk.pace.meanwhile.extend([str] * 7 + [lambda: desk.simulation.set_conditions(SAMSUNG, no_bids=False)])
    record = await desk.follows(sale.intent_id, timedelta(seconds=20))

    assert record.status is OrderStatus.FILLED
    assert bids_return <= desk.pace.waited() < timedelta(seconds=10)
