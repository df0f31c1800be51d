"""The list shows filled shares of a sale as withdrawn: these shares are never offered again (F42)."""

import asyncio
from datetime import timedelta

import pytest

from activities.account.shares_left import SharesLeft
from activities.entries import PreparedEntry
from activities.selling import ExitDecision, NothingToSell, PreparedExit, SellingActivities
from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.ladder import Rung, Tries, Wait
from domain.market import Side
from domain.money import Price, Quantity
from domain.order import OrderPurpose, OrderRecord, OrderStatus
from simulator.order_types import OrderType
from simulator.orders import Order, OrderRequest
from tests.activities.account.test_late_fills import LISTS, earned, events_of, net, reconciled, settled, verified
from tests.activities.desk import Desk
from tests.activities.test_orders import THIN
from tests.support.builders import SAMSUNG

BALANCE = "inquire-balance"
LATE = 3
OWNERS = 19


def the_owner_buys(desk: Desk, shares: int = OWNERS) -> None:
    by_hand = OrderRequest(desk.broker_account.id, SAMSUNG, Side.BUY, OrderType.MARKET, Quantity(shares), Price(0))
    desk.simulation.place_order(by_hand, by_hand=True)


async def sold_but_for_late_shares(desk: Desk, *, of_all_orders: bool = False) -> tuple[PreparedEntry, OrderRecord]:
    """Sell all. From now on the list shows the last three shares as withdrawn, of the sale or of every order."""
    entry = await desk.buys()
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert isinstance(sale, PreparedExit)
    await desk.submits(sale, OrderPurpose.EXIT)
    number = "" if of_all_orders else desk.sent[-1].number
    desk.simulation.add_fault(kind="hide_fills", path=LISTS, shares=LATE, number=number, count=0)
    record = await desk.follows(sale.intent_id)
    assert (record.status, record.filled_quantity) == (OrderStatus.CANCELLED, entry.quantity - LATE)
    assert desk.sent[-1].filled == entry.quantity
    return entry, record


async def next_sale(desk: Desk, entry: PreparedEntry, attempt: int = 3) -> ExitDecision:
    return await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, attempt))


async def test_shares_that_are_sold_already_are_not_taken_from_the_owner(desk: Desk) -> None:
    entry, _ = await sold_but_for_late_shares(desk)
    the_owner_buys(desk)
    sent = len(desk.side_of(Side.SELL))

    decision = await next_sale(desk, entry)

    assert isinstance(decision, Wait)
    assert decision.until == desk.pace.now() + timedelta(seconds=2)
    assert len(desk.side_of(Side.SELL)) == sent
    assert desk.broker_account.holdings[SAMSUNG].quantity == OWNERS
    (event,) = await events_of(desk, EventKind.SALE_LISTED_SHORT)
    assert (event.level, event.symbol, event.detail["quantity"]) == (EventLevel.WARNING, SAMSUNG, LATE)


async def test_the_trade_is_booked_to_the_won_as_soon_as_the_list_shows_the_fills(desk: Desk) -> None:
    entry, _ = await sold_but_for_late_shares(desk)
    assert isinstance(await next_sale(desk, entry), Wait)
    desk.simulation.clear_faults()

    assert isinstance(await next_sale(desk, entry), NothingToSell)

    await settled(desk, entry)
    assert await net(desk) == earned(desk)
    assert len(await events_of(desk, EventKind.MISSING_FILL_BOOKED)) == 1
    assert await verified(desk) == []


async def test_a_trade_that_a_late_fill_ends_is_booked_by_the_comparison_that_finds_the_fill(desk: Desk) -> None:
    await sold_but_for_late_shares(desk)
    desk.simulation.clear_faults()

    await reconciled(desk)

    assert await net(desk) == earned(desk) != 0
    assert await verified(desk) == []


async def partly_sold(desk: Desk, hidden: int = 0) -> tuple[PreparedEntry, Order]:
    """Sell a part of a thin stock and withdraw the rest; the list hides the last shares sold."""
    desk.simulation.force_price(THIN, desk.price(THIN), volume=0)
    entry = await desk.prepared(THIN)
    await desk.submits(entry)
    await desk.does(desk.orders.cancel_order, entry.intent_id)
    bought = (await desk.follows(entry.intent_id)).filled_quantity
    desk.simulation.set_conditions(THIN, thin=True)
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 0))
    assert isinstance(sale, PreparedExit)
    await desk.submits(sale, OrderPurpose.EXIT)
    await desk.does(desk.orders.cancel_order, sale.intent_id)
    order = desk.sent[-1]
    assert 0 < order.filled < bought
    if hidden:
        desk.simulation.add_fault(kind="hide_fills", path=LISTS, shares=hidden, number=order.number, count=0)
    record = await desk.follows(sale.intent_id)
    assert record.filled_quantity == order.filled - hidden
    return entry, order


async def withdrawn_sale(desk: Desk) -> PreparedEntry:
    """Offer all shares to no bids, and withdraw the order."""
    entry = await desk.buys()
    desk.simulation.set_conditions(SAMSUNG, no_bids=True)
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 0))
    assert isinstance(sale, PreparedExit)
    await desk.submits(sale, OrderPurpose.EXIT)
    await desk.does(desk.orders.cancel_order, sale.intent_id)
    assert (await desk.follows(sale.intent_id)).status is OrderStatus.CANCELLED
    return entry


async def test_of_a_sale_that_is_partly_unsold_only_what_the_account_holds_is_offered(desk: Desk) -> None:
    entry, _ = await partly_sold(desk, hidden=1)
    held = desk.broker_account.holdings[THIN].quantity

    decision = await next_sale(desk, entry)

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == held


async def test_the_rest_of_a_sale_that_was_withdrawn_is_offered_at_once(desk: Desk) -> None:
    entry = await withdrawn_sale(desk)
    the_owner_buys(desk)

    decision = await next_sale(desk, entry)

    assert isinstance(decision, PreparedExit)
    assert (decision.quantity, desk.pace.pauses) == (entry.quantity, 0)


async def test_books_that_refuse_to_answer_keep_no_share_from_being_offered(desk: Desk) -> None:
    entry, _ = await sold_but_for_late_shares(desk)
    desk.simulation.add_fault(kind="refuse", path=BALANCE, count=0)

    decision = await next_sale(desk, entry)

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == LATE


async def test_books_that_do_not_answer_in_time_keep_no_share_from_being_offered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, _ = await sold_but_for_late_shares(desk)
    monkeypatch.setattr(desk.broker, "balance", lambda _: asyncio.Event().wait())
    asking = SharesLeft(desk.foreign_sales, desk.short_sales, desk.database, desk.pace, answered_within=0.5)
    desk.selling = SellingActivities(desk.feed, asking, desk.database, desk.pace, desk.broker.evening_orders)

    decision = await next_sale(desk, entry)

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == LATE


async def test_a_refusal_for_lack_of_shares_reads_the_list_again(desk: Desk) -> None:
    entry, _ = await sold_but_for_late_shares(desk)
    desk.simulation.add_fault(kind="lag_balance", path=BALANCE, seconds=600, count=0)
    again = await next_sale(desk, entry)
    assert isinstance(again, PreparedExit)
    refused = await desk.submits(again, OrderPurpose.EXIT)
    assert (refused.status, refused.reject_code) == (OrderStatus.REJECTED, "APBK0400")
    desk.simulation.clear_faults()
    tries = Tries(3).after(Rung.MARKET, refused=True, offered=again.quantity)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 4, tries=tries))

    assert isinstance(decision, NothingToSell)
    await settled(desk, entry)
    assert await verified(desk) == []


async def test_the_list_is_read_less_often_the_longer_it_shows_too_little(desk: Desk) -> None:
    entry, _ = await sold_but_for_late_shares(desk)
    pauses = []

    for attempt in range(3, 8):
        decision = await next_sale(desk, entry, attempt)
        assert isinstance(decision, Wait)
        pauses.append((decision.until - desk.pace.now()).total_seconds())
        desk.passes(seconds=22)

    assert pauses == sorted(pauses)
    assert pauses[0] == 2
    assert pauses[-1] > 20
    assert len(await events_of(desk, EventKind.SALE_LISTED_SHORT)) == 1


async def test_shares_that_the_owner_moved_without_an_order_keep_no_sale_back_for_long(desk: Desk) -> None:
    the_owner_buys(desk)
    entry = await withdrawn_sale(desk)
    desk.broker_account.holdings[SAMSUNG].quantity -= entry.quantity
    assert isinstance(await next_sale(desk, entry), Wait)
    desk.passes(seconds=120)

    decision = await next_sale(desk, entry, 4)

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == entry.quantity


async def test_shares_that_were_kept_back_once_are_not_kept_back_after_the_next_sale(desk: Desk) -> None:
    the_owner_buys(desk, 100)
    entry = await withdrawn_sale(desk)
    desk.broker_account.holdings[SAMSUNG].quantity -= entry.quantity
    assert isinstance(await next_sale(desk, entry), Wait)
    desk.passes(seconds=120)
    again = await next_sale(desk, entry, 4)
    assert isinstance(again, PreparedExit)
    await desk.submits(again, OrderPurpose.EXIT)
    await desk.does(desk.orders.cancel_order, again.intent_id)
    assert (await desk.follows(again.intent_id)).status is OrderStatus.CANCELLED

    decision = await next_sale(desk, entry, 5)

    assert isinstance(decision, PreparedExit)
    assert (decision.quantity, desk.pace.pauses) == (entry.quantity, 0)


async def test_a_sale_that_worked_for_long_is_checked_when_it_ends(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.set_conditions(SAMSUNG, no_bids=True)
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert isinstance(sale, PreparedExit)
    await desk.submits(sale, OrderPurpose.EXIT)
    desk.passes(minutes=10)
    desk.simulation.set_conditions(SAMSUNG, no_bids=False)
    desk.passes(minutes=1)
    desk.simulation.add_fault(kind="hide_fills", path=LISTS, shares=LATE, number=desk.sent[-1].number, count=0)
    assert (await desk.follows(sale.intent_id)).status is OrderStatus.CANCELLED
    assert desk.sent[-1].filled == entry.quantity
    the_owner_buys(desk)

    assert isinstance(await next_sale(desk, entry), Wait)


async def test_yesterdays_short_sale_asks_nothing_today(desk: Desk) -> None:
    entry, _ = await sold_but_for_late_shares(desk)
    position = await desk.holding(entry.position_id)
    assert await desk.short_sales.of(position)

    desk.passes(days=1)

    assert await desk.short_sales.of(position) == ()
