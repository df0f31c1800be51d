"""Whole won and whole shares."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.money import Price, Quantity, Rate, Won, affordable, average_price, change_rate, notional, portion, total


def test_shares_times_price_is_an_amount() -> None:
    assert notional(Price(70_000), Quantity(3)) == 210_000


def test_an_average_price_may_be_fractional() -> None:
    assert average_price(Won(100), Quantity(8)) == Decimal("12.5")


def test_no_shares_have_no_average_price() -> None:
    assert average_price(Won(0), Quantity(0)) == 0


def test_a_budget_buys_whole_shares_only() -> None:
    assert affordable(Won(209_999), Price(70_000)) == 2


def test_neither_a_debt_nor_a_missing_price_buys_anything() -> None:
    assert affordable(Won(-1), Price(70_000)) == 0
    assert affordable(Won(70_000), Price(0)) == 0


def test_a_portion_is_cut_down_to_whole_won() -> None:
    assert portion(Won(9_999), Rate("0.0015")) == 14


def test_a_change_is_relative_to_its_reference() -> None:
    assert change_rate(Price(103), 100) == Decimal("0.03")


def test_without_a_reference_there_is_no_change() -> None:
    assert change_rate(Price(103), 0) == 0


def test_amounts_add_up() -> None:
    assert total([Won(1), Won(-3), Won(10)]) == 8


@given(budget=st.integers(0, 10**12), price=st.integers(1, 2_000_000))
def test_what_is_affordable_fits_the_budget_and_one_share_more_does_not(budget: int, price: int) -> None:
    shares = affordable(Won(budget), Price(price))

    assert shares * price <= budget < (shares + 1) * price
