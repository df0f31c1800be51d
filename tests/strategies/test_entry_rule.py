"""Entry rules as data: what they read, when they are met, and what is refused with which words."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from pydantic import Field

from domain.market import MarketView
from domain.money import Price
from domain.position import OpenPosition
from domain.rules import StrategyRules
from domain.strategy import EntrySignal
from strategies.admission import Admitted, EntryRuleBrokenError, NotAdmittedError, admitted
from strategies.api import EntryRule, Parameters
from strategies.rule_lines import EntryRuleError
from tests.support.builders import a_quote, a_reference, a_view


class Some(Parameters):
    least: Decimal = Field(default=Decimal("0.01"), ge=0, le=1)


class P:
    """Parameters without a model."""

    least = Decimal("0.01")
    wait = timedelta(seconds=90)


VIEW = a_view(a_quote(70_000, open_price=Price(69_000)), a_reference(68_000))


@pytest.mark.parametrize(
    ("line", "met"),
    [
        ("price > open", True),
        ("price < open", False),
        ("open <= price <= 70000", True),
        ("open < price < 70000", False),
        ("change(price, open) >= least", True),
        ("change(price, open) >= 2 * least", False),
        ("max(open, 1, previous_close) <= price - 1", True),
        ("abs(open - price) >= 1000", True),
        ("-least < 0", True),
        ("price / (open - 69000) > 0", False),
        ("wait >= 90", True),
        ("wait > 90", False),
        ("change(price, base * 0) <= 0", True),
        ("volume_pace(wait) >= -1000000", False),
        ("window_return(0) >= -1000000", False),
    ],
)
def test_a_line_is_met(line: str, met: bool) -> None:
    assert (EntryRule(line).met(VIEW, P) is not None) == met


def test_the_named_values_are_returned() -> None:
    found = EntryRule("risen = price - open", "twice = risen * 2", "twice > 0").met(VIEW, P)

    assert found == {"risen": Decimal(1_000), "twice": Decimal(2_000)}


def test_an_unknown_value_is_never_met() -> None:
    rule = EntryRule("before = previous_close", "price > 0")

    assert rule.met(VIEW, P) is not None
    assert rule.met(a_view(a_quote(70_000)), P) is None


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((), "1 to 50 lines, not 0"),
        (("risen = price",), "needs a line that compares"),
        (("price >",), "cannot be read"),
        (("price == open",), "compare with"),
        (("price",), "write 'NAME = VALUE'"),
        (("price ** 2 > 1",), "is not allowed"),
        (("open.real > 1",), "is not allowed"),
        (("eval('1') > 1",), "is not allowed"),
        (("'1' > 1",), "is not allowed"),
        (("True > 0",), "is not allowed"),
        (("1e999 > 0",), "is not allowed"),
        (("price = 1", "price > 0"), "price has a meaning already"),
        (("max = 1", "price > 0"), "max has a meaning already"),
        (("change(price) > 0",), "change takes 2 values, not 1"),
        (("max(price) > 0",), "max takes 2 to 10 values, not 1"),
        (("window_return(price) > 0",), "takes a number of seconds or a parameter"),
        (("window_return(least + 1) > 0",), "takes a number of seconds or a parameter"),
        ((f"price > {'1 + ' * 200}1",), "a text of at most 500 characters"),
        ((5,), "a text of at most 500 characters"),
    ],
)
def test_a_wrong_line_is_refused(lines: tuple[Any, ...], why: str) -> None:
    with pytest.raises(EntryRuleError, match=why):
        EntryRule(*lines)


class Ruled:
    name = "ruled"
    version = "1"
    Parameters = Some
    entry_rule: ClassVar[Any] = EntryRule("risen = change(price, open)", "risen > 0")

    def entry(self, view: MarketView, parameters: Some) -> EntrySignal | None:
        if view.quote.price > 75_000:
            return None
        return EntrySignal(self.name, self.version, Decimal("0.5"), "always")

    def wants_out(self, view: MarketView, position: OpenPosition, parameters: Some) -> bool:
        return False


def with_rule(rule: object) -> Admitted:
    return admitted(type("Other", (Ruled,), {"entry_rule": rule}))


def test_the_rule_decides_and_the_code_only_makes_the_signal() -> None:
    strategy = admitted(Ruled)

    assert strategy.entry_rule is Ruled.entry_rule
    assert strategy.entry(VIEW, StrategyRules()) is not None
    assert strategy.entry(a_view(a_quote(69_000, open_price=Price(70_000))), StrategyRules()) is None


def test_a_strategy_that_adds_a_condition_to_its_rule_fails() -> None:
    with pytest.raises(EntryRuleBrokenError, match=r"ruled\.entry gives no signal where entry_rule is met"):
        admitted(Ruled).entry(a_view(a_quote(76_000, open_price=Price(70_000))), StrategyRules())


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("price > open", "entry_rule must be an EntryRule"),
        (EntryRule("price > leest * open"), r"'price > leest \* open': leest is no value.*did you mean least\?"),
        (EntryRule("xyzzy > 0"), "xyzzy is no value.*values are price, open"),
        (EntryRule("least = 1", "least > 0"), "the parameter least has the name of a value or line"),
    ],
)
def test_a_rule_that_does_not_fit_its_strategy_is_refused(rule: object, why: str) -> None:
    with pytest.raises(NotAdmittedError, match=why):
        with_rule(rule)


def test_a_parameter_that_is_yes_or_no_cannot_be_compared() -> None:
    class Switched(Parameters):
        early: bool = True

    found = type("Other", (Ruled,), {"Parameters": Switched, "entry_rule": EntryRule("early > 0")})

    with pytest.raises(NotAdmittedError, match="early is yes or no"):
        admitted(found)
