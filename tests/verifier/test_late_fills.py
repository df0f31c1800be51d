"""Shares that the broker's list hid for a while excuse the ledger's steps without them, and not one share more."""

from dataclasses import replace

import pytest

from domain.event_kind import EventKind
from domain.market import Side
from domain.money import Quantity
from domain.order import OrderStatus
from tests.verifier.a_day import (
    BUY,
    SALE,
    a_clean_day,
    a_position,
    a_row,
    an_audited_order,
    an_event,
    with_broker,
    with_ledger,
)
from verifier.books import Books
from verifier.invariants import violations

OPENED_TWICE = "a position opened while another was open"
REFUSED = "a sale that the broker refused for lack of shares"


def found_in(books: Books, invariant: str) -> list[str]:
    return [each.what for each in violations(books)[invariant]]


def booked_late(books: Books, intent_id: str, shares: int, at: float, hidden: int | None = None) -> Books:
    number = 0 if intent_id == BUY else 1
    rows = list(books.broker.orders)
    rows[number] = replace(rows[number], hidden=shares if hidden is None else hidden)
    books = with_broker(books, orders=tuple(rows))
    detail: dict[str, str | int] = {"intent_id": intent_id, "ledger": 10 - shares, "broker": 10}
    return with_ledger(books, events=(*books.ledger.events, an_event(EventKind.MISSING_FILL_BOOKED, at, detail=detail)))


def bought_again_beside(shares: int) -> Books:
    """Some shares of the first position are still at the broker when the stock is bought again at second 90."""
    sale = replace(a_row(2, Side.SELL, 60), quantity=Quantity(10 - shares), filled=Quantity(10 - shares))
    sale = replace(sale, fills=(replace(sale.fills[0], quantity=Quantity(10 - shares)),))
    again = an_audited_order(3, Side.BUY, 90, intent_id="run-2/1", position_id="run-2/1")
    books = a_clean_day()
    books = with_broker(books, orders=(books.broker.orders[0], sale, a_row(3, Side.BUY, 90)))
    positions = (*books.ledger.positions, a_position(position_id="run-2/1"))
    return with_ledger(books, orders=(*books.ledger.orders, again), positions=positions)


def a_sale_refused(shares: int) -> Books:
    """After the position was sold, more of it is offered at second 70; the broker refuses."""
    refused = an_audited_order(
        0, Side.SELL, 70, intent_id="run-1/3", status=OrderStatus.REJECTED, quantity=Quantity(shares), ref=None
    )
    refused = replace(refused, record=replace(refused.record, reject_code="APBK0400"))
    return with_ledger(a_clean_day(), orders=(*a_clean_day().ledger.orders, refused))


@pytest.mark.parametrize(
    ("late", "booked_at", "violates"),
    [(4, 120, False), (3, 120, True), (4, 80, True)],
    ids=["all of them were hidden", "one was known", "they were booked before the purchase"],
)
def test_a_stock_is_bought_again_while_the_list_hides_shares(late: int, booked_at: float, violates: bool) -> None:
    books = booked_late(bought_again_beside(4), BUY, late, booked_at)

    assert (OPENED_TWICE in found_in(books, "I2")) is violates


@pytest.mark.parametrize(
    ("late", "booked_at", "violates"),
    [(4, 120, False), (3, 120, True), (4, -10, True)],
    ids=["all of them were sold unseen", "one was not", "the sale was booked before"],
)
def test_shares_are_offered_again_while_the_list_hides_their_sale(late: int, booked_at: float, violates: bool) -> None:
    books = booked_late(a_sale_refused(4), SALE, late, booked_at)

    assert (REFUSED in found_in(books, "I3")) is violates


def test_a_late_purchase_excuses_no_refused_sale() -> None:
    books = booked_late(a_sale_refused(4), BUY, 4, 120)

    assert REFUSED in found_in(books, "I3")


def test_fills_that_the_list_showed_excuse_nothing() -> None:
    refused = booked_late(a_sale_refused(4), SALE, 4, 120, hidden=3)
    opened = booked_late(bought_again_beside(4), BUY, 4, 120, hidden=0)

    assert REFUSED in found_in(refused, "I3")
    assert OPENED_TWICE in found_in(opened, "I2")
