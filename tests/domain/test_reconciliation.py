"""Find an order whose reply was lost, and name the differences between broker and ledger."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identity import IntentId, PositionId
from domain.market import Side, Symbol
from domain.money import Price, Quantity
from domain.order import BrokerOrder, BrokerOrderRef, OrderStatus, OrderType
from domain.reconciliation import (
    LATEST_ENTRY,
    Absent,
    Ambiguous,
    Discrepancy,
    DiscrepancyKind,
    Found,
    LostOrderMatch,
    discrepancies,
    foreign_orders,
    late_matches,
    match_lost_order,
)
from domain.session import SessionDate
from tests.support.builders import HYNIX, NOW, SAMSUNG, a_broker_order, a_ref, an_intent, an_open_position, an_order

NONE_BOUND: frozenset[BrokerOrderRef] = frozenset()
SOLD = an_intent(Side.SELL, intent_id=IntentId("run-2/1"))
TWIN = an_order(an_intent(intent_id=IntentId("run-3/1")), status=OrderStatus.NEVER_PLACED)
BEFORE = NOW - timedelta(seconds=1)
Kind = DiscrepancyKind


def match(
    *orders: BrokerOrder, bound: frozenset[BrokerOrderRef] = NONE_BOUND, price: int | None = 70_000
) -> LostOrderMatch:
    return match_lost_order(an_intent(price=price), orders, bound, BEFORE)


def test_the_one_order_with_our_fingerprint_is_ours() -> None:
    order = a_broker_order()

    assert match(order) == Found(order)


def test_a_market_order_has_no_price_to_compare() -> None:
    order = a_broker_order(price=None)

    assert match(order, price=None) == Found(order)


def test_an_order_that_was_filled_or_refused_meanwhile_is_still_ours() -> None:
    refused = a_broker_order(remaining_quantity=Quantity(0), rejected_quantity=Quantity(10))

    assert match(a_broker_order(filled=10)) == Found(a_broker_order(filled=10))
    assert match(refused) == Found(refused)


def test_the_owners_orders_are_those_that_no_intent_of_ours_owns() -> None:
    ours, theirs = a_broker_order(ref=a_ref(1)), a_broker_order(ref=a_ref(2))

    assert foreign_orders([ours, theirs], {a_ref(1), None}) == (theirs,)
    assert foreign_orders([], {a_ref(1)}) == ()


def test_a_listed_order_is_that_of_one_given_up_only_where_no_other_could_be() -> None:
    one, other = an_order(status=OrderStatus.NEVER_PLACED), an_order(SOLD)
    late = a_broker_order(ref=a_ref(1), ordered_at=one.intent.decided_at + LATEST_ENTRY)

    assert late_matches([one, other], [late]) == ((one, late),)
    assert late_matches([one], [replace(late, ordered_at=late.ordered_at + timedelta(seconds=1))]) == ()
    assert late_matches([one], [replace(late, order_type=None)]) == ()
    assert late_matches([one], [replace(late, quantity=Quantity(11))]) == ()
    assert late_matches([one], [late, replace(late, ref=a_ref(2))]) == (), "two rows could be it"
    assert late_matches([one, TWIN], [late]) == (), "it could be that of two"


def test_an_empty_list_shows_no_order() -> None:
    assert match() == Absent()


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": HYNIX},
        {"side": Side.SELL},
        {"ref": a_ref(day=SessionDate(date(2026, 11, 20)))},
        {"original": "0000000007"},
    ],
    ids=["symbol", "side", "date", "cancel row"],
)
def test_an_order_that_cannot_be_ours_is_passed_over(changes: dict[str, Any]) -> None:
    ours = a_broker_order(ref=a_ref(2))
    other = replace(a_broker_order(), **changes)

    assert match(other) == Absent()
    assert match(other, ours) == Found(ours)


def test_the_brokers_clock_may_be_two_seconds_behind() -> None:
    order = a_broker_order(ordered_at=BEFORE - timedelta(seconds=2))

    assert match(order) == Found(order)


@pytest.mark.parametrize("seconds", [3, 10, 62, 70, 3 * 3600])
def test_an_order_like_ours_is_never_taken_for_another_by_its_time_stamp(seconds: int) -> None:
    early = a_broker_order(ref=a_ref(2), ordered_at=BEFORE - timedelta(seconds=seconds))

    assert match(early) == Ambiguous((early,), may_be_listed_yet=True)
    assert match(early, bound=frozenset({early.ref})) == Absent()
    assert match(replace(early, quantity=Quantity(7))) == Absent()
    assert match(early, a_broker_order()) == Found(a_broker_order())


def test_an_order_that_another_intent_owns_is_not_ours() -> None:
    assert match(a_broker_order(), bound=frozenset({a_ref()})) == Absent()


def test_twins_cannot_be_distinguished() -> None:
    twins = (a_broker_order(ref=a_ref(1)), a_broker_order(ref=a_ref(2)))

    assert match(*twins) == Ambiguous(twins)


@pytest.mark.parametrize(
    "changes",
    [{"quantity": Quantity(7)}, {"limit_price": Price(69_900)}, {"limit_price": None, "order_type": OrderType.MARKET}],
    ids=["quantity", "price", "market"],
)
def test_the_owners_own_order_in_the_same_stock_is_distinguished_from_ours(changes: dict[str, Any]) -> None:
    by_hand = a_broker_order(ref=a_ref(2), **changes)

    assert match(by_hand) == Absent()
    assert match(a_broker_order(), by_hand) == Found(a_broker_order())


@pytest.mark.parametrize("listed", [None, Price(70_100)], ids=["without a price", "with the closing price"])
def test_an_order_at_the_close_is_ours_whatever_price_it_is_listed_with(listed: Price | None) -> None:
    at_the_close = replace(an_intent(price=None), order_type=OrderType.POST_CLOSE)
    order = a_broker_order(order_type=OrderType.POST_CLOSE, limit_price=listed)

    assert match_lost_order(at_the_close, [order], NONE_BOUND, BEFORE) == Found(order)


def test_an_order_of_the_evening_is_ours_at_our_price_only() -> None:
    evening = replace(an_intent(price=70_000), order_type=OrderType.AFTER_MARKET)
    order = a_broker_order(order_type=OrderType.AFTER_MARKET)

    assert match_lost_order(evening, [order], NONE_BOUND, BEFORE) == Found(order)
    assert match_lost_order(evening, [replace(order, limit_price=Price(69_900))], NONE_BOUND, BEFORE) == Absent()
    assert match_lost_order(evening, [a_broker_order()], NONE_BOUND, BEFORE) == Absent()


def test_an_order_whose_type_cannot_be_read_calls_for_a_person() -> None:
    unreadable = a_broker_order(ref=a_ref(2), order_type=None)

    assert match(unreadable) == Ambiguous((unreadable,))
    assert match(a_broker_order(), unreadable) == Ambiguous((a_broker_order(), unreadable))


def compare(
    positions: Any = (), orders: Any = (), listed: Any = (), holdings: dict[Symbol, int] | None = None
) -> list[tuple[DiscrepancyKind, int, int]]:
    shares = {symbol: Quantity(count) for symbol, count in (holdings or {}).items()}
    found = discrepancies(positions, orders, listed, shares)
    return [(each.kind, each.ledger, each.broker) for each in found]


def test_books_that_agree_have_no_discrepancy() -> None:
    assert compare([an_open_position()], [an_order()], [a_broker_order(filled=10)], {SAMSUNG: 10}) == []


def test_a_fill_we_have_not_booked_is_reported_once_and_not_again_as_a_holding() -> None:
    working = an_order(filled=3)

    assert compare([an_open_position(3)], [working], [a_broker_order(filled=8)], {SAMSUNG: 8}) == [
        (Kind.MISSING_FILL, 3, 8)
    ]


def test_a_sale_we_have_not_booked_explains_the_missing_shares() -> None:
    selling = an_order(an_intent(Side.SELL), filled=0)

    assert compare([an_open_position()], [selling], [a_broker_order(Side.SELL, filled=4)], {SAMSUNG: 6}) == [
        (Kind.MISSING_FILL, 0, 4)
    ]


def test_shares_of_an_entry_whose_position_is_not_yet_written_are_expected() -> None:
    working = an_order(filled=4)

    assert compare([], [working], [a_broker_order(filled=4)], {SAMSUNG: 4}) == []


def test_another_position_in_the_symbol_does_not_hide_them() -> None:
    working = an_order(an_intent(position_id=PositionId("run-2/1")), filled=4)

    assert compare([an_open_position(10)], [working], [a_broker_order(filled=4)], {SAMSUNG: 14}) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "kind"),
    [
        (an_order(filled=8), a_broker_order(filled=3), Kind.EXCESS_FILL),
        (an_order(filled=0), a_broker_order(remaining_quantity=Quantity(0)), Kind.ORDER_OVER),
        (an_order(filled=0), None, Kind.MISSING_ORDER),
        (an_order(filled=0, ref=None, status=OrderStatus.UNKNOWN), None, Kind.UNRESOLVED_ORDER),
    ],
    ids=["excess fill", "over", "missing", "unresolved"],
)
def test_an_order_of_ours_that_the_broker_sees_otherwise_is_named(
    ours: Any, theirs: BrokerOrder | None, kind: DiscrepancyKind
) -> None:
    listed = [] if theirs is None else [theirs]

    found = discrepancies([], [ours], listed, {SAMSUNG: ours.filled_quantity})

    filled = Quantity(0) if theirs is None else theirs.filled_quantity
    assert found == (Discrepancy(kind, SAMSUNG, ours.filled_quantity, filled, ours.ref),)


@pytest.mark.parametrize("status", [OrderStatus.DENIED, OrderStatus.NEVER_PLACED])
def test_an_order_that_never_left_is_not_missed(status: OrderStatus) -> None:
    assert compare(orders=[an_order(filled=0, ref=None, status=status)]) == []


def test_an_ended_order_that_the_list_lacks_is_not_missed() -> None:
    assert compare([an_open_position()], [an_order()], [], {SAMSUNG: 10}) == []


def test_a_working_order_that_is_none_of_ours_is_unknown() -> None:
    stranger = a_broker_order(ref=a_ref(9))

    assert discrepancies([], [], [stranger], {}) == (
        Discrepancy(Kind.UNKNOWN_ORDER, SAMSUNG, Quantity(0), Quantity(10), a_ref(9)),
    )


def test_cancel_rows_and_ended_orders_are_not_unknown() -> None:
    cancel = a_broker_order(ref=a_ref(8), original="0000000001")
    ended = a_broker_order(ref=a_ref(9), remaining_quantity=Quantity(0))

    assert compare(listed=[cancel, ended]) == []


@pytest.mark.parametrize(
    ("ledger", "broker", "kind"),
    [(0, 5, Kind.FOREIGN_HOLDING), (10, 15, Kind.EXCESS_HOLDING), (10, 4, Kind.MISSING_HOLDING)],
)
def test_shares_that_differ_are_named_by_their_direction(ledger: int, broker: int, kind: DiscrepancyKind) -> None:
    positions = [an_open_position(ledger)] if ledger else []

    assert compare(positions, holdings={SAMSUNG: broker}) == [(kind, ledger, broker)]


def test_a_position_the_broker_does_not_list_at_all_is_missing() -> None:
    assert compare([an_open_position()]) == [(Kind.MISSING_HOLDING, 10, 0)]


def test_holdings_are_reported_by_symbol() -> None:
    found = discrepancies([an_open_position()], [], [], {HYNIX: Quantity(3)})

    assert [each.symbol for each in found] == [HYNIX, SAMSUNG]


@given(
    booked=st.integers(0, 100),
    unbooked=st.integers(0, 100),
    before=st.integers(0, 300),
    side=st.sampled_from(Side),
)
def test_holdings_never_differ_where_the_fills_explain_them(
    booked: int, unbooked: int, before: int, side: Side
) -> None:
    sign = 1 if side is Side.BUY else -1
    ledger = before + sign * booked
    order = an_order(an_intent(side, quantity=300), filled=booked)
    listed = a_broker_order(side, quantity=300, filled=booked + unbooked)

    found = compare([an_open_position(ledger)], [order], [listed], {SAMSUNG: ledger + sign * unbooked})

    assert found == ([(Kind.MISSING_FILL, booked, booked + unbooked)] if unbooked else [])
