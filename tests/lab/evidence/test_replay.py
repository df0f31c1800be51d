"""The replay of an entry decides as the domain's rules do, and its result is known."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from domain.bar import MinuteBar
from domain.exits import ExitContext, decide_exit
from domain.market import MarketView, PriceSample, Quote, Symbol
from domain.money import Price, Quantity, Rate
from domain.rules import ExitRules
from lab.evidence.replay import Exit, ReplayRules, Tape, exit_of, gross_rate, points_of
from lab.evidence.replay import _bought as bought
from tests.lab.recorded_days import minutes_of

OPENS = datetime(2025, 11, 17, 0, 0, tzinfo=UTC)
DEADLINE = 915
OFF = ExitRules(Rate(0), Rate(0), Rate(0), Rate(0), timedelta(minutes=20), Rate(0), timedelta(0))
RULES = {
    "all": ExitRules(),
    "stop": replace(OFF, stop_loss=Rate("0.01")),
    "target": replace(OFF, take_profit=Rate("0.008")),
    "trailing": replace(OFF, trailing_start=Rate("0.004"), trailing_distance=Rate("0.006")),
    "trend": replace(OFF, trend_break=Rate("0.002")),
    "time": replace(OFF, longest_holding=timedelta(minutes=17)),
    "none": OFF,
}


def tape(seed: str) -> Tape:
    return Tape([bar for bar in minutes_of(seed, 23_500) if bar.minute < 920])


def domain_exit(bars: Sequence[MinuteBar], place: int, rules: ExitRules) -> int:
    """Return the place at which the domain's own rules sell: all at a minute's start, prices at each turning point."""
    position = bought(bars[place], rules)
    prices_only = replace(rules, trend_break=Rate(0), longest_holding=timedelta(0))
    for at in range(place, len(bars)):
        now = OPENS + timedelta(minutes=bars[at].minute)
        for number, price in enumerate(points_of(bars[at])):
            quote = Quote(Symbol("000000"), Price(price), now)
            recent = tuple(
                PriceSample(OPENS + timedelta(minutes=bar.minute), Price(bar.open), Quantity(0))
                for bar in bars[at - 25 : at + 1]
            )
            asked = replace(
                position,
                exit_rules=rules if number == 0 and at > place else prices_only,
                opened_at=OPENS + timedelta(minutes=bars[place].minute),
            )
            context = ExitContext(asked, MarketView(quote, None, recent), now, OPENS + timedelta(minutes=DEADLINE))
            if decide_exit(context) is not None:
                return at
            position = replace(position, high_water_mark=Price(max(position.high_water_mark, price)))
    return len(bars) - 1


@pytest.mark.parametrize("name", RULES)
def test_it_sells_in_the_minute_in_which_the_domain_sells(name: str) -> None:
    chance = Random(name)
    for number in range(3):
        day = tape(f"{name}{number}")
        for place in chance.sample(range(60, len(day.bars) - 30), 2):
            found = exit_of(day, place, ReplayRules(RULES[name], DEADLINE))
            assert found.place == domain_exit(day.bars, place, RULES[name])
            assert day.bars[found.place].low <= found.price <= day.bars[found.place].high


def flat(*prices: tuple[int, int, int, int]) -> Tape:
    return Tape([MinuteBar(540 + number, *each, 1_000) for number, each in enumerate(prices)])


def test_the_price_is_that_of_the_bound_or_of_the_gap_over_it() -> None:
    rules = ReplayRules(replace(OFF, stop_loss=Rate("0.02"), take_profit=Rate("0.03")), DEADLINE)
    calm = (10_000, 10_000, 10_000, 10_000)

    # bought at 10,005; the stop is at 9,804.9, the target at 10,305.15
    assert exit_of(flat(calm, (10_000, 10_000, 9_700, 9_900)), 0, rules) == Exit(1, 9_800.0)
    assert exit_of(flat(calm, (9_600, 9_650, 9_600, 9_650)), 0, rules) == Exit(1, 9_600.0)
    assert exit_of(flat(calm, (10_000, 10_500, 10_000, 10_400)), 0, rules) == Exit(1, 10_310.0)
    assert exit_of(flat(calm, (10_700, 10_700, 10_600, 10_600)), 0, rules) == Exit(1, 10_700.0)


def test_the_last_bits_order_of_the_extremes_decides_between_stop_and_target() -> None:
    rules = ReplayRules(replace(OFF, stop_loss=Rate("0.02"), take_profit=Rate("0.02")), DEADLINE)
    both = [MinuteBar(540, 10_000, 10_000, 10_000, 10_000, 10), MinuteBar(541, 10_000, 10_500, 9_500, 10_000, 11)]

    assert exit_of(Tape(both), 0, rules).price > 10_000
    assert exit_of(Tape([both[0], both[1]._replace(volume=12)]), 0, rules).price < 10_000


def test_half_a_tick_is_lost_at_each_side() -> None:
    day = flat((10_000, 10_000, 10_000, 10_000), (10_200, 10_200, 10_200, 10_200))

    assert gross_rate(day, 0, ReplayRules(OFF, 541)) == pytest.approx(10_195 / 10_005 - 1)


def test_a_minute_that_cannot_fill_an_order_has_no_place() -> None:
    bars = [MinuteBar(540, 10, 12, 10, 11, 5), MinuteBar(541, 12, 12, 12, 12, 5), MinuteBar(543, 11, 12, 11, 11, 0)]

    assert [Tape(bars).at(minute) for minute in range(539, 545)] == [None, 0, None, None, None, None]
    assert Tape(bars).move == pytest.approx(float(Decimal(11) / 10 - 1))
