"""Commission and transaction tax by market and trade date."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costs import (
    BANKIS_COMMISSION,
    FIRST_TRADE_DATES,
    LAST_TAX_YEAR,
    CostRates,
    Costs,
    buying_cost_rate,
    cost_rates,
    order_costs,
    untold_tax,
)
from domain.market import Market, Side
from domain.money import Rate, Won
from exchange.calendar import krx_calendar
from tests.builders import MONDAY

RATES_2026 = cost_rates(MONDAY)
amounts = st.integers(0, 10**11).map(Won)


@pytest.mark.parametrize(
    ("traded_on", "tax"),
    [
        ("2023-05-02", "0.0020"),
        ("2023-12-26", "0.0020"),
        ("2023-12-27", "0.0018"),
        ("2024-01-02", "0.0018"),
        ("2024-12-26", "0.0018"),
        ("2024-12-27", "0.0015"),
        ("2025-12-26", "0.0015"),
        ("2025-12-29", "0.0020"),
        ("2026-11-23", "0.0020"),
    ],
)
def test_the_tax_follows_the_settlement_of_the_trade_date(traded_on: str, tax: str) -> None:
    assert cost_rates(date.fromisoformat(traded_on)).tax == Rate(tax)


@pytest.mark.parametrize("year", [2023, 2024, 2025, 2026])
def test_a_years_rate_begins_with_the_first_trade_that_settles_in_it(year: int) -> None:
    calendar = krx_calendar(year - 1, year)
    sessions = [
        day for day in (date(year - 1, 12, 1) + timedelta(days=n) for n in range(40)) if calendar.session_on(day)
    ]
    settled_in_it = [traded for traded, settled in zip(sessions, sessions[2:], strict=False) if settled.year == year]

    assert settled_in_it[0] in FIRST_TRADE_DATES


def test_sales_that_settle_after_the_tables_last_year_are_told_with_the_mend() -> None:
    calendar = krx_calendar(2026, 2027)
    assert FIRST_TRADE_DATES[-1] == date(LAST_TAX_YEAR - 1, 12, 29)

    assert untold_tax(calendar.settlement_of(date(2026, 12, 28))) == ""
    text = untold_tax(calendar.settlement_of(date(2026, 12, 29)))

    assert text.startswith("sales now settle in 2027, whose transaction tax this version does not know")
    assert "books as 2026's, 0.20 %" in text
    assert text.endswith("install a version that knows that year, or add its rate in domain/costs.py")


def test_buying_costs_commission_only() -> None:
    assert order_costs(Side.BUY, Won(10_000_000), Market.KOSPI, RATES_2026) == Costs(Won(1_405), Won(0))


@pytest.mark.parametrize("market", list(Market))
def test_selling_costs_the_same_tax_on_both_boards(market: Market) -> None:
    assert order_costs(Side.SELL, Won(10_000_000), market, RATES_2026) == Costs(Won(1_405), Won(20_000))


def test_kospi_cuts_both_taxes_to_whole_won() -> None:
    sale = Won(1_800)

    kospi = order_costs(Side.SELL, sale, Market.KOSPI, RATES_2026)
    kosdaq = order_costs(Side.SELL, sale, Market.KOSDAQ, RATES_2026)

    assert (kospi.tax, kosdaq.tax) == (0 + 2, 3)


@given(amounts)
def test_an_untaxed_sale_costs_no_tax_on_any_board(amount: Won) -> None:
    untaxed = CostRates(BANKIS_COMMISSION, Rate(0))

    assert order_costs(Side.SELL, amount, Market.KOSPI, untaxed).tax == 0
    assert order_costs(Side.SELL, amount, Market.KOSDAQ, untaxed).tax == 0


def test_sizing_reckons_with_commission_and_slippage() -> None:
    assert buying_cost_rate(RATES_2026, Rate("0.005")) == Rate("0.005140527")


def test_costs_add_up() -> None:
    both = Costs(Won(1), Won(2)).plus(Costs(Won(10), Won(20)))

    assert both == Costs(Won(11), Won(22))
    assert both.total == 33


@given(amounts, st.sampled_from(Side), st.sampled_from(Market))
def test_costs_are_never_negative_nor_more_than_the_exact_rates(amount: Won, side: Side, market: Market) -> None:
    costs = order_costs(side, amount, market, RATES_2026)

    assert 0 <= costs.commission <= amount * RATES_2026.commission
    assert 0 <= costs.tax <= amount * RATES_2026.tax
