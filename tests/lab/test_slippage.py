"""Slippage learnt from fills: class means drawn to the whole, too few fills refused, results adjusted by it."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from domain.clock import KST
from domain.money import Price, Won
from domain.position import ClosedTrade, ExitReason
from domain.rules import ExitRules
from domain.session import SessionDate
from exchange.calendar import krx_calendar
from lab.evidence.reading import Reading
from lab.evidence.trials import Trials
from lab.slippage import (
    STATED,
    Calibration,
    Fill,
    TooFewFillsError,
    compared,
    extra_slippage,
    fills_of,
    keep,
    keep_in,
    kept,
    learn,
    slippage_values,
)
from tests.lab.evidence.played import SETTINGS, a_backtest
from tests.lab.recorded_days import next_days
from tests.support.builders import a_closed_trade

DAYS = next_days(datetime(2026, 3, 2, tzinfo=KST).date(), 20)


def a_trade(number: int, *, entry_bp: float = 10, exit_bp: float = 5, hour: int = 10) -> ClosedTrade:
    """Return a trade whose sides cost so much against their decision prices."""
    day, price = DAYS[number % len(DAYS)], 100_000
    opened = datetime(day.year, day.month, day.day, hour, 5, tzinfo=KST)
    paid, got = round(price * 100 * entry_bp / 10_000), round(price * 100 * exit_bp / 10_000)
    trade = a_closed_trade(price, price, 100, opened_at=opened, closed_at=opened + timedelta(minutes=10))
    return replace(
        trade,
        session_date=SessionDate(day),
        entry_amount=Won(trade.entry_amount + paid),
        exit_amount=Won(trade.exit_amount - got),
    )


def unknown(_: ClosedTrade) -> int | None:
    return None


def test_both_sides_cost_against_their_decision_prices_in_their_classes() -> None:
    entry, exit_ = fills_of([a_trade(0, hour=9)], lambda _: 6_000_000_000)

    assert [entry.side, exit_.side] == ["entry", "exit"]
    assert [entry.rate, exit_.rate] == pytest.approx([0.0010, 0.0005])
    assert entry.classes == ("spread_1", "turnover_2", "hour_09")


def test_a_sale_by_others_and_an_unknown_turnover_teach_nothing() -> None:
    foreign = replace(a_trade(0), exit_reason=ExitReason.FOREIGN_SALE)

    (entry,) = fills_of([foreign], unknown)
    assert (entry.side, entry.classes) == ("entry", ("spread_1", "hour_10"))
    assert list(fills_of([replace(foreign, entry_decision_price=Price(0))], unknown)) == []


def test_a_class_is_drawn_to_the_whole_by_how_few_fills_it_has() -> None:
    """120 fills at 10 bp and 30 at 30 bp: mean 14; the second class deviates by 16 × 30 ÷ (30 + 20)."""
    trades = [*(a_trade(number) for number in range(120)), *(a_trade(each, entry_bp=30, hour=14) for each in range(30))]
    found = learn(trades, unknown)

    assert found.means["entry"] == pytest.approx(0.0014)
    assert found.deviations["entry/hour_14"] == pytest.approx(0.0016 * 30 / 50)
    assert found.deviations["entry/hour_10"] == pytest.approx(-0.0004 * 120 / 140)
    assert found.rate(Fill("entry", ("hour_14",), 0.0)) == pytest.approx(0.0014 + 0.00096)
    assert found.rate(Fill("exit", ("hour_15",), 0.0)) == pytest.approx(0.0005), "an unknown class has the side's mean"
    assert found.name == f"learnt from 150 entry fills, 150 exit fills in 20 sessions, {DAYS[0]} to {DAYS[-1]}"


@pytest.mark.parametrize(("count", "sessions"), [(0, 20), (99, 20), (200, 9)])
def test_too_few_fills_are_refused_with_how_many_are_needed(count: int, sessions: int) -> None:
    trades = [replace(a_trade(each), session_date=SessionDate(DAYS[each % sessions])) for each in range(count)]

    with pytest.raises(TooFewFillsError, match="at least 100 in 10"):
        learn(trades, unknown)


def learnt(entry_bp: float, exit_bp: float) -> Calibration:
    return learn([a_trade(each, entry_bp=entry_bp, exit_bp=exit_bp) for each in range(100)], unknown)


def test_a_trade_loses_the_difference_to_what_its_own_fills_cost() -> None:
    trade = a_trade(0, entry_bp=10, exit_bp=5)

    # 10,000,000 won decided on each side; 25 − 10 and 10 − 5 bp more
    assert extra_slippage(trade, learnt(25, 10), unknown) == 20_000
    assert extra_slippage(trade, learnt(10, 5), unknown) == 0
    values = slippage_values([trade], learnt(25, 10), unknown)
    assert (values["modelled"], values["extra"], values["net"]) == (15_000, 20_000, trade.net_pnl - 20_000)
    assert slippage_values([trade], None, unknown)["model"] == STATED


def test_a_calibration_is_kept_with_a_backtest_or_removed_from_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    found = learnt(12, 7)
    keep(tmp_path, found)
    assert kept(tmp_path) == found

    keep_in(tmp_path, None)
    assert kept(tmp_path) is None
    (tmp_path / "slippage.json").write_text("{")
    assert kept(tmp_path) is None


def test_realised_stands_beside_modelled() -> None:
    rows = compared(learnt(12, 7), learnt(10, 5))

    first = rows[0]
    assert (first["side"], first["class"], first["fills"]) == ("entry", "", 100)
    assert (first["realised_bp"], first["modelled_bp"]) == (12.0, 10.0)
    assert {row["class"] for row in rows} == {"", "spread_1", "hour_10"}
    assert compared(learnt(12, 7), None)[0]["modelled_bp"] is None


def test_a_verdict_takes_the_slippage_of_its_backtest(tmp_path: Path) -> None:
    store, days = a_backtest(tmp_path)
    calendar = krx_calendar(2024, 2027)
    stated = Reading(SETTINGS, store, calendar, ExitRules()).evidence(days, Trials())
    dear = Reading(SETTINGS, store, calendar, ExitRules(), learnt(30, 20)).evidence(days, Trials())

    assert stated.fills == STATED
    assert dear.fills.startswith("learnt from 100 entry fills")
    assert dear.slippage == pytest.approx(stated.slippage + 0.0050, abs=2e-4)
    assert sum(each.net for each in dear.trades) < sum(each.net for each in stated.trades)
