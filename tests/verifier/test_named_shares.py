"""An event exempts exactly the order or the shares that it names; the same fault beyond them is a violation."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.event_kind import EventKind
from domain.market import Side
from domain.money import Quantity, Won
from domain.order import OrderStatus
from domain.position import PositionStatus
from tests.support.builders import SAMSUNG, a_plan
from tests.verifier.a_day import (
    BUY,
    a_clean_day,
    a_position,
    a_row,
    an_audited_order,
    an_event,
    still_held,
    with_broker,
    with_ledger,
    with_order,
)
from verifier.books import Books
from verifier.invariants import violations

LOST = "run-9/1"


def found_in(books: Books) -> dict[str, list[str]]:
    return {name: [each.what for each in found] for name, found in violations(books).items() if found}


def named(books: Books, kind: str, **detail: str | int) -> Books:
    return with_ledger(books, events=(*books.ledger.events, an_event(kind, detail=detail)))


def held_after_the_session() -> Books:
    return replace(still_held(), read_at=a_plan().session.ends_at + timedelta(hours=6))


def with_a_lost_buy(shares_shown: int) -> Books:
    """A buy of ten shares is quarantined, and the broker shows some shares."""
    lost = an_audited_order(
        9, Side.BUY, 90, intent_id=LOST, position_id=LOST, status=OrderStatus.QUARANTINED, ref=None, filled_quantity=0
    )
    lost = replace(lost, record=replace(lost.record, filled_amount=Won(0)))
    position = a_position(position_id=LOST, status=PositionStatus.OPENING, bought=0, cost=0, sold=0, proceeds=0)
    ledger = a_clean_day().ledger
    books = with_ledger(a_clean_day(), orders=(*ledger.orders, lost), positions=(*ledger.positions, position))
    books = with_broker(books, holdings={SAMSUNG: Quantity(shares_shown)} if shares_shown else {})
    return named(books, "order_quarantined", intent_id=LOST, was="unknown", evidence="alike")


def fills_unlike(books: Books, broker_says: int) -> Books:
    """The broker lists more shares of the purchase than the ledger has."""
    row = replace(books.broker.orders[0], filled=Quantity(broker_says), quantity=Quantity(broker_says))
    return with_broker(with_order(books, 0, quantity=Quantity(broker_says)), orders=(row, *books.broker.orders[1:]))


def an_unbooked_fill(filled_at_the_broker: int) -> Books:
    """An event reports that the broker lists twelve shares of the purchase, of which the ledger has ten."""
    books = fills_unlike(a_clean_day(), filled_at_the_broker)
    books = with_broker(books, holdings={SAMSUNG: Quantity(filled_at_the_broker - 10)})
    return named(books, EventKind.LATE_FILL_NOT_BOOKED, intent_id=BUY, side="buy", ledger=10, broker=12, cause="closed")


def a_changed_position(broker_shows: int) -> Books:
    books = with_broker(still_held(), holdings={SAMSUNG: Quantity(broker_shows)})
    return named(books, EventKind.CARRIED_POSITION_CHANGED, position_id="run-1/1", ledger=10, broker=4)


def unexplained(shown: int) -> Books:
    return named(
        with_broker(a_clean_day(), holdings={SAMSUNG: Quantity(shown)}), EventKind.UNEXPLAINED_SHARES, quantity=2
    )


def carried(shares: int) -> Books:
    return named(held_after_the_session(), "position_carried_overnight", quantity=shares)


def a_sale_left_open(shares: int) -> Books:
    """The sale of the carried shares is still open, by the ledger and by the broker."""
    books = carried(10)
    sale = an_audited_order(2, Side.SELL, 60, status=OrderStatus.ACCEPTED, quantity=Quantity(shares))
    sale = replace(sale, record=replace(sale.record, filled_quantity=Quantity(0), filled_amount=Won(0)))
    row = a_row(2, Side.SELL, 60, quantity=Quantity(shares), remaining=Quantity(shares))
    row = replace(row, filled=Quantity(0), amount=Won(0), fills=(), costs=type(row.costs)())
    return with_broker(with_ledger(books, orders=(*books.ledger.orders, sale)), orders=(*books.broker.orders, row))


@pytest.mark.parametrize(
    ("exactly", "beyond", "invariant", "what"),
    [
        (lambda: with_a_lost_buy(10), lambda: with_a_lost_buy(11), "I4", "holdings differ from the broker's"),
        (
            lambda: with_a_lost_buy(10),
            lambda: with_a_lost_buy(11),
            "I6",
            "shares of unknown origin after the session",
        ),
        (lambda: an_unbooked_fill(12), lambda: an_unbooked_fill(13), "I4", "fills differ from the broker's"),
        (lambda: a_changed_position(4), lambda: a_changed_position(3), "I4", "holdings differ from the broker's"),
        (lambda: unexplained(2), lambda: unexplained(3), "I4", "holdings differ from the broker's"),
        (lambda: unexplained(2), lambda: unexplained(3), "I6", "shares of unknown origin after the session"),
        (lambda: carried(10), lambda: carried(6), "I6", "shares held after the session"),
        (lambda: a_sale_left_open(10), lambda: a_sale_left_open(11), "I6", "an order still active after the session"),
        (lambda: a_sale_left_open(10), lambda: a_sale_left_open(11), "I6", "an order left open after the session"),
    ],
)
def test_an_event_exempts_its_own_shares_and_not_one_more(
    exactly: Callable[[], Books], beyond: Callable[[], Books], invariant: str, what: str
) -> None:
    assert what not in found_in(exactly()).get(invariant, [])
    assert what in found_in(beyond()).get(invariant, [])


def test_a_named_order_exempts_no_other_order_of_its_stock() -> None:
    books = with_order(with_a_lost_buy(10), 0, filled_amount=Won(700_001))

    assert "fills differ from the broker's" in found_in(books)["I4"]


def test_carried_shares_do_not_hide_that_the_broker_holds_fewer() -> None:
    books = with_broker(carried(10), holdings={SAMSUNG: Quantity(9)})

    assert "holdings differ from the broker's" in found_in(books)["I4"]


def test_a_signal_to_sell_is_not_heeded_by_carrying_a_part() -> None:
    books = carried(6)
    books = replace(books, histories=replace(a_clean_day().histories, submits=()))

    assert "a signal to sell without a sale" in found_in(books)["I10"]
    assert "I10" not in found_in(replace(carried(10), histories=books.histories))
