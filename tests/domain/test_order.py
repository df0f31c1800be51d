"""An order's states and transitions, and what the broker's list means for it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidTransitionError
from domain.market import Side
from domain.money import Quantity
from domain.order import (
    ACTIVE_STATUSES,
    TRANSITIONS,
    UNRESOLVED_STATUSES,
    WORKING_STATUSES,
    OrderEvent,
    OrderStatus,
    event_from,
    is_same_order,
    next_status,
    row_of,
)
from domain.session import SessionDate
from tests.support.builders import HYNIX, MONDAY, a_broker_order, a_ref, an_intent, an_order
from workflows.identity import intent_id

FINAL = frozenset(OrderStatus) - ACTIVE_STATUSES
events = st.lists(st.sampled_from(OrderEvent), max_size=12)


def life(happenings: list[OrderEvent]) -> list[OrderStatus]:
    """Return the statuses passed through, skipping impossible transitions."""
    statuses = [OrderStatus.INTENDED]
    for event in happenings:
        if (statuses[-1], event) in TRANSITIONS:
            statuses.append(next_status(statuses[-1], event))
    return statuses


def test_an_order_is_sent_accepted_and_filled_in_parts() -> None:
    statuses = life([OrderEvent.SEND, OrderEvent.ACCEPT, OrderEvent.FILL_PARTLY, OrderEvent.FILL])

    assert statuses == ["intended", "sending", "accepted", "partially_filled", "filled"]


def test_a_lost_reply_leads_to_adoption_and_never_to_a_second_sending() -> None:
    status = next_status(OrderStatus.SENDING, OrderEvent.LOSE_REPLY)

    assert next_status(status, OrderEvent.ADOPT) is OrderStatus.ACCEPTED
    with pytest.raises(InvalidTransitionError, match="unknown cannot send"):
        next_status(status, OrderEvent.SEND)


def test_only_an_intended_order_can_be_sent() -> None:
    senders = {status for status, event in TRANSITIONS if event is OrderEvent.SEND}

    assert senders == {OrderStatus.INTENDED}


def test_the_exchange_may_refuse_what_the_broker_accepted() -> None:
    assert next_status(OrderStatus.ACCEPTED, OrderEvent.REJECT) is OrderStatus.REJECTED


@pytest.mark.parametrize("status", sorted(FINAL - {OrderStatus.CANCELLED, OrderStatus.NEVER_PLACED}))
def test_nothing_follows_a_final_status(status: OrderStatus) -> None:
    assert not [event for event in OrderEvent if (status, event) in TRANSITIONS]


def test_a_fill_that_crossed_the_cancel_still_counts() -> None:
    late_part = next_status(OrderStatus.CANCELLED, OrderEvent.FILL_PARTLY)

    assert late_part is OrderStatus.CANCELLED
    assert next_status(late_part, OrderEvent.FILL) is OrderStatus.FILLED


@pytest.mark.parametrize("status", sorted(ACTIVE_STATUSES))
def test_every_active_status_can_come_to_an_end(status: OrderStatus) -> None:
    reached = {status}
    for _ in OrderStatus:
        reached |= {after for (before, _event), after in TRANSITIONS.items() if before in reached}

    assert reached & FINAL


def test_working_and_unresolved_orders_are_active() -> None:
    assert WORKING_STATUSES | UNRESOLVED_STATUSES < ACTIVE_STATUSES


def test_an_order_that_was_proven_absent_may_exist_after_all() -> None:
    followed = {event for event in OrderEvent if (OrderStatus.NEVER_PLACED, event) in TRANSITIONS}

    assert followed == {OrderEvent.ACCEPT, OrderEvent.READOPT}
    assert {next_status(OrderStatus.NEVER_PLACED, event) for event in followed} == {OrderStatus.ACCEPTED}


@given(events)
def test_no_sequence_of_events_brings_an_ended_order_back(happenings: list[OrderEvent]) -> None:
    statuses = life(happenings)
    if OrderStatus.NEVER_PLACED in statuses:
        statuses = statuses[: statuses.index(OrderStatus.NEVER_PLACED) + 1]
    ended = [status in FINAL for status in statuses]

    assert ended == sorted(ended)


@given(events)
def test_no_sequence_of_events_returns_to_before_the_sending(happenings: list[OrderEvent]) -> None:
    statuses = life(happenings)

    assert OrderStatus.INTENDED not in statuses[1:]
    assert statuses.count(OrderStatus.SENDING) <= 1


@pytest.mark.parametrize(
    ("filled", "remaining", "rejected", "event"),
    [
        (0, 10, 0, None),
        (4, 6, 0, OrderEvent.FILL_PARTLY),
        (10, 0, 0, OrderEvent.FILL),
        (4, 0, 0, OrderEvent.CANCEL),
        (0, 0, 0, OrderEvent.CANCEL),
        (0, 0, 10, OrderEvent.REJECT),
        (4, 0, 6, OrderEvent.CANCEL),
    ],
)
def test_what_a_row_of_the_brokers_list_means(
    filled: int, remaining: int, rejected: int, event: OrderEvent | None
) -> None:
    row = a_broker_order(filled=filled, remaining_quantity=Quantity(remaining), rejected_quantity=Quantity(rejected))

    assert event_from(row) is event


@given(quantity=st.integers(1, 1_000), data=st.data())
def test_whatever_the_broker_lists_can_happen_to_a_working_order(quantity: int, data: st.DataObject) -> None:
    filled = data.draw(st.integers(0, quantity))
    remaining = data.draw(st.sampled_from([0, quantity - filled]))

    row = a_broker_order(quantity=quantity, filled=filled, remaining_quantity=Quantity(remaining))
    event = event_from(row)

    assert event is None or (OrderStatus.ACCEPTED, event) in TRANSITIONS


def test_what_neither_traded_nor_works_was_withdrawn() -> None:
    row = a_broker_order(quantity=10, filled=4, remaining_quantity=Quantity(0))

    assert row.is_over
    assert event_from(row) is OrderEvent.CANCEL


def test_an_average_price_needs_a_fill() -> None:
    assert an_order(filled=0).average_price == 0
    assert an_order(filled=4, price=70_100).average_price == Decimal(70_100)


def test_an_accepted_order_is_active_and_a_filled_one_is_not() -> None:
    assert an_order(filled=0).is_active
    assert not an_order().is_active


OURS = an_order(filled=0)
OTHER_BRANCH = replace(a_ref(), branch="91252")


def test_a_row_of_our_branch_and_number_is_ours_whatever_it_says() -> None:
    assert is_same_order(OURS, a_broker_order(Side.SELL, 99, symbol=HYNIX))
    assert not is_same_order(OURS, a_broker_order(ref=a_ref(2)))


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": HYNIX},
        {"side": Side.SELL},
        {"quantity": Quantity(11)},
        {"original": a_ref(2)},
        {"ref": replace(OTHER_BRANCH, order_date=SessionDate(MONDAY + timedelta(days=1)))},
        {"ref": replace(OTHER_BRANCH, number="0000000002")},
    ],
)
def test_under_another_branch_an_order_is_ours_only_as_it_was_ordered(changes: dict[str, Any]) -> None:
    assert is_same_order(OURS, a_broker_order(ref=OTHER_BRANCH))
    assert not is_same_order(OURS, a_broker_order(**{"ref": OTHER_BRANCH, **changes}))


def test_an_order_that_was_never_accepted_has_no_row() -> None:
    unsent = replace(OURS, ref=None)

    assert not is_same_order(unsent, a_broker_order())
    assert row_of(unsent, [a_broker_order()]) is None


def test_the_row_of_an_order_is_that_of_its_branch_or_the_only_one() -> None:
    exact, other = a_broker_order(), a_broker_order(ref=OTHER_BRANCH)
    third = a_broker_order(ref=replace(OTHER_BRANCH, branch="00950"))

    assert row_of(OURS, []) is None
    assert row_of(OURS, [other, exact]) == exact
    assert row_of(OURS, [a_broker_order(ref=a_ref(2)), other]) == other
    assert row_of(OURS, [other, third]) is None, "two could be ours"


def test_the_fields_of_a_log_line_name_the_trade_and_its_run() -> None:
    intent = an_intent(intent_id=intent_id("aadba4af-bd7d", 2))

    assert intent.log_fields == {
        "intent_id": "aadba4af-bd7d.2",
        "worker": intent.worker_id,
        "symbol": intent.symbol,
        "side": "buy",
        "quantity": 10,
        "price": 70_000,
        "run_id": "aadba4af-bd7d",
    }
    assert an_intent(price=None).log_fields["price"] == "market"
