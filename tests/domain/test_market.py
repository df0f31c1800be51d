"""Quotes, and whether a price may decide a trade."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.market import BookLevel, OrderBook, QuoteProblem, problem_with, with_book
from domain.money import Price, Quantity
from tests.support.builders import NOW, SAMSUNG, a_quote, a_reference

AGE = timedelta(seconds=5)


def test_a_healthy_quote_has_no_problem() -> None:
    assert problem_with(a_quote(), NOW, AGE) is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"price": 0}, QuoteProblem.NO_PRICE),
        ({"price": -1}, QuoteProblem.NO_PRICE),
        ({"price": 200_000}, QuoteProblem.OUTSIDE_LIMITS),
        ({"bid": 70_200, "ask": 70_100}, QuoteProblem.CROSSED),
        ({"observed_at": NOW - timedelta(seconds=6)}, QuoteProblem.STALE),
        ({"observed_at": NOW + timedelta(seconds=6)}, QuoteProblem.FROM_THE_FUTURE),
    ],
)
def test_a_price_that_is_absurd_or_old_may_decide_nothing(changes: dict[str, Any], problem: QuoteProblem) -> None:
    quote = a_quote(**changes) if "price" not in changes else a_quote(limits=a_reference().limits, **changes)

    assert problem_with(quote, NOW, AGE) is problem


def test_a_quote_as_old_as_allowed_still_counts() -> None:
    assert problem_with(a_quote(observed_at=NOW - AGE), NOW, AGE) is None


def test_without_known_limits_only_the_price_itself_is_judged() -> None:
    assert problem_with(a_quote(limits=None), NOW, AGE) is None


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_one_empty_side_of_the_book_is_not_crossed(side: str) -> None:
    assert problem_with(a_quote(**{side: 0}), NOW, AGE) is None


def test_the_change_is_measured_from_the_previous_close() -> None:
    assert a_quote(price=103, previous_close=Price(100)).change_rate == Decimal("0.03")


def test_the_spread_is_a_share_of_the_price() -> None:
    assert a_quote(price=10_000, bid=Price(9_990), ask=Price(10_010)).spread_rate == Decimal("0.002")


@pytest.mark.parametrize("missing", ["bid", "ask", "price"])
def test_without_both_sides_and_a_price_there_is_no_spread(missing: str) -> None:
    assert a_quote(**{missing: 0} if missing != "price" else {"price": 0, "bid": 9, "ask": 10}).spread_rate is None


def test_the_age_is_counted_in_market_time() -> None:
    assert a_quote().age_at(NOW + timedelta(seconds=3)) == timedelta(seconds=3)


def test_yesterdays_range_is_its_high_minus_its_low() -> None:
    assert a_reference().previous_range == 2_000


def test_an_order_book_may_be_empty() -> None:
    level = BookLevel(Price(70_000), Quantity(10))

    assert OrderBook(SAMSUNG).bids == ()
    assert OrderBook(SAMSUNG, asks=(level,)).asks[0].quantity == 10


def test_a_quote_without_a_book_learns_its_best_prices_from_one() -> None:
    blind = a_quote(bid=Price(0), ask=Price(0), shows_book=False)
    asks = (BookLevel(Price(70_100), Quantity(3)), BookLevel(Price(70_200), Quantity(9)))

    seen = with_book(blind, OrderBook(SAMSUNG, asks=asks, bids=(BookLevel(Price(70_000), Quantity(5)),)))

    assert (seen.bid, seen.bid_quantity, seen.ask, seen.ask_quantity) == (70_000, 5, 70_100, 3)
    assert seen.shows_book


def test_one_empty_side_of_a_book_does_not_empty_the_other() -> None:
    level = BookLevel(Price(70_100), Quantity(3))

    asked = with_book(a_quote(), OrderBook(SAMSUNG, asks=(level,)))
    wanted = with_book(a_quote(), OrderBook(SAMSUNG, bids=(level,)))

    assert (asked.ask, asked.ask_quantity, asked.bid, asked.bid_quantity) == (70_100, 3, 0, 0)
    assert (wanted.bid, wanted.bid_quantity, wanted.ask, wanted.ask_quantity) == (70_100, 3, 0, 0)


def test_an_empty_side_of_a_book_stays_empty() -> None:
    seen = with_book(a_quote(shows_book=False), OrderBook(SAMSUNG))

    assert (seen.bid, seen.ask, seen.spread_rate) == (0, 0, None)
