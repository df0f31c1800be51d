"""Shares carried overnight may change in number without an order: a split, a forced sale, dividend shares (F34)."""

from datetime import timedelta

import pytest

from activities.account.comparing import Reconciled, ReconcileRequest
from activities.entries import NoEntry, PreparedEntry
from activities.selling import PreparedExit
from activities.settling import CloseRequest, TradeResult
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import WorkerId
from domain.ladder import Tries
from domain.market import Side
from domain.money import Price, Quantity
from domain.order import OrderPurpose
from domain.position import ExitReason
from tests.activities.desk import PLAN, Desk
from tests.support.builders import HYNIX, SAMSUNG
from tests.support.stepping import ACCOUNT, CALENDAR

RIVAL = WorkerId("worker-2")


async def reconciled(desk: Desk) -> Reconciled:
    return await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))


def becomes(desk: Desk, quantity: int) -> None:
    desk.broker_account.holdings[SAMSUNG].quantity = quantity


async def changes_reported(desk: Desk) -> list[Event]:
    return [
        event
        for event in await desk.database.events.latest(ACCOUNT, 50)
        if event.kind == EventKind.CARRIED_POSITION_CHANGED
    ]


async def test_fewer_shares_than_were_carried_are_taken_as_the_broker_shows_them_and_sold(desk: Desk) -> None:
    entry = await desk.buys()
    desk.passes(days=1)
    becomes(desk, 2)

    found = await reconciled(desk)
    again = await reconciled(desk)

    assert [line.partition(":")[0] for line in found.differences] == ["missing_holding"]
    assert found.entries_closed
    assert again.differences == ()
    (event,) = await changes_reported(desk)
    assert event.level is EventLevel.CRITICAL
    assert (event.symbol, event.detail["ledger"], event.detail["broker"]) == (SAMSUNG, entry.quantity, 2)
    assert (await desk.holding(entry.position_id)).quantity == 2


async def test_the_trade_of_what_was_left_adds_up_with_its_one_sale(desk: Desk) -> None:
    entry = await desk.buys()
    desk.passes(days=1)
    becomes(desk, 2)
    await reconciled(desk)
    tomorrow = CALENDAR.session_at_or_after(PLAN.session.ends_at)

    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2, session=tomorrow))
    assert isinstance(decision, PreparedExit)
    await desk.submits(decision, OrderPurpose.EXIT)
    sold = await desk.follows(decision.intent_id)
    close = CloseRequest(entry.position_id, ExitReason.DEADLINE, entry.lease, timedelta(0))
    result = await desk.settles(close)

    assert sold.filled_quantity == 2
    assert result.exit_reason is ExitReason.FOREIGN_SALE
    (trade,) = await desk.database.trades.on(ACCOUNT, result.session_date)
    assert (trade.quantity, trade.exit_amount) == (entry.quantity, sold.filled_amount)


@pytest.mark.parametrize("more", [True, False], ids=["more than ours", "gone altogether"])
async def test_what_cannot_be_believed_is_reported_and_leaves_the_position_as_it_was(desk: Desk, more: bool) -> None:
    entry = await desk.buys()
    desk.passes(days=1)
    becomes(desk, entry.quantity * 5 if more else 0)

    await reconciled(desk)
    await reconciled(desk)

    (event,) = await changes_reported(desk)
    assert event.level is EventLevel.CRITICAL
    assert (await desk.holding(entry.position_id)).quantity == entry.quantity


async def splits(desk: Desk, entry: PreparedEntry, into: int) -> None:
    """Set the last price before the night to a multiple of today's base price."""
    last = Price(desk.price() * into)
    await desk.database.positions.mark(entry.position_id, last, last, desk.pace.now())


async def sold_next_morning(desk: Desk, entry: PreparedEntry) -> tuple[PreparedExit, TradeResult]:
    tomorrow = CALENDAR.session_at_or_after(PLAN.session.ends_at)
    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2, session=tomorrow))
    assert isinstance(decision, PreparedExit)
    await desk.submits(decision, OrderPurpose.EXIT)
    sold = await desk.follows(decision.intent_id)
    assert sold.filled_quantity == decision.quantity
    close = CloseRequest(entry.position_id, ExitReason.DEADLINE, entry.lease, timedelta(0))
    return decision, await desk.settles(close)


@pytest.mark.parametrize("compared_first", [True, False], ids=["in the morning", "at the sale"])
async def test_all_shares_of_a_carried_split_are_sold_at_an_unchanged_cost(desk: Desk, compared_first: bool) -> None:
    entry = await desk.buys()
    bought = await desk.holding(entry.position_id)
    desk.passes(days=1)
    becomes(desk, entry.quantity * 5)
    await splits(desk, entry, into=5)
    if compared_first:
        found = await reconciled(desk)
        assert (found.differences, found.entries_closed) == ((), False)
        after = await desk.holding(entry.position_id)
        assert (after.quantity, after.cost) == (entry.quantity * 5, bought.cost)

    decision, result = await sold_next_morning(desk, entry)

    assert decision.quantity == entry.quantity * 5
    assert result.exit_reason is ExitReason.DEADLINE
    (trade,) = await desk.database.trades.on(ACCOUNT, result.session_date)
    assert (trade.quantity, trade.entry_amount) == (entry.quantity * 5, bought.cost)
    assert not desk.broker_account.holdings[SAMSUNG].quantity
    (event,) = [
        each
        for each in await desk.database.events.latest(ACCOUNT, 50)
        if each.kind == EventKind.CARRIED_POSITION_RESTATED
    ]
    assert (event.detail["ledger"], event.detail["broker"]) == (entry.quantity, entry.quantity * 5)
    assert await changes_reported(desk) == []


async def test_a_reverse_split_is_no_loss_and_keeps_its_cost(desk: Desk) -> None:
    entry = await desk.buys()
    bought = await desk.holding(entry.position_id)
    fewer = entry.quantity // 5
    desk.passes(days=1)
    becomes(desk, fewer)
    last = Price(desk.price() // 5)
    await desk.database._pool.execute("UPDATE positions SET last_price = $1", last)

    await reconciled(desk)
    again = await reconciled(desk)
    after = await desk.holding(entry.position_id)
    _, result = await sold_next_morning(desk, entry)

    assert again.differences == ()
    assert (after.quantity, after.cost) == (fewer, bought.cost)
    assert result.exit_reason is ExitReason.DEADLINE
    (trade,) = await desk.database.trades.on(ACCOUNT, result.session_date)
    assert (trade.quantity, trade.entry_amount) == (fewer, bought.cost)


async def test_a_part_that_was_sold_before_a_split_keeps_the_cost_of_the_rest(desk: Desk) -> None:
    entry = await desk.buys()
    half = entry.quantity // 2
    assert half
    await desk.database._pool.execute("UPDATE positions SET sold_quantity = $1, status = 'exiting'", half)
    rest = await desk.holding(entry.position_id)
    desk.passes(days=1)
    becomes(desk, rest.quantity * 5)
    await splits(desk, entry, into=5)

    await reconciled(desk)

    after = await desk.holding(entry.position_id)
    assert (after.quantity, after.cost, after.restated_sold) == (rest.quantity * 5, rest.cost, half * 4)


async def test_an_amount_that_is_corrected_after_a_split_makes_no_sale_by_hand(desk: Desk) -> None:
    entry = await desk.buys()
    half = Quantity(entry.quantity // 2)
    part = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 1, tries=Tries(orders=2, offered=half)))
    assert isinstance(part, PreparedExit)
    await desk.submits(part, OrderPurpose.EXIT)
    assert (await desk.follows(part.intent_id)).filled_quantity == half
    rest = await desk.holding(entry.position_id)
    desk.passes(days=1)
    becomes(desk, rest.quantity * 5)
    await splits(desk, entry, into=5)
    await reconciled(desk)
    _, result = await sold_next_morning(desk, entry)
    (booked,) = await desk.database.trades.on(ACCOUNT, result.session_date)
    desk.simulation.add_fault(kind="wrong_amount", path="inquire-daily-ccld", won=500, count=0)

    await reconciled(desk)

    assert await desk.database.positions.taken_on(ACCOUNT, result.session_date) == {}
    assert (await desk.holding(entry.position_id)).taken == 0
    (trade,) = await desk.database.trades.on(ACCOUNT, result.session_date)
    assert (trade.quantity, trade.exit_amount) == (booked.quantity, booked.exit_amount + 500)


async def test_a_difference_of_one_read_takes_nothing_away(desk: Desk) -> None:
    entry = await desk.buys()
    desk.passes(days=1)
    becomes(desk, 2)
    desk.pace.meanwhile.append(lambda: becomes(desk, entry.quantity))

    assert (await reconciled(desk)).differences == ()
    assert (await desk.holding(entry.position_id)).quantity == entry.quantity


async def test_a_position_of_today_is_never_changed_by_a_balance(desk: Desk) -> None:
    entry = await desk.buys()
    becomes(desk, 2)

    assert (await reconciled(desk)).entries_closed
    assert await changes_reported(desk) == []
    assert (await desk.holding(entry.position_id)).quantity == entry.quantity


async def test_books_that_differ_at_the_start_keep_entries_shut(desk: Desk) -> None:
    await desk.buys()
    becomes(desk, 2)
    assert (await reconciled(desk)).entries_closed

    decision = await desk.prepares(HYNIX, worker=RIVAL)

    assert isinstance(decision, NoEntry)
    assert any("ENTRIES_CLOSED" in reason for reason in decision.reasons), decision.reasons
    assert desk.side_of(Side.BUY) == [desk.sent[0]]
