"""The exchange's rules of the simulator: published values, and agreement with the ledger's own rules."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import domain.costs
import domain.market
import domain.money
import domain.session
import domain.tick_size
import exchange.calendar
from simulator.krx import costs, prices, sessions
from simulator.krx.units import Market, Side

any_price = st.integers(1, 2_000_000)
amounts_of_a_day = st.tuples(st.integers(0, 10**11), st.integers(0, 10**11))
any_day = st.dates(date(2023, 1, 1), date(2026, 12, 28))
GRIDS = [
    pytest.param(prices.STOCK_GRID, domain.tick_size.STOCK_GRID, id="stocks"),
    pytest.param(prices.ETF_GRID, domain.tick_size.ETF_GRID, id="etfs"),
]


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        *((1_999, 1), (2_000, 5), (4_995, 5), (5_000, 10), (19_990, 10), (20_000, 50), (49_950, 50), (50_000, 100)),
        *((199_900, 100), (200_000, 500), (499_500, 500), (500_000, 1_000), (1_500_000, 1_000)),
    ],
)
def test_the_ticks_of_stocks_are_those_of_2023(price: int, tick: int) -> None:
    assert prices.STOCK_GRID.tick_at(price) == tick


@pytest.mark.parametrize(("price", "tick"), [(1_999, 1), (2_000, 5), (50_000, 5), (700_000, 5)])
def test_the_ticks_of_etfs_are_those_of_december_2023(price: int, tick: int) -> None:
    assert prices.ETF_GRID.tick_at(price) == tick


@pytest.mark.parametrize(
    ("base", "lower", "upper"), [(70_000, 49_000, 91_000), (9_950, 6_970, 12_930), (1_005, 704, 1_306), (1, 1, 1)]
)
def test_the_daily_limits_lie_thirty_percent_away(base: int, lower: int, upper: int) -> None:
    limits = prices.limits_around(base, prices.STOCK_GRID)

    assert (limits.lower, limits.upper) == (lower, upper)


@pytest.mark.parametrize(
    ("market", "day", "commission", "tax"),
    [
        (Market.KOSPI, "2026-11-23", 1_400, 4_999 + 14_999),
        (Market.KOSDAQ, "2026-11-23", 1_400, 19_999),
        (Market.KOSPI, "2025-12-26", 1_400, 14_999),
        (Market.KOSPI, "2024-01-02", 1_400, 2_999 + 14_999),
        (Market.KOSDAQ, "2024-01-02", 1_400, 17_999),
    ],
)
def test_sales_of_a_day_cost_what_kis_charges(market: Market, day: str, commission: int, tax: int) -> None:
    found = costs.charged(Side.SELL, market, date.fromisoformat(day), 9_999_999)

    assert (found.commission, found.tax) == (commission, tax)


def test_purchases_pay_no_tax() -> None:
    assert costs.charged(Side.BUY, Market.KOSPI, date(2026, 11, 23), 9_999_999) == costs.Costs(1_400, 0)


@pytest.mark.parametrize(("own", "ledgers"), GRIDS)
@given(price=any_price)
def test_both_grids_are_the_same(own: prices.PriceGrid, ledgers: domain.tick_size.PriceGrid, price: int) -> None:
    theirs = domain.money.Price(price)

    assert own.tick_at(price) == ledgers.tick_at(price)
    assert own.is_on_grid(price) == ledgers.is_on_grid(price)
    assert own.round_up(price) == ledgers.round_up(price)
    assert own.round_down(price) == ledgers.round_down(price)
    assert own.nearest(price + 0.5) == ledgers.nearest(price + 0.5)
    assert own.next_above(price) == ledgers.next_above(theirs)
    assert own.next_below(price) == ledgers.next_below(theirs)
    limits, ledger_limits = prices.limits_around(price, own), domain.tick_size.price_limits(theirs, ledgers)
    assert (limits.lower, limits.upper) == (ledger_limits.lower, ledger_limits.upper)


@given(
    side=st.sampled_from(Side),
    market=st.sampled_from(Market),
    day=any_day,
    amounts=st.tuples(*[st.integers(0, 10**11)] * 2),
)
def test_both_rules_of_costs_are_the_same(side: Side, market: Market, day: date, amounts: tuple[int, int]) -> None:
    before, amount = map(domain.money.Won, amounts)

    own = costs.added_costs(side, market, day, before, amount)

    rates = domain.costs.cost_rates(day)
    ledgers = domain.costs.added_costs(domain.market.Side(side), before, amount, domain.market.Market(market), rates)
    assert (own.commission, own.tax) == (ledgers.commission, ledgers.tax)
    assert Decimal(costs.BANKIS_COMMISSION) / 10**9 == rates.commission


def test_both_calendars_are_the_same() -> None:
    own, ledgers = sessions.krx_calendar(2023, 2027), exchange.calendar.krx_calendar(2023, 2027)

    for day in (date(2023, 1, 1) + timedelta(days=count) for count in range(5 * 365)):
        here, there = own.session_on(day), ledgers.session_on(day)
        assert (here is None) == (there is None), day
        if here and there:
            assert (here.opens_at, here.auction_at, here.ends_at) == (there.opens_at, there.auction_at, there.ends_at)
            assert own.session_before(day).date == ledgers.session_before(day).date


@pytest.mark.parametrize("day", ["2026-01-02", "2026-09-11", "2026-09-14", "2026-11-19", "2026-11-23"])
def test_both_days_have_the_same_phases_and_markets(day: str) -> None:
    own = sessions.krx_calendar(2026, 2026).session_on(date.fromisoformat(day))
    ledgers = exchange.calendar.krx_calendar(2026, 2026).session_on(date.fromisoformat(day))
    assert own is not None
    assert ledgers is not None

    midnight = datetime.combine(own.date, time(), sessions.KST)
    for at in (midnight + timedelta(minutes=count) for count in range(24 * 60)):
        assert own.phase_at(at).value == ledgers.phase_at(at).value
    for here, there in ((own.post_close, ledgers.post_close), (own.after_market, ledgers.after_market)):
        shown = here and (here.orders_from, here.trades_from, here.until)
        assert shown == (there and (there.orders_from, there.trades_from, there.until))
