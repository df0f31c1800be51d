"""How old a held price may get: by stream at once, else after the calls for all other stocks."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.capacity import CALL_TAKES, Capacity, PriceSupply, objection_to_one_more
from domain.lane import Lane, slots_of
from domain.risk import Denial
from domain.rules import ExecutionRules
from tests.support.builders import a_snapshot

RULES = ExecutionRules()
LIVE = PriceSupply(streamed=39, slots=18, stocks_per_call=30)
PAPER = PriceSupply(streamed=39, slots=1, stocks_per_call=1)


def capacity(
    supply: PriceSupply, *, is_streaming: bool = True, bound: timedelta = RULES.greatest_quote_age
) -> Capacity:
    return Capacity(supply, replace(RULES, greatest_quote_age=bound), supply.streamed if is_streaming else 0)


def test_streamed_prices_are_not_old() -> None:
    assert capacity(LIVE).age(0) == timedelta(0)
    assert capacity(LIVE).age(39) == timedelta(0)
    assert capacity(PAPER).age(39) == timedelta(0)


def test_the_first_stock_beside_the_stream_waits_for_its_interval_and_the_calls_of_all() -> None:
    two_calls = RULES.price_interval + timedelta(seconds=2 / 10) + CALL_TAKES

    assert capacity(LIVE).age(40) == capacity(LIVE).age(60) == two_calls
    assert capacity(LIVE).age(61) == two_calls + timedelta(seconds=1 / 10)
    assert capacity(LIVE, is_streaming=False).age(1) == two_calls - timedelta(seconds=1 / 10)


def test_a_watch_uses_the_slots_that_more_urgent_calls_leave() -> None:
    assert slots_of(Lane.WATCH, 18) == 14
    assert slots_of(Lane.SCAN, 18) == 12
    assert slots_of(Lane.WATCH, 1) == 1
    assert LIVE.calls_per_second == pytest.approx(10)  # one call at a time, 0.1 s each
    assert replace(LIVE, slots=9).calls_per_second == pytest.approx(7 / 1.12)
    assert PAPER.calls_per_second == pytest.approx(1 / 1.12)


@pytest.mark.parametrize(
    ("supply", "is_streaming", "most"),
    [
        (LIVE, True, 44 * 30),
        (LIVE, False, 44 * 30),
        (PAPER, True, 39),
        (PAPER, False, 3),
        (replace(LIVE, slots=3), True, 11 * 30),
    ],
)
def test_so_many_stocks_may_be_held(supply: PriceSupply, is_streaming: bool, most: int) -> None:
    assert capacity(supply, is_streaming=is_streaming).most == most
    assert capacity(supply, is_streaming=is_streaming).room(most - 2) == 2
    assert capacity(supply, is_streaming=is_streaming).room(most + 5) == 0


def test_a_bound_below_the_interval_leaves_only_the_stream() -> None:
    tight = capacity(LIVE, bound=timedelta(milliseconds=600))

    assert tight.most == 39


@given(
    st.builds(
        PriceSupply, streamed=st.integers(0, 39), slots=st.integers(1, 20), stocks_per_call=st.sampled_from([1, 30])
    ),
    st.integers(1, 150),
    st.booleans(),
)
def test_the_most_is_the_last_number_within_the_bound(supply: PriceSupply, seconds: int, is_streaming: bool) -> None:
    found = capacity(supply, is_streaming=is_streaming, bound=timedelta(seconds=seconds))

    within, beyond = found.age(found.most), found.age(found.most + 1)

    assert within <= timedelta(seconds=seconds, microseconds=1)
    assert beyond > timedelta(seconds=seconds) - timedelta(microseconds=1)


def test_one_more_is_denied_exactly_beyond_the_most() -> None:
    last = a_snapshot(held_by_others=38, stream_is_live=True)
    denied = objection_to_one_more(PAPER, RULES, replace(last, held_by_others=39))

    assert objection_to_one_more(PAPER, RULES, last) is None
    assert denied is not None
    assert denied.denial is Denial.PRICES_TOO_OLD
    assert denied.detail == "prices of 40 held stocks could get 45.4 s old; the exit rules need 5 s, so at most 39"


def test_without_a_live_stream_its_stocks_need_calls() -> None:
    denied = objection_to_one_more(PAPER, RULES, a_snapshot(held_by_others=3))

    assert denied is not None
    assert denied.detail == "prices of 4 held stocks could get 5.1 s old; the exit rules need 5 s, so at most 3"
