"""Strategies and filters by the names used in rules."""

import pytest

from domain.errors import BadRulesError
from domain.money import Price
from domain.rules import StrategyRules
from domain.screening import CustomFilter
from strategies import KNOWN_FILTERS, filters_named, strategies_named
from tests.support.builders import a_quote, a_stock


def test_strategies_come_in_the_order_of_their_names() -> None:
    assert [strategy.name for strategy in strategies_named(["momentum", "volatility_breakout"])] == [
        "momentum",
        "volatility_breakout",
    ]


def test_the_default_rules_name_known_strategies() -> None:
    assert len(strategies_named(StrategyRules().names)) == 2


@pytest.mark.parametrize(("names", "problem"), [(["momentum", "astrology"], "astrology"), ([], "empty")])
def test_unknown_names_and_no_names_are_refused_with_the_known_ones(names: list[str], problem: str) -> None:
    with pytest.raises(BadRulesError, match=rf"strategy\.names: {problem}; choose among momentum, volatility_breakout"):
        strategies_named(names)


def test_filters_come_in_the_order_of_their_names() -> None:
    assert list(filters_named(["rising", "near_day_high"])) == ["rising", "near_day_high"]
    assert filters_named([]) == {}


def test_unknown_filters_are_refused_with_the_known_ones() -> None:
    with pytest.raises(BadRulesError, match=r"screening\.custom_filters: falling; choose among near_day_high, rising"):
        filters_named(["falling"])


@pytest.mark.parametrize(
    ("keeps", "changes", "kept"),
    [
        (KNOWN_FILTERS["rising"], {"previous_close": Price(69_900)}, True),
        (KNOWN_FILTERS["rising"], {"previous_close": Price(70_000)}, False),
        (KNOWN_FILTERS["near_day_high"], {"high_price": Price(71_400)}, True),
        (KNOWN_FILTERS["near_day_high"], {"high_price": Price(71_500)}, False),
    ],
)
def test_each_filter_keeps_what_it_says(keeps: CustomFilter, changes: dict[str, Price], kept: bool) -> None:
    assert keeps(a_stock(a_quote(70_000, **changes))) == kept
