"""Breaking out of the open by a fraction of yesterday's range."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import MarketView
from domain.money import Price, Quantity, Rate
from domain.rules import StrategyRules
from domain.strategy import Strategy
from strategies import KNOWN_STRATEGIES
from tests.support.builders import a_quote, a_reference, a_view, an_open_position

RULES = StrategyRules()
BREAKOUT: Strategy = KNOWN_STRATEGIES["volatility_breakout"]


def view_at(price: int, opened_at: int = 69_000, volume: int = 500_000, **reference: Any) -> MarketView:
    """Return a stock whose target is 70,000: the open and half of yesterday's 2,000."""
    quote = a_quote(price, open_price=Price(opened_at), volume=Quantity(volume), limits=None)
    return a_view(quote, a_reference(68_000, **reference))


@pytest.mark.parametrize(("price", "buys"), [(69_900, False), (70_000, True), (72_100, True), (72_200, False)])
def test_it_buys_from_the_target_up_to_three_percent_above_it(price: int, buys: bool) -> None:
    assert (BREAKOUT.entry(view_at(price), RULES) is not None) == buys


def test_the_signal_names_who_bought_and_why() -> None:
    signal = BREAKOUT.entry(view_at(70_000), RULES)

    assert signal is not None
    assert (signal.strategy, signal.strategy_version) == ("volatility_breakout", "1")
    assert signal.reason == "price 70,000 broke the target 70,000 above the open 69,000"


def test_a_fresh_breakout_on_much_volume_is_the_most_confident() -> None:
    fresh, late = BREAKOUT.entry(view_at(70_000), RULES), BREAKOUT.entry(view_at(72_000), RULES)
    busy = BREAKOUT.entry(view_at(70_000, volume=9_000_000), RULES)

    assert fresh is not None
    assert late is not None
    assert busy is not None
    assert late.confidence < fresh.confidence < busy.confidence == 1


def test_yesterdays_volume_may_be_unknown() -> None:
    signal = BREAKOUT.entry(view_at(70_000, previous_volume=Quantity(0)), RULES)

    assert signal is not None
    assert signal.confidence == Decimal("0.7")


@pytest.mark.parametrize(
    "view",
    [
        a_view(a_quote(70_000)),
        view_at(69_000, previous_high=Price(68_000), previous_low=Price(68_000)),
        view_at(69_100, previous_high=Price(68_169), previous_low=Price(68_000)),
        view_at(70_000, opened_at=0),
        view_at(81_700, opened_at=80_700),
    ],
    ids=["no reference", "no range", "too quiet", "no open", "ran up"],
)
def test_it_does_not_buy_what_it_cannot_judge(view: MarketView) -> None:
    assert BREAKOUT.entry(view, RULES) is None


def test_a_greater_factor_asks_for_a_greater_breakout() -> None:
    assert BREAKOUT.entry(view_at(70_000), StrategyRules(breakout_factor=Decimal("0.7"))) is None


@pytest.mark.parametrize(
    ("price", "paid", "out"),
    [(68_900, 70_000, True), (69_000, 70_000, False), (68_900, 68_800, False), (0, 70_000, False)],
    ids=["below the open", "at the open", "above what was paid", "no price"],
)
def test_it_gives_up_below_the_open_and_what_was_paid(price: int, paid: int, out: bool) -> None:
    assert BREAKOUT.wants_out(view_at(price), an_open_position(price=paid), RULES) == out


def test_its_parameters_are_kept_with_the_trade() -> None:
    assert BREAKOUT.parameters(RULES) == {
        "factor": "0.5",
        "least_range": "0.5%",
        "greatest_chase": "3%",
        "greatest_change": "20%",
    }


@given(price=st.integers(1_000, 150_000), opened=st.integers(0, 150_000), volume=st.integers(0, 10**9))
def test_whatever_it_buys_stands_above_the_open_with_confidence_within_one(
    price: int, opened: int, volume: int
) -> None:
    signal = BREAKOUT.entry(view_at(price, opened, volume), RULES)

    if signal is not None:
        assert price >= opened + 1_000
        assert 0 <= signal.confidence <= 1
        assert price < 68_000 * (1 + Rate("0.20"))
