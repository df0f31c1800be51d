"""Orders are sent at most once, their fills are booked once, and a cancel alone proves nothing."""

import logging
from datetime import timedelta

import pytest

from database.errors import EnvironmentMismatchError
from domain.identity import Environment, WorkerId
from domain.market import Side, Symbol
from domain.money import Price
from domain.order import Accepted, OrderStatus, Unknown
from domain.summary import FLEET
from tests.activities.desk import PLAN, Desk
from tests.support.builders import HYNIX, SAMSUNG
from tests.support.stepping import ACCOUNT

THIN = Symbol("013580")
NO_PATIENCE = timedelta(0)


async def test_a_bought_position_is_booked_to_the_won(desk: Desk) -> None:
    entry = await desk.buys()

    position, account = await desk.holding(entry.position_id), desk.broker_account
    assert position.quantity == account.holdings[SAMSUNG].quantity
    assert position.cost == account.holdings[SAMSUNG].cost
    assert [order.filled for order in desk.sent] == [position.quantity]


async def test_each_line_of_the_log_about_an_order_identifies_the_trade(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "activities.orders")
    caplog.set_level(logging.INFO, "temporalio.activity")
    entry = await desk.buys()

    lines = {record.getMessage().partition(" ")[0]: record.__dict__ for record in caplog.records}
    for event in ("order_submitted", "fill_booked"):
        line = lines[event]
        assert (line["worker"], line["symbol"], line["side"]) == ("worker-1", SAMSUNG, "buy")
        assert line["intent_id"] == entry.intent_id
        assert line["price"] == "market" or int(line["price"]) > 0
    assert lines["fill_booked"]["filled"] == lines["order_submitted"]["quantity"]


async def test_a_shut_gate_denies_at_the_last_moment_and_nothing_leaves(desk: Desk) -> None:
    entry = await desk.prepared()
    await desk.database.risk.close_entries(ACCOUNT, PLAN.session.date, "market close")

    record = await desk.submits(entry)

    assert record.status is OrderStatus.DENIED
    assert desk.sent == []
    assert (await desk.database.events.denials_on(ACCOUNT, PLAN.session.date))[FLEET] == {"ENTRIES_CLOSED": 1}


async def test_a_buy_decided_before_the_cut_off_does_not_leave_after_it(desk: Desk) -> None:
    desk.simulation.move_clock(PLAN.entries_until - timedelta(seconds=1))
    entry = await desk.prepared()
    desk.passes(seconds=2)

    record = await desk.submits(entry)

    assert record.status is OrderStatus.DENIED
    assert desk.sent == []
    assert (await desk.database.events.denials_on(ACCOUNT, PLAN.session.date))[FLEET] == {"OUTSIDE_ENTRY_HOURS": 1}


async def test_a_stale_fencing_token_sends_nothing(desk: Desk) -> None:
    entry = await desk.prepared()
    await desk.database.locks.take_over(ACCOUNT, SAMSUNG, WorkerId("worker-2"))

    record = await desk.submits(entry)

    assert record.status is OrderStatus.DENIED
    assert desk.sent == []


async def test_a_lease_that_ends_sooner_than_a_request_may_take_sends_nothing(desk: Desk) -> None:
    entry = await desk.prepared()
    assert await desk.database.locks.renew(entry.lease, timedelta(seconds=10)) is not None

    record = await desk.submits(entry)

    assert record.status is OrderStatus.DENIED
    assert desk.sent == []


async def test_a_host_whose_books_may_soon_be_full_sends_no_entry_and_every_exit(desk: Desk) -> None:
    held, entry = await desk.buys(), await desk.prepared(HYNIX, worker=WorkerId("worker-2"))
    desk.host.closed_because = "the disk is nearly full"

    record = await desk.submits(entry)
    sold = await desk.sells(held)

    assert (record.status, sold.status) == (OrderStatus.DENIED, OrderStatus.FILLED)


async def test_a_host_whose_clock_is_off_sends_no_entry(desk: Desk) -> None:
    entry = await desk.prepared()
    desk.host.clock_off = "this machine's clock and the broker's disagree"

    assert (await desk.submits(entry)).status is OrderStatus.DENIED
    assert desk.sent == []


async def test_submitting_twice_sends_once(desk: Desk) -> None:
    entry = await desk.prepared()

    first = await desk.submits(entry)
    second = await desk.submits(entry)

    assert first.status is second.status is OrderStatus.ACCEPTED
    assert len(desk.sent) == 1


@pytest.mark.parametrize("kind", ["drop_reply_after", "error_after", "garbage"])
async def test_a_lost_reply_leaves_the_order_unknown_and_is_not_sent_again(desk: Desk, kind: str) -> None:
    desk.simulation.add_fault(kind=kind, path="order-cash")
    entry = await desk.prepared()

    record = await desk.submits(entry)
    again = await desk.submits(entry)

    assert record.status is again.status is OrderStatus.UNKNOWN
    assert len(desk.sent) == 1


async def test_an_order_that_would_go_to_another_environment_stays_here(desk: Desk) -> None:
    entry = await desk.prepared()
    desk.broker._environment = Environment.PAPER

    with pytest.raises(EnvironmentMismatchError, match="would go to paper"):
        await desk.submits(entry)

    assert desk.sent == []
    record = await desk.database.orders.get(entry.intent_id)
    assert record is not None
    assert record.status is OrderStatus.INTENDED


async def test_a_refusal_is_kept_with_its_code(desk: Desk) -> None:
    desk.simulation.add_fault(kind="refuse", path="order-cash", msg_cd="APBK0952", message="주문가능금액을 초과")
    entry = await desk.prepared()

    record = await desk.submits(entry)

    assert (record.status, record.reject_code) == (OrderStatus.REJECTED, "APBK0952")
    assert desk.sent == []


async def test_a_partial_fill_is_booked_and_the_rest_is_waited_for_with_patience(desk: Desk) -> None:
    desk.simulation.force_price(THIN, desk.price(THIN), volume=0)
    desk.simulation.set_conditions(THIN, thin=True)
    entry = await desk.prepared(THIN)
    await desk.submits(entry)

    record = await desk.follows(entry.intent_id, timedelta(seconds=3))

    (order,) = desk.sent
    assert record.status is OrderStatus.PARTIALLY_FILLED
    assert 0 < record.filled_quantity == order.filled < entry.quantity
    assert (await desk.holding(entry.position_id)).quantity == order.filled
    assert desk.pace.waited() >= timedelta(seconds=3)


async def test_following_again_books_nothing_twice(desk: Desk) -> None:
    entry = await desk.buys()
    before = await desk.holding(entry.position_id)

    await desk.follows(entry.intent_id)

    assert await desk.holding(entry.position_id) == before
    assert await desk.database.orders.count_fills(ACCOUNT, PLAN.session.date) == 1


async def test_an_order_that_is_withdrawn_is_cancelled_only_when_the_broker_lists_it(desk: Desk) -> None:
    entry = await desk.prepared()
    _runs_away(desk)
    await desk.submits(entry)

    outcome = await desk.does(desk.orders.cancel_order, entry.intent_id)
    asked = await desk.database.orders.get(entry.intent_id)
    followed = await desk.follows(entry.intent_id, NO_PATIENCE)

    assert isinstance(outcome, Accepted)
    assert asked is not None
    assert asked.status is OrderStatus.ACCEPTED
    assert (followed.status, followed.filled_quantity) == (OrderStatus.CANCELLED, 0)


async def test_a_fill_that_crossed_the_cancel_still_counts(desk: Desk) -> None:
    entry = await desk.prepared()
    await desk.submits(entry)

    outcome = await desk.does(desk.orders.cancel_order, entry.intent_id)
    followed = await desk.follows(entry.intent_id, NO_PATIENCE)

    assert not isinstance(outcome, Accepted)
    assert followed.status is OrderStatus.FILLED
    assert (await desk.holding(entry.position_id)).quantity == entry.quantity


async def test_a_cancel_without_a_reply_is_no_cancel(desk: Desk) -> None:
    entry = await desk.prepared()
    _runs_away(desk)
    await desk.submits(entry)
    desk.simulation.add_fault(kind="drop_before", path="order-rvsecncl")

    outcome = await desk.does(desk.orders.cancel_order, entry.intent_id)
    followed = await desk.follows(entry.intent_id, NO_PATIENCE)

    assert isinstance(outcome, Unknown)
    assert followed.status is OrderStatus.ACCEPTED


async def test_an_order_that_is_over_is_not_cancelled(desk: Desk) -> None:
    entry = await desk.buys()
    calls = desk.simulation.calls.total

    outcome = await desk.does(desk.orders.cancel_order, entry.intent_id)

    assert isinstance(outcome, Unknown)
    assert desk.simulation.calls.total == calls


async def test_a_sale_is_sent_though_every_entry_guard_is_up(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.database.risk.press_kill_switch(ACCOUNT, "operator", "test")
    await desk.database.risk.close_entries(ACCOUNT, PLAN.session.date, "market close")

    sold = await desk.sells(entry)

    assert sold.status is OrderStatus.FILLED
    assert [Side(order.side) for order in desk.sent] == [Side.BUY, Side.SELL]


def _runs_away(desk: Desk) -> None:
    """Raise the price above the limit of an order that is not sent yet."""
    desk.simulation.force_price(SAMSUNG, Price(round(desk.price() * 1.05)), volume=0)
