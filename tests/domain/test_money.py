"""Whole won and whole shares."""

from decimal import Decimal

import pytest

from domain.money import (
    Price,
    Quantity,
    Rate,
    Won,
    average_price,
    change_rate,
    is_without_unit,
    notional,
    portion,
    rate_text,
    read_rate,
    total,
)


def test_shares_times_price_is_an_amount() -> None:
    assert notional(Price(70_000), Quantity(3)) == 210_000


def test_an_average_price_may_be_fractional() -> None:
    assert average_price(Won(100), Quantity(8)) == Decimal("12.5")


def test_no_shares_have_no_average_price() -> None:
    assert average_price(Won(0), Quantity(0)) == 0


def test_a_portion_is_cut_down_to_whole_won() -> None:
    assert portion(Won(9_999), Rate("0.0015")) == 14


def test_a_change_is_relative_to_its_reference() -> None:
    assert change_rate(Price(103), 100) == Decimal("0.03")


def test_without_a_reference_there_is_no_change() -> None:
    assert change_rate(Price(103), 0) == 0


def test_amounts_add_up() -> None:
    assert total([Won(1), Won(-3), Won(10)]) == 8


@pytest.mark.parametrize(
    ("text", "rate"), [("3%", "0.03"), (" 0.5% ", "0.005"), ("0.03", "0.03"), ("-1%", "-0.01"), ("0", "0")]
)
def test_a_rate_is_read_in_percent_or_as_a_fraction(text: str, rate: str) -> None:
    assert read_rate(text) == Decimal(rate)


@pytest.mark.parametrize("text", ["", "%", "three", "３%", "1,5%"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        read_rate(text)


@pytest.mark.parametrize(
    ("text", "lacks"), [("3", True), ("0.5 ", True), ("3%", False), ("3% ", False), ("0", False), ("0.0", False)]
)
def test_a_rate_other_than_zero_needs_its_unit(text: str, lacks: bool) -> None:
    assert is_without_unit(text) == lacks


@pytest.mark.parametrize(
    ("rate", "text"), [("0.03", "3%"), ("0.000140527", "0.0140527%"), ("1", "100%"), ("0", "0%"), ("NaN", "NaN")]
)
def test_a_rate_is_shown_in_percent(rate: str, text: str) -> None:
    assert rate_text(Decimal(rate)) == text
