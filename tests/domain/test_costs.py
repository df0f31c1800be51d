"""Commission and transaction tax by market and trade date."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costs import (
    BANKIS_COMMISSION,
    FIRST_TRADE_DATES,
    LAST_TAX_YEAR,
    PAPER_COMMISSION,
    CostRates,
    Costs,
    added_costs,
    buying_cost_rate,
    cost_rates,
    day_costs,
    unknown_tax,
)
from domain.market import Market, Side
from domain.money import Rate, Won
from exchange.calendar import krx_calendar
from tests.support.builders import MONDAY

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


def test_sales_that_settle_after_the_tables_last_year_name_the_missing_rate() -> None:
    calendar = krx_calendar(2026, 2027)
    assert FIRST_TRADE_DATES[-1] == date(LAST_TAX_YEAR - 1, 12, 29)

    assert unknown_tax(calendar.settlement_of(date(2026, 12, 28))) == ""
    text = unknown_tax(calendar.settlement_of(date(2026, 12, 29)))

    assert text.startswith("sales now settle in 2027; this version has no transaction tax rate for that year")
    assert "books 2026's, 0.20 %" in text
    assert text.endswith("install a version with that year's rate, or add it in domain/costs.py")


def test_buying_costs_commission_only() -> None:
    assert day_costs(Side.BUY, Won(10_000_000), Market.KOSPI, RATES_2026) == Costs(Won(1_400), Won(0))


@pytest.mark.parametrize("market", list(Market))
def test_selling_costs_the_same_tax_on_both_boards(market: Market) -> None:
    assert day_costs(Side.SELL, Won(10_000_000), market, RATES_2026) == Costs(Won(1_400), Won(20_000))


def test_kospi_cuts_both_taxes_to_whole_won() -> None:
    sale = Won(1_800)

    kospi = day_costs(Side.SELL, sale, Market.KOSPI, RATES_2026)
    kosdaq = day_costs(Side.SELL, sale, Market.KOSDAQ, RATES_2026)

    assert (kospi.tax, kosdaq.tax) == (0 + 2, 3)


@given(amounts)
def test_an_untaxed_sale_costs_no_tax_on_any_board(amount: Won) -> None:
    untaxed = CostRates(BANKIS_COMMISSION, Rate(0))

    assert day_costs(Side.SELL, amount, Market.KOSPI, untaxed).tax == 0
    assert day_costs(Side.SELL, amount, Market.KOSDAQ, untaxed).tax == 0


PROMOTION = Rate("0.000036396")


@pytest.mark.parametrize(
    ("traded_on", "rate", "bought", "sold", "commission", "tax"),
    [
        ("2026-06-10", PAPER_COMMISSION, 51_000, 0, 0, 0),
        ("2026-06-10", PAPER_COMMISSION, 161_500, 0, 20, 0),
        ("2026-06-10", PAPER_COMMISSION, 248_500, 0, 30, 0),
        ("2026-06-10", PAPER_COMMISSION, 276_850, 0, 30, 0),
        ("2024-06-10", PAPER_COMMISSION, 316_000, 1_390_260, 230, 2_502),
        ("2026-06-10", PAPER_COMMISSION, 6_151_000, 6_201_000, 1_750, 12_401),
        ("2026-09-08", PAPER_COMMISSION, 273_500, 273_750, 60, 546),
        ("2026-09-08", PROMOTION, 0, 3_936_000, 140, 7_872),
    ],
)
def test_a_day_costs_what_kis_has_published(  # noqa: PLR0917 a statement's figures
    traded_on: str, rate: Rate, bought: int, sold: int, commission: int, tax: int
) -> None:
    rates = cost_rates(date.fromisoformat(traded_on), rate)

    buys = day_costs(Side.BUY, Won(bought), Market.KOSPI, rates)
    sales = day_costs(Side.SELL, Won(sold), Market.KOSPI, rates)

    assert buys.plus(sales) == Costs(Won(commission), Won(tax))


@given(st.lists(amounts, max_size=20), st.sampled_from(Side), st.sampled_from(Market))
def test_what_orders_add_sums_up_to_the_costs_of_the_day(orders: list[Won], side: Side, market: Market) -> None:
    before, added = 0, Costs()
    for amount in orders:
        added = added.plus(added_costs(side, Won(before), amount, market, RATES_2026))
        before += amount

    assert added == day_costs(side, Won(before), market, RATES_2026)


def test_sizing_reckons_with_commission_and_slippage() -> None:
    assert buying_cost_rate(RATES_2026, Rate("0.005")) == Rate("0.005140527")


def test_costs_add_up() -> None:
    both = Costs(Won(1), Won(2)).plus(Costs(Won(10), Won(20)))

    assert both == Costs(Won(11), Won(22))
    assert both.total == 33


@given(amounts, st.sampled_from(Side), st.sampled_from(Market))
def test_costs_are_never_negative_nor_more_than_the_exact_rates(amount: Won, side: Side, market: Market) -> None:
    costs = day_costs(side, amount, market, RATES_2026)

    assert 0 <= costs.commission <= amount * RATES_2026.commission
    assert 0 <= costs.tax <= amount * RATES_2026.tax
