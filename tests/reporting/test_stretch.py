"""Many sessions: days, months, and ratios against their formulas."""

import statistics
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from domain.money import Won
from domain.position import ClosedTrade
from domain.session import SessionDate
from reporting import ratios
from reporting.reading import DayBooks
from reporting.stretch import stretch_values
from tests.reporting.parts import a_loss, a_win, an_empty_day, with_summaries
from tests.support.builders import MONDAY, a_session


def on(days_later: int, *trades: ClosedTrade) -> DayBooks:
    day = MONDAY + timedelta(days=days_later)
    return with_summaries(replace(an_empty_day(session=a_session(day)), trades=trades))


def five_sessions() -> list[DayBooks]:
    return [on(0, a_win()), on(1), on(2, a_loss()), on(8, a_win(), a_win()), on(9, a_loss())]


def metric(values: dict[str, Any], key: str) -> Any:
    return next((each["value"] for each in values["metrics"] if each["key"] == key), None)


def test_each_session_is_a_line_and_the_equity_adds_them_up() -> None:
    values = stretch_values(five_sessions())

    assert [day["net"] for day in values["days"]] == [10_000, 0, -15_000, 20_000, -15_000]
    assert [point[1] for point in values["equity"]["realised"]] == [10_000, 10_000, -5_000, 15_000, 0]
    assert [point[1] for point in values["equity"]["drawdown"]] == [0, 0, -15_000, 0, -15_000]
    assert (metric(values, "sessions"), metric(values, "winning_sessions"), metric(values, "losing_sessions")) == (
        5,
        2,
        2,
    )
    assert (metric(values, "best_day"), metric(values, "worst_day"), metric(values, "drawdown_of_days")) == (
        20_000,
        -15_000,
        15_000,
    )


def test_months_share_out_the_days() -> None:
    november, december = stretch_values(five_sessions())["months"]

    assert (november["name"], november["sessions"], november["net"]) == ("2026-11", 3, -5_000)
    assert (december["name"], december["sessions"], december["net"], december["trades"]) == ("2026-12", 2, 5_000, 3)


def test_sharpe_and_sortino_are_what_their_formulas_say() -> None:
    nets = [Won(net) for net in (10_000, 0, -15_000, 20_000, 5_000)] * 4
    daily = [(date(2026, 11, 23) + timedelta(days=day), net) for day, net in enumerate(nets)]

    found = ratios.ratios(daily, Won(1_000_000))

    returns = [net / 1_000_000 for net in nets]
    downside = (sum(min(each, 0) ** 2 for each in returns) / len(returns)) ** 0.5
    assert found["sharpe"] == pytest.approx(statistics.mean(returns) / statistics.stdev(returns) * 252**0.5, abs=1e-3)
    assert found["sortino"] == pytest.approx(statistics.mean(returns) / downside * 252**0.5, abs=1e-3)
    assert found["greatest_fall"] == pytest.approx(-0.015, abs=1e-4)


def test_a_day_or_no_capital_has_no_ratios() -> None:
    assert ratios.ratios([(date(2026, 11, 23), Won(1))], Won(100)) == {}
    assert ratios.ratios([(date(2026, 11, 23), Won(0)), (date(2026, 11, 24), Won(0))], Won(0)) == {}


def test_a_ratio_for_a_year_needs_a_month_of_days() -> None:
    daily = [(date(2026, 11, 2) + timedelta(days=day), Won(1_000 * (day % 3 - 1))) for day in range(20)]

    assert ratios.ratios(daily[:19], Won(1_000_000)) == {}
    assert ratios.ratios(daily, Won(1_000_000))["sharpe"] is not None


def test_a_ratio_without_a_divisor_is_none() -> None:
    flat = [(date(2026, 11, 23) + timedelta(days=day), Won(1_000)) for day in range(20)]

    assert ratios.ratios(flat, Won(1_000_000))["sortino"] is None


def test_without_the_library_the_rest_stands_and_its_name_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratios, "find_spec", lambda _: None)

    values = stretch_values(five_sessions())

    assert values["ratios_missing"] == "empyrical-reloaded"
    assert metric(values, "sharpe") is None
    assert metric(values, "net") == 0


def test_a_single_empty_session_is_a_stretch_too() -> None:
    values = stretch_values([on(0)])

    assert (values["first"], values["last"]) == (SessionDate(MONDAY).isoformat(),) * 2
    assert metric(values, "net") == 0
