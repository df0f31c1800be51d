"""Summaries and trades, as text and for programs."""

import io
import json
from dataclasses import replace
from datetime import timedelta

from rich.console import Console

from cli.tables.figures import (
    _PASSED,
    days_table,
    read_days,
    read_summaries,
    summaries_table,
    summary_json,
    trade_json,
    trades_table,
)
from domain.identity import WorkerId
from domain.screening import ScreeningFilter
from domain.session import SessionDate
from domain.summary import FLEET, DayCounts, summarise
from fleet.fleet import Fleet
from reporting.sentences import command_line_words
from tests.support.builders import MONDAY, WORKER, a_closed_trade


def shown(table: object) -> str:
    console = Console(file=io.StringIO(), width=200, record=True)
    console.print(table)
    return console.export_text()


def test_a_trade_is_shown_with_prices_times_and_reason() -> None:
    text = shown(trades_table([a_closed_trade()]))

    for part in ("worker-1", "005930 Samsung", "70,000", "71,000", "09:50:00", "10:00:00", "+10,000", "take_profit"):
        assert part in text


def test_a_trade_for_programs_adds_up() -> None:
    trade = json.loads(json.dumps(trade_json(a_closed_trade())))

    assert trade["net_pnl"] == trade["gross_pnl"] - trade["commission"] - trade["tax"]
    assert trade["closed_at"] == "2026-11-23T10:00:00+09:00"


def test_a_summary_is_shown_with_the_fleet_in_detail() -> None:
    trades = [a_closed_trade(), replace(a_closed_trade(sold_at=69_000), worker_id=WorkerId("worker-2"))]
    fleet = summarise(MONDAY, FLEET, trades, DayCounts({"COOLING_DOWN": 3}, {"thin_volume": 40}))

    text = shown(summaries_table([fleet, summarise(MONDAY, "worker-1", trades[:1])]))

    for part in ("session 2026-11-23", "fleet", "worker-1", "50.0%", "COOLING_DOWN 3", "thin_volume 40"):
        assert part in text


def test_what_each_filter_left_is_named_by_what_holds_for_it() -> None:
    counts = DayCounts(dropped={"thin_volume": 40, "wide_spread": 2}, looked_at=50)

    (left,) = [line for line in lines_of_fleet(counts) if "left after each filter" in line]

    assert "in the price range 50, enough volume 10, enough turnover 10, narrow spread 8" in left
    assert "thin_volume" not in left


def lines_of_fleet(counts: DayCounts) -> list[str]:
    console = Console(file=io.StringIO(), width=400, record=True)
    console.print(summaries_table([summarise(MONDAY, FLEET, [], counts)]))
    return console.export_text().splitlines()


def test_each_filter_says_what_it_leaves_in_korean() -> None:
    assert set(_PASSED) == set(ScreeningFilter)
    said = command_line_words("ko")
    assert [text for text in _PASSED.values() if said.say(text) == text] == []


def test_a_summary_of_a_day_without_trades_has_no_ratios() -> None:
    summary = summarise(MONDAY, FLEET, [])

    text = shown(summaries_table([summary]))
    assert "no trade was closed" in text
    assert "profit factor" not in text
    assert "0.0%" not in text
    assert summary_json(summary)["performance"]["profit_factor"] is None


def test_a_stretch_is_a_line_a_session_and_their_total() -> None:
    later = SessionDate(MONDAY + timedelta(days=1))
    trades = [a_closed_trade(), a_closed_trade(sold_at=69_500)]
    days = [summarise(MONDAY, FLEET, trades[:1]), summarise(later, FLEET, trades[1:])]

    text = shown(days_table(days, trades))

    for part in ("2026-11-23", "+10,000", "2026-11-24", "-5,000", "2 sessions", "+5,000", "50.0%"):
        assert part in text
    assert "1 session " in shown(days_table(days[:1], trades[:1]))


async def test_sessions_of_a_stretch_are_those_that_the_books_know(fleet: Fleet) -> None:
    later = SessionDate(MONDAY + timedelta(days=1))
    for day in (MONDAY, later):
        await fleet.database.events.add_scan(fleet.account_id, day, WORKER, 48, {})

    assert [day.session_date for day in await read_days(fleet, MONDAY, MONDAY)] == [MONDAY]
    assert [day.looked_at for day in await read_days(fleet, MONDAY, later)] == [48, 48]


async def test_a_session_without_trades_has_the_fleets_summary_alone(fleet: Fleet) -> None:
    (summary,) = await read_summaries(fleet, MONDAY)

    assert (summary.scope, summary.performance.trades) == (FLEET, 0)
