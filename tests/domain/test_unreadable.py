"""Unreadable rows: the stocks that they may concern, and when they hide a lost order."""

from datetime import timedelta
from typing import Any

import pytest

from domain.market import Side
from domain.money import Quantity
from domain.order import BrokerOrder
from domain.reconciliation import Absent, Found, Hidden, LostOrderMatch, match_lost_order
from domain.session import SessionDate
from domain.unreadable import AccountList, Rows, UnreadableRow, doubts, unreadable_of
from tests.support.builders import HYNIX, MONDAY, NOW, SAMSUNG, a_broker_order, a_ref, an_intent

INTENT = an_intent(Side.BUY, 10)
TOMORROW = SessionDate(MONDAY + timedelta(days=1))


def a_row(**known: Any) -> UnreadableRow:
    return UnreadableRow(**{"of": AccountList.ORDERS, "symbol": None, "field": "ord_tmd", "why": "blank", **known})


@pytest.mark.parametrize(
    ("known", "may_be"),
    [
        ({}, True),
        ({"symbol": SAMSUNG}, True),
        ({"symbol": HYNIX}, False),
        ({"side": Side.BUY}, True),
        ({"side": Side.SELL}, False),
        ({"quantity": Quantity(10)}, True),
        ({"quantity": Quantity(9)}, False),
        ({"quantity": Quantity(0)}, False),
        ({"ref": a_ref(3)}, True),
        ({"ref": a_ref(3, TOMORROW)}, False),
    ],
)
def test_a_row_may_be_an_order_that_nothing_read_of_it_contradicts(known: dict[str, Any], may_be: bool) -> None:
    assert a_row(**known).may_be_order_of(INTENT) == may_be


def test_a_row_without_a_symbol_may_be_of_any_stock_and_doubts_none() -> None:
    nameless, named = a_row(), a_row(symbol=SAMSUNG)

    assert nameless.may_be_of(SAMSUNG)
    assert nameless.may_be_of(HYNIX)
    assert (named.may_be_of(SAMSUNG), named.may_be_of(HYNIX)) == (True, False)
    assert not doubts([nameless], SAMSUNG)
    assert doubts([nameless, named], SAMSUNG)
    assert not doubts([named], HYNIX)


def test_a_list_keeps_its_unreadable_rows_beside_those_that_were_read() -> None:
    rows = Rows([1, 2], [a_row(symbol=SAMSUNG)])

    assert tuple(rows) == (1, 2)
    assert unreadable_of(rows) == (a_row(symbol=SAMSUNG),)
    assert (rows.doubts(SAMSUNG), rows.doubts(HYNIX)) == (True, False)
    assert unreadable_of([1, 2]) == unreadable_of(Rows([1])) == ()


def match(unreadable: list[UnreadableRow], *orders: BrokerOrder, not_ours: Any = frozenset()) -> LostOrderMatch:
    return match_lost_order(INTENT, Rows(orders, unreadable), not_ours, NOW)


def test_an_unreadable_row_hides_a_lost_order_that_is_not_listed() -> None:
    first, second = a_row(), a_row(field="ord_qty")

    assert match([first, second]) == Hidden(first)
    assert match([a_row(symbol=HYNIX)]) == Absent()
    assert match([a_row(ref=a_ref(3))], not_ours={a_ref(3)}) == Absent()


def test_a_row_that_is_like_the_order_as_far_as_it_goes_hides_which_of_two_is_ours() -> None:
    twin = a_row(symbol=SAMSUNG, side=Side.BUY, quantity=Quantity(10))
    listed = a_broker_order()

    assert match([a_row(), twin], listed) == Hidden(twin)
    assert match([a_row()], listed) == Found(listed)
    for unsaid in ({"symbol": None}, {"side": None}, {"quantity": None}):
        half = a_row(**{"symbol": SAMSUNG, "side": Side.BUY, "quantity": Quantity(10), **unsaid})
        assert match([half], listed) == Found(listed)
