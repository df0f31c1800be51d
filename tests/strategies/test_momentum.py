"""Rising over a window while trading faster than before."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import MarketView, PriceSample
from domain.money import Price, Quantity, Rate
from domain.rules import StrategyRules
from domain.strategy import Strategy
from strategies import KNOWN_STRATEGIES
from strategies.momentum import MomentumParameters
from strategies.windows import volume_pace, window_return
from tests.support.builders import NOW, a_quote, a_view, an_open_position, some_samples

RULES = StrategyRules()
WINDOW = MomentumParameters().window
MOMENTUM: Strategy = KNOWN_STRATEGIES["momentum"]
POSITION = an_open_position()


def a_rise(price: int = 71_400, pace: str = "2", base: int = 70_000) -> MarketView:
    """Return half an hour at a base price, trading ``pace`` times as fast in the window as before it."""
    recent = some_samples([base] * 21, until=NOW - WINDOW)
    volume = recent[-1].volume + int(10_000 * Decimal(pace))
    return a_view(a_quote(price, volume=Quantity(volume), limits=None), recent=recent)


def with_past(view: MarketView, *recent: PriceSample) -> MarketView:
    return replace(view, recent=recent)


def sample(minutes_ago: float, volume: int, price: int = 70_000) -> PriceSample:
    return PriceSample(NOW - timedelta(minutes=minutes_ago), Price(price), Quantity(volume))


@pytest.mark.parametrize(
    ("price", "pace", "buys"),
    [(70_840, "1.5", True), (70_800, "1.5", False), (70_840, "1.4", False), (69_000, "5", False)],
    ids=["both enough", "rise too small", "pace too slow", "falling"],
)
def test_it_buys_when_price_and_pace_have_both_risen_enough(price: int, pace: str, buys: bool) -> None:
    assert (MOMENTUM.entry(a_rise(price, pace), RULES) is not None) == buys


def test_the_signal_names_who_bought_and_why() -> None:
    signal = MOMENTUM.entry(a_rise(71_400, "2"), RULES)

    assert signal is not None
    assert (signal.strategy, signal.strategy_version) == ("momentum", "2")
    assert signal.reason == "price rose 2.00% in 10 min at 2.0 times the earlier volume pace"


def test_twice_of_both_is_full_confidence() -> None:
    least, most = MOMENTUM.entry(a_rise(70_840, "1.5"), RULES), MOMENTUM.entry(a_rise(71_680, "3"), RULES)

    assert least is not None
    assert most is not None
    assert (least.confidence, most.confidence) == (Decimal("0.5"), Decimal(1))


def test_it_does_not_buy_what_has_run_up_already() -> None:
    view = a_rise()
    ran_up = replace(view, quote=replace(view.quote, previous_close=Price(59_500)))

    assert MOMENTUM.entry(ran_up, RULES) is None


def test_a_rule_of_zero_still_asks_for_a_rise() -> None:
    anything = StrategyRules(momentum_rise=Rate(0), momentum_volume_ratio=Decimal(0))

    assert MOMENTUM.entry(a_rise(70_000), anything) is None
    signal = MOMENTUM.entry(a_rise(70_100), anything)
    assert signal is not None
    assert signal.confidence == Decimal("0.5")


def test_without_a_past_it_neither_buys_nor_gives_up() -> None:
    assert MOMENTUM.entry(a_view(), RULES) is None
    assert not MOMENTUM.wants_out(a_view(), POSITION, RULES)


def test_a_past_that_ends_long_before_the_window_is_no_measure() -> None:
    view = with_past(a_rise(), sample(50, 0), sample(20.1, 20_000))

    assert window_return(view, WINDOW) is None
    assert volume_pace(view, WINDOW) is None


@pytest.mark.parametrize(("minutes_ago", "is_measured"), [(10, True), (12.5, True), (12.6, False), (19.9, False)])
def test_after_a_gap_a_base_that_is_older_than_the_window_by_a_quarter_is_no_measure(
    minutes_ago: float, is_measured: bool
) -> None:
    view = with_past(a_rise(), sample(29, 0), sample(minutes_ago, 20_000), sample(1, 30_000))

    assert (window_return(view, WINDOW) is not None) == is_measured
    assert (volume_pace(view, WINDOW) is not None) == is_measured


def test_a_past_that_starts_within_the_window_is_no_measure() -> None:
    assert window_return(with_past(a_rise(), sample(9, 0), sample(5, 1_000)), WINDOW) is None


def test_the_earlier_pace_needs_half_a_window_of_past() -> None:
    view = with_past(a_rise(), sample(14.9, 0), sample(10, 5_000))

    assert window_return(view, WINDOW) is not None
    assert volume_pace(view, WINDOW) is None
    assert MOMENTUM.entry(view, RULES) is None


def test_without_earlier_volume_there_is_nothing_to_compare_with() -> None:
    assert volume_pace(with_past(a_rise(), sample(20, 7_000), sample(10, 7_000)), WINDOW) is None


def test_a_missing_price_has_no_return() -> None:
    view = a_rise()

    assert window_return(replace(view, quote=replace(view.quote, price=Price(0))), WINDOW) is None


@pytest.mark.parametrize(("price", "out"), [(69_570, True), (69_580, False), (71_000, False)])
def test_it_gives_up_when_the_window_has_turned_by_half_of_the_entrys_rise(price: int, out: bool) -> None:
    assert MOMENTUM.wants_out(a_rise(price), POSITION, RULES) == out


def test_its_parameters_are_kept_with_the_trade() -> None:
    assert MOMENTUM.parameters(RULES) == {
        "window": "600s",
        "rise": "1.2%",
        "volume_ratio": "1.5",
        "greatest_change": "20%",
        "reversal": "50%",
    }


@given(
    prices=st.lists(st.integers(1_000, 200_000), min_size=1, max_size=40),
    price=st.integers(0, 200_000),
    volume=st.integers(0, 10**9),
)
def test_whatever_the_past_its_confidence_lies_within_one_and_it_buys_only_a_rise(
    prices: list[int], price: int, volume: int
) -> None:
    view = a_view(a_quote(price, volume=Quantity(volume), limits=None), recent=some_samples(prices))

    signal = MOMENTUM.entry(view, RULES)

    if signal is not None:
        assert 0 <= signal.confidence <= 1
        assert not MOMENTUM.wants_out(view, POSITION, RULES)
