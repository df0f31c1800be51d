"""The number of shares of an entry: never above the limit or the buying power."""

from hypothesis import given
from hypothesis import strategies as st

from domain.costs import CostRates, cost_rates
from domain.money import Price, Quantity, Rate, Won
from domain.pricing import size_entry
from domain.rules import RiskRules
from tests.support.builders import MONDAY

RATES = cost_rates(MONDAY)
PLENTY = Quantity(10**9)
RICH = Won(10**12)


def test_the_capital_limit_pays_for_costs_and_slippage_too() -> None:
    rules = RiskRules(capital_per_trade=Won(700_000), slippage_allowance=Rate("0.005"))

    assert size_entry(Price(70_000), PLENTY, RICH, rules, RATES) == 9


def test_without_costs_the_limit_is_used_up() -> None:
    rules = RiskRules(capital_per_trade=Won(700_000), slippage_allowance=Rate(0))

    assert size_entry(Price(70_000), PLENTY, RICH, rules, CostRates(Rate(0), Rate(0))) == 10


def test_cash_at_the_broker_counts_when_it_is_less() -> None:
    assert size_entry(Price(70_000), PLENTY, Won(150_000), RiskRules(), RATES) == 2


def test_shares_at_the_broker_count_when_they_are_fewer() -> None:
    assert size_entry(Price(70_000), Quantity(3), RICH, RiskRules(), RATES) == 3


def test_a_share_beyond_the_limit_is_not_bought() -> None:
    assert size_entry(Price(6_000_000), PLENTY, RICH, RiskRules(), RATES) == 0


def test_without_a_price_or_with_debts_nothing_is_bought() -> None:
    assert size_entry(Price(0), PLENTY, RICH, RiskRules(), RATES) == 0
    assert size_entry(Price(70_000), PLENTY, Won(-1), RiskRules(), RATES) == 0
    assert size_entry(Price(70_000), Quantity(-5), RICH, RiskRules(), RATES) == 0


@given(
    price=st.integers(1, 2_000_000),
    shares=st.integers(0, 10**6),
    cash=st.integers(0, 10**10),
    capital=st.integers(1, 10**10),
    slippage=st.decimals(0, 1, places=4),
)
def test_a_size_never_exceeds_limit_cash_or_shares_and_one_more_would(
    price: int, shares: int, cash: int, capital: int, slippage: Rate
) -> None:
    rules = RiskRules(capital_per_trade=Won(capital), slippage_allowance=slippage)

    size = size_entry(Price(price), Quantity(shares), Won(cash), rules, RATES)

    one_costs = price * (1 + RATES.commission + slippage)
    assert 0 <= size <= shares
    assert size * one_costs <= min(cash, capital)
    assert size == shares or (size + 1) * one_costs > min(cash, capital)
