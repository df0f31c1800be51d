"""A day's figures: each agrees with the ledger that it was computed from."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Won
from domain.performance import performance
from domain.position import ClosedTrade
from domain.worker_state import WorkerState
from reporting.curves import drawdown, equity
from reporting.day import day_values
from reporting.tables import greatest_capital
from tests.reporting.parts import (
    KEPT,
    OTHER,
    a_carried_position,
    a_day,
    a_fill,
    a_loss,
    a_state,
    a_win,
    an_empty_day,
    an_incident,
    minute,
)
from tests.support.builders import WORKER

TRADES = (a_win(), a_loss())
NET = 10_000 - 15_000


def metric(values: dict[str, Any], key: str) -> Any:
    return next(each["value"] for each in values["metrics"] if each["key"] == key)


def test_every_sum_is_the_net_of_the_ledgers_trades() -> None:
    values = day_values(a_day())

    assert metric(values, "net") == sum(trade.net_pnl for trade in TRADES) == NET
    for name, rows in values["tables"].items():
        assert sum(row["net"] for row in rows if not row["total"]) == NET, name
        assert rows[-1]["total"]
        assert rows[-1]["net"] == NET
    for name, rows in values["groups"].items():
        assert sum(row["net"] for row in rows if not row["total"]) == NET, name
        assert sum(row["trades"] for row in rows if not row["total"]) == rows[-1]["trades"] == len(TRADES)
    assert values["equity"]["realised"][-1][1] == values["equity"]["marked"][-1][1] == NET
    assert values["summaries"][0]["performance"]["net"] == NET


def test_the_metrics_are_those_of_the_performance() -> None:
    values, figures = day_values(a_day()), performance(TRADES)

    assert metric(values, "trades") == figures.trades
    assert metric(values, "win_rate") == 50.0
    assert metric(values, "drawdown") == figures.maximum_drawdown
    assert metric(values, "largest_loss") == figures.largest_loss == 15_000
    assert metric(values, "slippage") == 5 * 500
    assert metric(values, "greatest_adverse") == 15_000
    assert (metric(values, "wins_in_a_row"), metric(values, "losses_in_a_row")) == (1, 1)


def test_a_row_has_what_freqtrades_users_look_for() -> None:
    rows = {row["name"]: row for row in day_values(a_day())["tables"]["exit_reason"]}

    stopped = rows["stop_loss"]
    assert (stopped["trades"], stopped["wins"], stopped["draws"], stopped["losses"]) == (1, 0, 0, 1)
    assert (stopped["average_profit_percent"], stopped["net"], stopped["average_minutes"]) == (-1.5, -15_000, 75.0)
    assert rows["total"]["win_percent"] == 50.0


def test_hours_are_seouls_and_those_of_the_entry() -> None:
    rows = day_values(a_day())["groups"]["hour"]

    assert [(row["name"], row["trades"], row["net"]) for row in rows] == [("10", 2, NET), ("total", 2, NET)]


def test_equity_counts_what_is_held_at_its_last_price() -> None:
    points = {point.at: point for point in equity(a_day())}

    assert points[minute(0)].marked == 0
    assert points[minute(2)].marked == 10 * -500
    assert points[minute(4)].marked == 10 * 1_200
    assert points[minute(7)].marked == 12_000 + 5 * -2_000
    assert points[minute(7)].realised == 0
    assert points[minute(10)].marked == 10_000 + 5 * -2_000
    assert points[minute(10)].realised == 10_000


def test_an_evening_sale_is_the_last_step_of_a_line_that_never_runs_backwards() -> None:
    in_the_evening = replace(a_loss(), closed_at=minute(9 * 60))

    values = day_values(a_day(a_win(), in_the_evening))["equity"]

    for line in values.values():
        instants = [instant for instant, _ in line]
        assert instants == sorted(instants)
    assert [earned for _, earned in values["realised"]] == [0, 10_000, -5_000, -5_000]
    assert values["marked"][-1][1] == -5_000


def test_fills_of_a_later_day_do_not_lengthen_the_line() -> None:
    position, fills = a_carried_position()
    tomorrow = a_fill(KEPT, 6, 400_000, minute(24 * 60), "exit")

    points = equity(a_day(left=(position,), fills=(*fills, tomorrow)))

    assert points[-1].at < minute(12 * 60)


def test_without_a_price_a_position_stands_at_its_fills() -> None:
    points = {point.at: point for point in equity(a_day(a_win(), bars=()))}

    assert points[minute(5)].marked == 0
    assert points[minute(10)].marked == 10_000


@given(st.lists(st.integers(-1_000_000, 1_000_000), max_size=30))
def test_a_drawdown_is_never_above_zero_and_zero_at_every_new_peak(values: list[int]) -> None:
    fallen = drawdown(values)

    assert all(fall <= 0 for fall in fallen)
    for place, value in enumerate(values):
        assert (fallen[place] == 0) == (value >= max([0, *values[:place]]))


def test_the_timeline_has_a_band_for_each_state_but_idle() -> None:
    timeline = day_values(a_day())["timeline"]

    bands = [(band["worker"], band["state"], (band["to"] - band["from"]) // 60_000) for band in timeline["bands"]]
    assert bands == [
        (WORKER, "scanning", 60),
        (WORKER, "holding", 9),
        (WORKER, "exiting", 1),
        (OTHER, "holding", 330 - 5),
    ]
    assert timeline["bands"][1]["name"] == "Samsung Electronics"
    assert timeline["workers"] == [WORKER, OTHER]
    assert len(timeline["hours"]) == 7


def test_what_began_before_the_page_does_is_cut() -> None:
    timeline = day_values(a_day(states=(a_state(WorkerState.SCANNING, -300), a_state(WorkerState.IDLE, 0))))["timeline"]

    assert timeline["bands"][0]["from"] == timeline["from"]


def test_an_empty_day_is_a_report_too() -> None:
    values = day_values(an_empty_day())

    assert (values["trades"], values["equity"]["marked"], values["incidents"]) == ([], [], [])
    assert values["charts"]["views"] == []
    assert (metric(values, "trades"), metric(values, "net"), metric(values, "profit_factor")) == (0, 0, None)
    assert values["verdict"] is None
    assert values["orders"] == {"all": 0}


def test_a_carried_position_is_named_with_what_it_stands_at() -> None:
    position, fills = a_carried_position()

    values = day_values(an_empty_day(left=(position,), fills=fills))

    (left,) = values["left"]
    assert (left["quantity"], left["cost"], left["unrealised"]) == (6, 420_000, 6 * 68_000 - 420_000)
    assert values["equity"]["realised"][-1][1] == 0
    assert values["equity"]["marked"][-1][1] == 276_000 - 700_000 + 6 * 69_000


def test_a_sale_on_a_later_day_is_not_known_yet() -> None:
    position, fills = a_carried_position()
    sold_out = replace(position, quantity=type(position.quantity)(0))
    later = a_fill(KEPT, 6, 400_000, minute(24 * 60), "exit")

    (left,) = day_values(an_empty_day(left=(sold_out,), fills=(*fills, later)))["left"]

    assert left["quantity"] == 6


def test_incidents_stand_in_the_sequence_of_their_market_time() -> None:
    events = (an_incident("position_seized", at=minute(200)), an_incident("kill_switch_pressed", at=minute(5)))

    incidents = day_values(a_day(events=events))["incidents"]

    assert [each["kind"] for each in incidents] == ["kill_switch_pressed", "position_seized"]
    assert incidents[0]["detail"] == {"was": "unknown"}


def test_scans_and_denials_are_reported() -> None:
    values = day_values(a_day())

    assert values["denials"] == {"COOLING_DOWN": 3}
    rows = {row["filter"]: row for row in values["screening"]["filters"]}
    assert rows["thin_volume"] == {"filter": "thin_volume", "dropped": 40, "passed": 56}


def test_the_verdict_has_every_invariant_with_its_count() -> None:
    verdict = day_values(a_day())["verdict"]

    assert list(verdict["invariants"]) == [f"I{number}" for number in range(1, 12)]
    assert verdict["violations"] == 0


@pytest.mark.parametrize(
    ("trades", "most"),
    [
        ((a_win(), a_loss()), 700_000 + 1_000_000),
        ((a_win(), a_loss(opened_at=minute(10))), 1_000_000),
        ((), 0),
    ],
)
def test_the_capital_is_the_most_that_was_tied_up_at_once(trades: tuple[ClosedTrade, ...], most: int) -> None:
    assert greatest_capital(trades) == most


def test_a_capital_that_is_named_is_the_base_of_percentages() -> None:
    values = day_values(a_day(), Won(50_000))

    assert metric(values, "net_percent") == -10.0
    assert values["capital"] == {"won": 50_000, "given": True}


def test_the_values_are_json_and_the_same_each_time() -> None:
    assert json.dumps(day_values(a_day())) == json.dumps(day_values(a_day()))
