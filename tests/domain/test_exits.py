"""The exit rules: each fires alone, the first in order wins, and no invalid price sells anything."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.exits import EXIT_RULES, ExitContext, ExitSignal, decide_exit, high_water_mark
from domain.market import PriceSample, problem_with
from domain.money import Price, Rate
from domain.position import ExitReason, OpenPosition
from domain.rules import ExitRules
from tests.support.builders import NOW, a_quote, a_view, an_open_position, some_samples

OFF = ExitRules(
    stop_loss=Rate(0),
    take_profit=Rate(0),
    trailing_start=Rate(0),
    trailing_distance=Rate(0),
    trend_break=Rate(0),
    longest_holding=timedelta(0),
)
LATER = NOW + timedelta(hours=5)
prices = st.integers(1_000, 500_000)


def held(price: int = 100_000, best: int = 0, rules: ExitRules | None = None) -> OpenPosition:
    return an_open_position(
        price=price, high_water_mark=Price(max(best, price)), exit_rules=rules or ExitRules(trend_break=Rate(0))
    )


def at_price(
    price: int, position: OpenPosition | None = None, recent: tuple[PriceSample, ...] = (), **changes: Any
) -> ExitContext:
    quote = a_quote(price, limits=None)
    return replace(ExitContext(position or held(), a_view(quote, recent=recent), NOW, LATER), **changes)


def reason_of(context: ExitContext) -> ExitReason | None:
    signal = decide_exit(context)
    return signal.reason if signal else None


def test_a_quiet_position_is_held() -> None:
    assert decide_exit(at_price(100_500)) is None


@pytest.mark.parametrize(("price", "reason"), [(97_000, ExitReason.STOP_LOSS), (97_100, None)])
def test_the_stop_loss_fires_at_its_rate_below_the_entry(price: int, reason: ExitReason | None) -> None:
    assert reason_of(at_price(price)) is reason


def test_a_price_from_before_the_purchase_sells_nothing() -> None:
    position = replace(held(), opened_at=NOW - timedelta(seconds=1))
    before, after = (
        at_price(90_000, position, view=a_view(a_quote(90_000, limits=None, observed_at=at)))
        for at in (position.opened_at - timedelta(microseconds=1), position.opened_at)
    )

    assert reason_of(before) is None
    assert reason_of(after) is ExitReason.STOP_LOSS
    assert reason_of(replace(before, now=LATER)) is ExitReason.DEADLINE


@pytest.mark.parametrize(
    ("price", "best", "reason"),
    [(265_537, 0, ExitReason.STOP_LOSS), (265_750, 0, None), (279_250, 285_250, ExitReason.TRAILING_STOP)],
)
def test_prices_half_a_tick_off_the_grid_decide_as_others_do(price: int, best: int, reason: ExitReason | None) -> None:
    """Entered at a mid-price of 273,750 won, tick 500; mid-prices are trusted quotes."""
    rules = replace(OFF, stop_loss=Rate("0.03"), trailing_start=Rate("0.03"), trailing_distance=Rate("0.02"))
    context = at_price(price, held(273_750, best, rules))

    assert problem_with(context.view.quote, NOW, timedelta(seconds=5)) is None
    assert reason_of(context) is reason


@pytest.mark.parametrize(("price", "reason"), [(105_000, ExitReason.TAKE_PROFIT), (104_900, None)])
def test_the_target_fires_at_its_rate_above_the_entry(price: int, reason: ExitReason | None) -> None:
    assert reason_of(at_price(price)) is reason


@pytest.mark.parametrize(("price", "reason"), [(100_470, ExitReason.TRAILING_STOP), (100_480, None)])
def test_the_trailing_stop_fires_at_its_distance_below_the_best_price(price: int, reason: ExitReason | None) -> None:
    assert reason_of(at_price(price, held(best=102_000))) is reason


def test_the_trailing_stop_is_not_armed_before_its_gain() -> None:
    assert reason_of(at_price(100_400, held(best=101_990))) is None


def test_a_trailing_start_of_zero_turns_the_trailing_stop_off() -> None:
    rules = replace(OFF, trailing_distance=Rate("0.01"))

    assert reason_of(at_price(99_000, held(rules=rules))) is None
    assert reason_of(at_price(90_000, held(best=129_000, rules=rules))) is None


def test_the_trailing_stop_wins_over_the_target_in_one_tick() -> None:
    assert reason_of(at_price(106_000, held(best=110_000))) is ExitReason.TRAILING_STOP


class TestTrendBreak:
    rules = replace(OFF, trend_break=Rate("0.01"), trend_window=timedelta(minutes=10))

    def reason(self, price: int, recent: tuple[PriceSample, ...]) -> ExitReason | None:
        return reason_of(at_price(price, held(rules=self.rules), recent))

    @pytest.mark.parametrize(("price", "reason"), [(99_000, ExitReason.TREND_BREAK), (99_100, None)])
    def test_it_fires_at_its_rate_below_the_moving_average(self, price: int, reason: ExitReason | None) -> None:
        assert self.reason(price, some_samples([100_000] * 8)) is reason

    def test_it_needs_five_samples(self) -> None:
        assert self.reason(90_000, some_samples([100_000] * 4, every=timedelta(minutes=3))) is None

    def test_it_needs_half_of_the_window(self) -> None:
        assert self.reason(90_000, some_samples([100_000] * 9, every=timedelta(seconds=30))) is None

    def test_five_samples_over_half_of_the_window_are_enough(self) -> None:
        path = some_samples([100_000] * 5, every=timedelta(seconds=75))

        assert self.reason(90_000, path) is ExitReason.TREND_BREAK

    def test_the_window_includes_both_its_ends(self) -> None:
        path = some_samples([120_000, 100_000, 100_000, 100_000, 80_000, 100_000], every=timedelta(minutes=2))

        assert self.reason(99_000, path) is ExitReason.TREND_BREAK

    def test_samples_before_the_window_do_not_count(self) -> None:
        assert self.reason(100_000, some_samples([200_000] * 15 + [100_000] * 11)) is None


def test_the_strategy_may_give_up() -> None:
    signal = decide_exit(at_price(100_000, strategy_wants_out=True))

    assert signal is not None
    assert (signal.reason, signal.detail) == (ExitReason.STRATEGY, "momentum signals an exit")


@pytest.mark.parametrize(("minutes", "reason"), [(110, ExitReason.TIME_STOP), (109, None)])
def test_the_time_stop_fires_after_the_longest_holding(minutes: int, reason: ExitReason | None) -> None:
    assert reason_of(at_price(100_000, now=NOW + timedelta(minutes=minutes))) is reason


def test_the_deadline_fires_on_time() -> None:
    assert reason_of(at_price(100_000, deadline=NOW + timedelta(microseconds=1))) is None
    assert reason_of(at_price(100_000, deadline=NOW)) is ExitReason.DEADLINE


def test_an_own_deadline_says_why() -> None:
    signal = decide_exit(at_price(100_000, deadline=NOW, deadline_because="thin: 3,000 shares"))

    assert signal is not None
    assert signal.detail == "10:00 KST, thin: 3,000 shares"


def test_the_deadline_wins_over_everything() -> None:
    assert reason_of(at_price(90_000, deadline=NOW, strategy_wants_out=True)) is ExitReason.DEADLINE


def test_the_order_of_the_rules_is_the_order_of_their_reasons() -> None:
    order = [reason for reason, _ in EXIT_RULES]

    assert order == [reason for reason in ExitReason if reason in order]


@pytest.mark.parametrize("price", [1_000, 60_000, 99_999, 100_001, 300_000])
def test_a_rule_set_to_zero_is_off(price: int) -> None:
    position = held(best=400_000, rules=OFF)

    assert decide_exit(at_price(price, position, some_samples([500_000] * 20), now=NOW + timedelta(hours=4))) is None


@pytest.mark.parametrize(
    "quote",
    [
        a_quote(0, limits=None),
        a_quote(1_000, limits=a_quote(100_000).limits),
        a_quote(90_000, observed_at=NOW - timedelta(seconds=6)),
        a_quote(90_000, bid=Price(91_000), ask=Price(90_000)),
    ],
    ids=["zero", "outside the limits", "stale", "crossed"],
)
def test_a_price_that_cannot_be_trusted_sells_nothing_but_the_clock_still_does(quote: Any) -> None:
    context = ExitContext(held(), a_view(quote), NOW, LATER, True, timedelta(seconds=5))

    assert decide_exit(context) is None
    assert reason_of(replace(context, deadline=NOW)) is ExitReason.DEADLINE
    assert decide_exit(replace(context, deadline=NOW)) == ExitSignal(
        ExitReason.DEADLINE, Price(100_000), NOW, Price(100_000), "10:00 KST"
    )


def test_the_signal_carries_the_price_and_the_best_price() -> None:
    assert decide_exit(at_price(105_000, held(best=103_000))) == ExitSignal(
        ExitReason.TAKE_PROFIT, Price(105_000), NOW, Price(105_000), "+5.00% against +5.00%"
    )


@given(prices, st.lists(prices, max_size=20))
def test_the_high_water_mark_never_falls_and_is_the_best_price_seen(bought_at: int, path: list[int]) -> None:
    position = held(bought_at)
    marks = [position.high_water_mark]
    for price in path:
        position = replace(position, high_water_mark=high_water_mark(position, Price(price)))
        marks.append(position.high_water_mark)

    assert marks == sorted(marks)
    assert marks[-1] == max([bought_at, *path])


@given(entry=prices, price=prices, best=prices)
def test_a_loss_beyond_the_stop_is_always_sold(entry: int, price: int, best: int) -> None:
    context = at_price(price, held(entry, best))

    signal = decide_exit(context)

    assert (signal is not None and signal.reason is ExitReason.STOP_LOSS) == (price * 100 <= entry * 97)


@given(entry=prices, price=prices, lower=prices)
def test_a_lower_price_never_unfires_the_stop(entry: int, price: int, lower: int) -> None:
    rules = replace(OFF, stop_loss=Rate("0.03"), trailing_distance=Rate("0.015"), trailing_start=Rate("0.02"))
    position = held(entry, rules=rules)
    if lower <= price and decide_exit(at_price(price, position)) is not None:
        assert decide_exit(at_price(lower, position)) is not None
