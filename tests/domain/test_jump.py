"""A tick counts at once if it is near the broker's confirmed price and inside the known order books."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.jump import JumpBound
from domain.market import Quote, Symbol
from domain.money import Price, Rate

AT = datetime(2026, 11, 23, 1, tzinfo=UTC)


def a_quote(price: int, **book: Any) -> Quote:
    return Quote(Symbol("005930"), Price(price), AT, **book)


@pytest.mark.parametrize(
    ("price", "around"),
    [(70_000, 700), (20_000, 250), (19_990, Rate("199.9")), (2_000, 25), (1_000, 10), (100, 5), (500_000, 5_000)],
)
def test_the_bound_is_one_percent_or_five_ticks_whichever_is_more(price: int, around: int | Rate) -> None:
    assert JumpBound().around(Price(price)) == around


@pytest.mark.parametrize(
    ("price", "is_jump"), [(70_000, False), (69_300, False), (69_290, True), (70_700, False), (70_710, True)]
)
def test_a_tick_beyond_the_bound_is_a_jump(price: int, is_jump: bool) -> None:
    assert JumpBound().is_jump(a_quote(price), a_quote(70_000)) is is_jump


@pytest.mark.parametrize(
    ("book", "is_jump"),
    [
        ({"bid": 70_400, "ask": 70_500}, True),
        ({"bid": 70_300, "ask": 70_400}, False),
        ({"bid": 68_000, "ask": 68_500}, True),
        ({"bid": 70_400, "ask": 70_500, "shows_book": False}, False),
        ({"bid": 0, "ask": 0}, False),
    ],
)
def test_a_tick_outside_a_book_is_a_jump_from_either_source_of_the_book(book: dict[str, Any], is_jump: bool) -> None:
    near = a_quote(69_600, **book)

    assert JumpBound().is_jump(near, a_quote(69_600)) is is_jump
    assert JumpBound().is_jump(a_quote(69_600), near) is is_jump


@given(st.integers(100, 1_000_000), st.integers(100, 1_000_000))
def test_a_wider_bound_lets_through_what_a_narrower_one_does(price: int, confirmed: int) -> None:
    tick, known = a_quote(price), a_quote(confirmed)

    if JumpBound(Rate("0.02"), 10).is_jump(tick, known):
        assert JumpBound().is_jump(tick, known)
