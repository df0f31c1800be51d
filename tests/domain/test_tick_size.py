"""The KRX price grid and daily limits, against the published table and observed limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Price
from domain.tick_size import (
    ETF_GRID,
    STOCK_GRID,
    PriceLimits,
    grid_of,
    is_on_grid,
    may_have_traded,
    next_above,
    next_below,
    price_limits,
    round_down,
    round_up,
    steps,
    tick_at,
    ticks_between,
)

any_price = st.integers(1, 3_000_000)
grid_price = any_price.map(round_down)

BANDS = [
    (1, 1),
    (1_999, 1),
    (2_000, 5),
    (4_995, 5),
    (5_000, 10),
    (19_990, 10),
    (20_000, 50),
    (49_950, 50),
    (50_000, 100),
    (199_900, 100),
    (200_000, 500),
    (499_500, 500),
    (500_000, 1_000),
    (2_000_000, 1_000),
]
LIMITS = [
    (1_995, 2_590, 1_397),
    (2_000, 2_600, 1_400),
    (4_990, 6_480, 3_495),
    (10_000, 13_000, 7_000),
    (19_990, 25_950, 14_000),
    (24_250, 31_500, 17_000),
    (49_950, 64_900, 35_000),
    (71_300, 92_600, 50_000),
    (199_900, 259_500, 140_000),
    (239_000, 310_500, 167_500),
    (499_500, 649_000, 350_000),
]


@pytest.mark.parametrize(("price", "tick"), BANDS)
def test_the_tick_follows_the_price_band(price: int, tick: int) -> None:
    assert tick_at(price) == tick


@pytest.mark.parametrize(("base", "upper", "lower"), LIMITS)
def test_the_daily_limits_are_those_of_the_exchange(base: int, upper: int, lower: int) -> None:
    assert price_limits(Price(base)) == PriceLimits(lower=Price(lower), upper=Price(upper))


@pytest.mark.parametrize(("edge", "below"), [(2_000, 1_999), (50_000, 49_950), (500_000, 499_500)])
def test_below_a_band_edge_the_lower_band_counts(edge: int, below: int) -> None:
    assert next_below(Price(edge)) == below
    assert next_above(Price(below)) == edge


def test_a_price_between_ticks_is_off_the_grid() -> None:
    assert is_on_grid(70_000)
    assert not is_on_grid(70_050)
    assert not is_on_grid(0)


@pytest.mark.parametrize("price", [273_750, 273_500, 70_050, 4_997, 5_002, 2_002, 1_999, 50_025])
def test_trades_lie_on_the_grid_or_in_the_middle_of_two_grid_prices(price: int) -> None:
    assert may_have_traded(price)


@pytest.mark.parametrize("price", [273_700, 70_001, 4_998, 123_456, 0])
def test_other_prices_never_traded(price: int) -> None:
    assert not may_have_traded(price)


def test_from_between_two_ticks_one_step_leads_to_the_next_grid_price() -> None:
    assert steps(Price(273_750), 1) == 274_000
    assert steps(Price(273_750), -1) == 273_500


def test_limits_around_a_base_off_the_grid_are_on_it() -> None:
    limits = price_limits(Price(273_750))

    assert is_on_grid(limits.lower)
    assert is_on_grid(limits.upper)


def test_stepping_down_stops_at_one_won() -> None:
    assert steps(Price(3), -10) == 1


def test_limits_clamp_to_the_nearest_allowed_price() -> None:
    limits = price_limits(Price(10_000))

    assert limits.clamp(Price(20_000)) == 13_000
    assert limits.clamp(Price(1)) == 7_000
    assert limits.clamp(Price(9_000)) == 9_000


def test_limits_contain_both_their_ends() -> None:
    limits = price_limits(Price(10_000))

    assert limits.contains(Price(7_000))
    assert limits.contains(Price(13_000))
    assert not limits.contains(Price(13_010))


@given(any_price)
def test_rounding_twice_changes_nothing(price: int) -> None:
    assert round_down(round_down(price)) == round_down(price)
    assert round_up(round_up(price)) == round_up(price)


@given(any_price)
def test_rounding_never_crosses_the_asked_side_and_lands_next_to_the_price(price: int) -> None:
    below, above = round_down(price), round_up(price)

    assert below <= price <= above
    assert above in (below, next_above(below))
    assert is_on_grid(below)
    assert is_on_grid(above)


@given(grid_price, st.integers(0, 50))
def test_steps_up_and_down_again_lead_back(price: Price, ticks: int) -> None:
    assert steps(steps(price, ticks), -ticks) == price


@given(grid_price)
def test_limits_lie_on_the_grid_around_their_base(base: Price) -> None:
    limits = price_limits(base)

    assert is_on_grid(limits.lower)
    assert is_on_grid(limits.upper)
    assert limits.lower <= base <= limits.upper
    assert limits.upper <= base * 13 / 10
    assert limits.lower >= base * 7 / 10


@given(grid_price.filter(lambda base: base < 1_500_000))
def test_the_upper_limit_is_thirty_percent_cut_to_the_grid(base: Price) -> None:
    assert price_limits(base).upper == round_down(base * 13 // 10)


@given(grid_price, any_price)
def test_a_clamped_price_is_inside_and_an_inside_price_is_kept(base: Price, price: int) -> None:
    limits = price_limits(base)

    clamped = limits.clamp(Price(price))

    assert limits.contains(clamped)
    assert clamped == price or not limits.contains(Price(price))


@given(grid_price, st.integers(-50, 50))
def test_as_many_ticks_lie_between_two_prices_as_there_are_steps_from_one_to_the_other(
    price: Price, ticks: int
) -> None:
    moved = steps(price, ticks)

    between = ticks_between(price, moved)

    assert between == (ticks if moved > 1 else 1 - ticks_between(0, price))


@pytest.mark.parametrize(
    ("price", "tick", "below", "above"),
    [(1_999, 1, 1_998, 2_000), (2_000, 5, 1_999, 2_005), (31_005, 5, 31_000, 31_010)],
)
def test_an_etf_has_ticks_of_one_and_five_won(price: int, tick: int, below: int, above: int) -> None:
    neighbours = (ETF_GRID.next_below(Price(price)), ETF_GRID.next_above(Price(price)))

    assert (ETF_GRID.tick_at(price), *neighbours) == (tick, below, above)


@given(st.integers(1, 2_000_000))
def test_every_price_of_a_stock_is_one_of_an_etf(price: int) -> None:
    assert ETF_GRID.is_on_grid(STOCK_GRID.nearest(price))


def test_an_etf_is_known_by_many_prices_off_the_stocks_grid() -> None:
    etf, stock = [30_005 + 5 * step for step in range(100)], [30_000 + 50 * step for step in range(100)]
    half_ticks = [price + 25 for price in stock[:40]]

    assert grid_of(etf) is ETF_GRID
    assert grid_of(etf[:99]) is STOCK_GRID
    assert grid_of([*stock, *half_ticks]) is STOCK_GRID
    assert grid_of([]) is STOCK_GRID


def test_an_etf_has_limits_on_its_own_grid() -> None:
    limits = price_limits(Price(31_005), ETF_GRID)

    assert (limits.lower, limits.upper) == (21_705, 40_305)
