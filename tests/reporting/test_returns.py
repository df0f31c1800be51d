"""Returns of trades and their distribution against values computed on paper, and what must hold for any."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costs import Costs
from domain.money import Won
from domain.position import ClosedTrade
from reporting.falls import falls, heat
from reporting.grouping import grouped_rows, spread_class, studies, turnover_class
from reporting.returns import distribution, quantile
from reporting.tables import return_bp
from tests.reporting.parts import a_loss, a_win
from tests.support.builders import MONDAY, NOW, a_closed_trade

RETURNS = st.lists(st.floats(-3_000, 3_000).map(lambda value: round(value, 1)), min_size=1, max_size=200)
NETS = st.lists(st.integers(-1_000, 1_000), max_size=60)


def test_a_return_is_the_net_result_over_the_entry_amount() -> None:
    trade = a_win(entry_costs=Costs(Won(100)), exit_costs=Costs(Won(100), Won(1_060)))

    assert trade.net_pnl == 10 * 1_000 - 1_260
    assert return_bp(trade) == 124.9  # 8,740 of 700,000
    assert return_bp(a_win(entry_amount=Won(0))) is None


def test_a_distribution_counts_what_lies_in_each_bin() -> None:
    found = distribution([-30.0, -10.0, -0.1, 0.0, 9.9, 10.0, 20.0])

    assert found is not None
    assert found["width"] == 2
    counted = {each["from"]: each["count"] for each in found["bins"] if each["count"]}
    assert counted == {-30: 1, -10: 1, -2: 1, 0: 1, 8: 1, 10: 1, 18: 1}
    assert (found["bins"][0]["to"], found["bins"][-1]["to"]) == (-28, None)
    assert (found["median"], found["worst"], found["best"]) == (0.0, -30.0, 20.0)


def test_values_far_away_belong_to_the_outermost_bins() -> None:
    found = distribution([*([-50.0, 50.0] * 100), 9_000.0])

    assert found is not None
    assert found["bins"][-1] == {"from": 50, "to": None, "count": 101}
    assert found["bins"][0]["from"] == -50
    assert found["bins"][0]["count"] == 100


def test_no_trade_has_no_distribution() -> None:
    assert distribution([]) is None


@given(RETURNS)
def test_the_bins_hold_every_value_once_and_meet_at_zero(values: list[float]) -> None:
    found = distribution(values)

    assert found is not None
    bins, width = found["bins"], found["width"]
    assert sum(each["count"] for each in bins) == len(values)
    assert all(before["to"] == after["from"] for before, after in pairwise(bins))
    assert all(each["from"] % width == 0 for each in bins[1:])
    assert found["worst"] <= found["p05"] <= found["median"] <= found["p95"] <= found["best"]


def test_a_quantile_is_interpolated() -> None:
    assert quantile([10, 20, 30, 40, 50], 0.5) == 30
    assert quantile([10, 20, 30, 40, 50], 0.05) == 12
    assert quantile([7], 0.95) == 7


@pytest.mark.parametrize(
    ("price", "expected"),
    [(1_500, "spread_1"), (10_000, "spread_2"), (6_000, "spread_3"), (2_100, "spread_4"), (199_900, "spread_1")],
)
def test_the_spread_class_is_one_tick_of_the_entry_price(price: int, expected: str) -> None:
    assert spread_class(a_closed_trade(price, price, 10)) == expected


def test_the_turnover_class_has_its_lower_bound() -> None:
    billion = 1_000_000_000
    classes = [turnover_class(each * billion) for each in (0, 5, 20, 100)]

    assert classes == ["turnover_1", "turnover_2", "turnover_3", "turnover_4"]
    assert turnover_class(5 * billion - 1) == "turnover_1"
    assert turnover_class(None) == "unknown"


def test_a_group_has_the_figures_of_its_trades() -> None:
    rows = grouped_rows(lambda trade: trade.symbol, [a_win(), a_loss()])

    assert [(row["name"], row["trades"], row["net"], row["mean_bp"]) for row in rows] == [
        ("000660", 1, -15_000, -150.0),
        ("005930", 1, 10_000, 142.9),
        ("total", 2, -5_000, -3.6),
    ]
    assert (rows[-1]["win_percent"], rows[-1]["median_bp"]) == (50.0, -3.6)


def some_trades(nets: list[int]) -> list[ClosedTrade]:
    return [
        a_closed_trade(
            70_000 + 10 * place,
            70_000 + 10 * place + net,
            10,
            opened_at=NOW + timedelta(minutes=place * 7),
            session_date=MONDAY + timedelta(days=place % 5),
        )
        for place, net in enumerate(nets)
    ]


@given(NETS)
def test_the_groups_of_each_kind_add_up_to_the_total(nets: list[int]) -> None:
    trades = some_trades(nets)

    for rows in studies(trades, lambda trade: trade.entry_amount * 10_000).values():
        for name in ("trades", "wins", "net", "costs"):
            assert sum(row[name] for row in rows if not row["total"]) == rows[-1][name]
        assert rows[-1]["net"] == sum(trade.net_pnl for trade in trades)


def daily(nets: list[int]) -> list[tuple[object, Won]]:
    return [(MONDAY + timedelta(days=place), Won(net)) for place, net in enumerate(nets)]


def test_a_drawdown_begins_below_the_peak_and_ends_at_it() -> None:
    # The equity: 100, 50, 20, 100, 150, 140. Two drawdowns, the second one is still open.
    deep, shallow = falls(daily([100, -50, -30, 80, 50, -10]))  # type: ignore[arg-type]

    at = [MONDAY + timedelta(days=place) for place in range(6)]
    assert (deep.start, deep.trough, deep.recovery, deep.depth, deep.sessions) == (at[1], at[2], at[3], 80, 3)
    assert (shallow.start, shallow.trough, shallow.recovery, shallow.depth, shallow.sessions) == (
        *(at[5], at[5], None),
        10,
        1,
    )


def test_a_loss_on_the_first_day_is_a_drawdown_from_zero() -> None:
    (fall,) = falls(daily([-10, 10]))  # type: ignore[arg-type]

    assert (fall.depth, fall.sessions) == (10, 2)


@given(NETS)
def test_the_deepest_drawdown_is_the_maximum_and_their_sessions_do_not_overlap(nets: list[int]) -> None:
    found = falls(daily(nets))  # type: ignore[arg-type]

    equity, peak, deepest = 0, 0, 0
    for net in nets:
        equity += net
        peak = max(peak, equity)
        deepest = max(deepest, peak - equity)
    assert max((fall.depth for fall in found), default=0) == deepest
    in_order = sorted(found, key=lambda fall: fall.start)
    assert all(fall.start <= fall.trough for fall in found)
    assert all(before.recovery is not None and before.recovery < after.start for before, after in pairwise(in_order))
    assert sum(fall.sessions for fall in found) <= len(nets)


def test_the_heat_map_has_the_months_of_each_year() -> None:
    days = [(MONDAY, Won(100)), (MONDAY + timedelta(days=1), Won(-40)), (MONDAY + timedelta(days=50), Won(-30))]

    first, second = heat(days, Won(1_000))

    assert (first["year"], first["net"], second["year"], second["net"]) == (2026, 60, 2027, -30)
    assert first["months"][10] == {"net": 60, "percent": 6.0, "share": 1.0}
    assert second["months"][0] == {"net": -30, "percent": -3.0, "share": 0.5}
    assert first["months"][9] is None


@given(NETS)
def test_the_months_add_up_to_the_years_and_these_to_the_whole(nets: list[int]) -> None:
    rows = heat(daily(nets), Won(1))  # type: ignore[arg-type]

    assert sum(row["net"] for row in rows) == sum(nets)
    assert all(row["net"] == sum(month["net"] for month in row["months"] if month) for row in rows)
