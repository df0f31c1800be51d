"""The owner manually sells shares that we hold: two witnesses must agree before Haru accepts it (F22, F23, F32)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from activities.account.first_look import SharesKnown
from activities.account.foreign_sales import LOOK_FOR_HAND_SALES, Left
from activities.selling import NothingToSell, PreparedExit, SoldByOthers
from activities.settling import CloseRequest
from domain.day_costs import Brought
from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.ladder import Rung, Tries
from domain.market import Side
from domain.money import Price, Quantity, Won
from domain.order import OrderPurpose
from domain.position import ExitReason
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.desk import PLAN, Desk
from tests.support.builders import MONDAY, SAMSUNG
from tests.support.stepping import ACCOUNT, CALENDAR

BALANCE = "/uapi/domestic-stock/v1/trading/inquire-balance"
REFUSED = Tries().after(Rung.BEST_BID, refused=True)


def by_hand(desk: Desk, side: Side, quantity: int) -> None:
    order = OrderRequest(desk.broker_account.id, SAMSUNG, side, OrderType.MARKET, Quantity(quantity), Price(0))
    assert desk.simulation.place_order(order, by_hand=True).filled == quantity


def sell_by_hand(desk: Desk, quantity: int) -> None:
    by_hand(desk, Side.SELL, quantity)


async def test_shares_that_the_owner_sold_are_not_sold_again(desk: Desk) -> None:
    entry = await desk.buys()
    sell_by_hand(desk, entry.quantity)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=REFUSED))

    assert isinstance(decision, SoldByOthers)
    close = CloseRequest(entry.position_id, ExitReason.FOREIGN_SALE, entry.lease, timedelta(0), decision.brought)
    result = await desk.settles(close)
    assert result.exit_reason is ExitReason.FOREIGN_SALE
    assert await desk.database.positions.held_in(ACCOUNT) == ()


async def test_the_trade_is_booked_at_the_owners_price_not_at_the_last_one_seen(desk: Desk) -> None:
    entry = await desk.buys()
    desk.price_moves(+0.02)
    sell_by_hand(desk, entry.quantity)
    theirs = desk.side_of(Side.SELL)[-1]
    desk.price_moves(-0.04)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=REFUSED))

    assert decision == SoldByOthers(Won(theirs.amount), by_day=(Brought(MONDAY, Won(theirs.amount)),))
    close = CloseRequest(entry.position_id, ExitReason.FOREIGN_SALE, entry.lease, timedelta(0), Won(theirs.amount))
    await desk.does(desk.settling.close_position, close)
    (trade,) = await desk.database.trades.on(ACCOUNT, MONDAY)
    assert trade.exit_amount == theirs.amount


async def test_what_the_owner_sold_before_we_bought_does_not_set_the_price(desk: Desk) -> None:
    by_hand(desk, Side.BUY, 5)
    sell_by_hand(desk, 5)
    desk.passes(minutes=1)
    entry = await desk.buys()
    desk.price_moves(+0.02)
    sell_by_hand(desk, entry.quantity)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=REFUSED))

    assert isinstance(decision, SoldByOthers)
    assert decision.brought == desk.side_of(Side.SELL)[-1].amount


async def test_only_what_the_owner_left_is_sold(desk: Desk) -> None:
    entry = await desk.buys()
    sell_by_hand(desk, 1)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=REFUSED))

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == entry.quantity - 1


@pytest.mark.parametrize(("refusals", "looks"), [(1, True), (2, True), (3, False), (4, True), (5, False), (31, False)])
async def test_a_sale_refused_again_and_again_does_not_ask_each_time_whose_the_shares_are(
    desk: Desk, refusals: int, looks: bool
) -> None:
    entry = await desk.buys()
    sell_by_hand(desk, 1)
    calls = desk.simulation.calls.by_path
    before = calls[BALANCE]

    tries = replace(REFUSED, refusals=refusals, offered=Quantity(entry.quantity - 2))
    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=tries))

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == entry.quantity - (1 if looks else 2), "what the last look left is offered meanwhile"
    assert (calls[BALANCE] > before) is looks


@pytest.mark.parametrize("tries", [Tries(), REFUSED])
async def test_an_order_that_never_left_raises_no_doubt_about_the_shares(desk: Desk, tries: Tries) -> None:
    entry = await desk.buys()
    calls = desk.simulation.calls.by_path
    before = calls[BALANCE]

    unsent = tries.after_unsent(entry.quantity)
    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=unsent))

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == entry.quantity
    assert calls[BALANCE] == before


async def test_what_the_owner_sold_before_the_night_is_not_offered_next_morning(desk: Desk) -> None:
    entry = await desk.buys()
    sell_by_hand(desk, 1)
    desk.passes(days=1)
    tomorrow = CALENDAR.session_at_or_after(PLAN.session.ends_at)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2, session=tomorrow))
    assert isinstance(decision, PreparedExit)
    await desk.submits(decision, OrderPurpose.EXIT)
    sold = await desk.follows(decision.intent_id)
    rest = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 3, session=tomorrow))
    result = await desk.settles(CloseRequest(entry.position_id, ExitReason.DEADLINE, entry.lease, timedelta(0)))

    assert sold.filled_quantity == entry.quantity - 1
    assert isinstance(rest, NothingToSell)
    assert result.exit_reason is ExitReason.FOREIGN_SALE
    (by_hand_row,) = [row for row in desk.broker_account.orders if row.by_hand]
    (trade,) = await desk.database.trades.on(ACCOUNT, result.session_date)
    assert trade.exit_amount == sold.filled_amount + by_hand_row.amount


async def test_a_carried_position_is_sold_although_the_broker_answers_no_question_about_it(desk: Desk) -> None:
    entry = await desk.buys()
    desk.passes(days=1)
    desk.simulation.add_fault(kind="garbage", path="inquire-daily-ccld", count=0, body="<html>")
    tomorrow = CALENDAR.session_at_or_after(PLAN.session.ends_at)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2, session=tomorrow))

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == entry.quantity


async def test_a_refused_sale_is_offered_again_although_the_owner_of_the_shares_is_unknown(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.add_fault(kind="garbage", path="inquire-daily-ccld", count=0, body="<html>")

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=REFUSED))

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == entry.quantity


async def test_what_the_owner_buys_after_a_sale_of_ours_is_not_sold_in_its_place(desk: Desk) -> None:
    entry = await desk.buys()
    sell_by_hand(desk, 2)
    by_hand(desk, Side.BUY, 5)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=REFUSED))

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == entry.quantity - 2


async def test_the_owner_who_sells_and_buys_shares_of_his_own_takes_none_of_ours(desk: Desk) -> None:
    by_hand(desk, Side.BUY, 4)
    await SharesKnown(desk.broker, desk.database, desk.pace).look_first(ACCOUNT, MONDAY)
    entry = await desk.buys()
    sell_by_hand(desk, 4)
    by_hand(desk, Side.BUY, 1)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=REFUSED))

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == entry.quantity


async def test_shares_that_no_order_explains_may_be_ours_still(desk: Desk) -> None:
    entry = await desk.buys()
    sell_by_hand(desk, 2)
    desk.broker_account.holdings[SAMSUNG].quantity += 2

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=REFUSED))

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == entry.quantity


async def test_a_part_that_the_owner_sells_is_booked_while_holding_and_what_he_then_buys_is_his(desk: Desk) -> None:
    entry = await desk.buys()
    desk.pace.meanwhile.append(lambda: sell_by_hand(desk, 2))
    desk.pace.meanwhile.extend([lambda: None] * 121)
    desk.pace.meanwhile.append(lambda: by_hand(desk, Side.BUY, 5))
    desk.pace.meanwhile.append(lambda: desk.price_moves(-0.1))

    signal = await desk.watches(entry)
    sold = await desk.sells(entry)
    result = await desk.settles(CloseRequest(entry.position_id, signal.reason, entry.lease, timedelta(0)))

    assert signal.reason is ExitReason.STOP_LOSS
    assert sold.filled_quantity == entry.quantity - 2
    assert desk.broker_account.holdings[SAMSUNG].quantity == 5
    theirs, _ = desk.side_of(Side.SELL)
    (trade,) = await desk.database.trades.on(ACCOUNT, MONDAY)
    assert result.exit_reason is ExitReason.FOREIGN_SALE
    assert trade.exit_amount == sold.filled_amount + theirs.amount
    (event,) = [each for each in await desk.database.events.latest(ACCOUNT, 50) if each.kind == EventKind.SOLD_BY_HAND]
    assert (event.level, event.symbol) == (EventLevel.WARNING, SAMSUNG)
    assert (event.detail["quantity"], event.detail["left"], event.detail["brought"]) == (
        2,
        entry.quantity - 2,
        theirs.amount,
    )


async def test_an_empty_balance_alone_proves_no_sale(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.add_fault(kind="empty_balance", count=0)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=REFUSED))

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == entry.quantity


@pytest.mark.parametrize("keeps", [0, 1])
async def test_one_empty_balance_is_not_believed_while_the_owner_sells_shares_of_his_own(
    desk: Desk, keeps: int
) -> None:
    entry = await desk.buys()
    by_hand(desk, Side.BUY, entry.quantity * (1 + keeps))
    sell_by_hand(desk, entry.quantity)
    desk.simulation.add_fault(kind="empty_balance", path="inquire-balance", count=1)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=REFUSED))

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == entry.quantity


async def test_a_sale_by_hand_is_noticed_while_holding(desk: Desk) -> None:
    entry = await desk.buys()
    desk.pace.meanwhile.extend([lambda: None] * 3)
    desk.pace.meanwhile.append(lambda: sell_by_hand(desk, entry.quantity))

    signal = await desk.watches(entry)

    assert signal.reason is ExitReason.FOREIGN_SALE
    assert desk.pace.waited() >= LOOK_FOR_HAND_SALES
    request = desk.exit_of(entry, 0, reason=signal.reason)
    assert isinstance(await desk.does(desk.selling.prepare_exit, request), SoldByOthers)
    assert len(desk.side_of(Side.SELL)) == 1, "nothing of ours was sent"


async def test_a_balance_that_could_not_be_read_counts_for_every_watch_until_the_next_look(desk: Desk) -> None:
    first = await desk.holding((await desk.buys()).position_id)
    calls = desk.simulation.calls.by_path
    desk.simulation.add_fault(kind="http_error", path="inquire-balance", count=1)
    before = calls[BALANCE]

    for _ in range(3):
        assert (await desk.does(desk.foreign_sales.noticed_by, first)).quantity == first.quantity
    assert calls[BALANCE] == before + 1
    desk.simulation.move_clock(desk.pace.now() + LOOK_FOR_HAND_SALES)
    await desk.does(desk.foreign_sales.noticed_by, first)

    assert calls[BALANCE] == before + 2


async def test_an_empty_balance_while_holding_ends_no_watch(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.add_fault(kind="empty_balance", count=0)
    desk.pace.meanwhile.extend([lambda: None] * 70)
    desk.pace.meanwhile.append(lambda: desk.price_moves(-0.1))

    signal = await desk.watches(entry)

    assert signal.reason is ExitReason.STOP_LOSS


async def test_a_part_that_the_owner_sells_is_taken_out_of_the_books_once(desk: Desk) -> None:
    entry = await desk.buys()
    before = await desk.holding(entry.position_id)
    sell_by_hand(desk, 1)

    left = await desk.does(desk.foreign_sales.noticed_by, before)
    await desk.does(desk.foreign_sales.booked, before, left)
    await desk.does(desk.foreign_sales.booked, before, left)
    after = await desk.holding(entry.position_id)

    assert left == Left(Quantity(entry.quantity - 1), (Brought(MONDAY, Won(desk.side_of(Side.SELL)[-1].amount)),))
    assert (after.quantity, after.taken, after.taken_amount) == (left.quantity, 1, left.brought)
    assert await desk.does(desk.foreign_sales.noticed_by, after) == Left(after.quantity)


async def test_our_own_sale_that_is_not_booked_yet_is_not_foreign(desk: Desk) -> None:
    entry = await desk.buys()
    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert isinstance(decision, PreparedExit)
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash")
    await desk.submits(decision, OrderPurpose.EXIT)
    position = await desk.holding(entry.position_id)

    assert await desk.does(desk.foreign_sales.noticed_by, position) == Left(position.quantity)


async def test_a_part_sold_by_hand_is_not_booked_while_an_order_of_ours_is_under_way(desk: Desk) -> None:
    entry = await desk.buys()
    position = await desk.holding(entry.position_id)
    assert isinstance(await desk.does(desk.selling.prepare_exit, desk.exit_of(entry)), PreparedExit)

    rest = await desk.does(desk.foreign_sales.booked, position, Left(Quantity(1), (Brought(MONDAY, Won(1)),)))

    assert rest == position
    assert (await desk.holding(entry.position_id)).quantity == entry.quantity


async def test_watchers_of_one_process_share_one_look_at_the_account(desk: Desk) -> None:
    entry = await desk.buys()
    position = await desk.holding(entry.position_id)
    before = desk.simulation.calls.total

    for _ in range(5):
        await desk.does(desk.foreign_sales.noticed_by, position)

    assert desk.simulation.calls.total == before + 1


async def test_a_broker_that_is_away_ends_no_watch(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.add_fault(kind="http_error", path="inquire-balance", count=0)

    position = await desk.holding(entry.position_id)
    assert await desk.does(desk.foreign_sales.noticed_by, position) == Left(position.quantity)
