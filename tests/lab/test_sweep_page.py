"""The page of a sweep in both languages, and trials of which every signal stands alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from domain.close_plan import CloseLeads, plan_session
from domain.rule_changes import changed
from domain.rules import StrategyRules, TradingRules
from lab.recording import read_session
from lab.sweep.alone import AloneSession, AloneTrials
from lab.sweep.page import page_values, write_page
from lab.sweep.summary import summary_of
from lab.sweep.windows import windows_of
from lab.trials import SHARED, Kernel, Sweep, Trial, TrialDay
from reporting.sentences import LANGUAGES, Language
from tests.lab.recorded_days import CALENDAR, a_store
from tests.lab.recorded_days import DAYS as RECORDED
from tests.lab.test_sweep_space import DAYS, days_of
from tests.lab.test_trials import SWEEP

SPACE = {"exits.stop_loss": ["1%", "2%"], "exits.take_profit": ["3%"]}
GAP = {
    "date": "2025-11-03",
    "symbol": "005930",
    "bought_at": "09:10:00",
    "cause": "later",
    "kernel": "stop_loss",
    "backtest": "",
    "won": -5,
}


@pytest.fixture
def values() -> dict[str, object]:
    sweep = Sweep(**{**SWEEP.__dict__, "parameters": SPACE, "train": 2, "test": 2})
    trials = [
        Trial(number, SHARED, {"exits.stop_loss": text, "exits.take_profit": "3%"})
        for number, text in enumerate(("1%", "2%"))
    ]
    days = {0: days_of(0, 50, 60, -70, 80, 90, 5), 1: days_of(1, -50, -60, 70, -80, -90, -5)}
    return summary_of(sweep, windows_of(DAYS, 2, 2, 0), trials, days, [Kernel.COMPILED])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_shows_windows_surface_and_neighbours(
    values: dict[str, object], language: Language, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    about = {"trial": 0, "rules": {"exits.stop_loss": "1%"}, "backtest": "b-1", "agreed": 9, "of": 10}
    confirmed = {**about, "kernel_net": 5, "backtest_net": 0, "differences": [GAP]}

    text = write_page(tmp_path, {**values, "confirmed": [confirmed]}, language).read_text()

    assert "--share: 1.0" in text
    assert "2025-11-03 – 2025-11-04" in text
    assert "b-1" in text
    assert ("sold at another second" if language == "en" else "매도 시각(초)이 다름") in text
    assert ("compiled entry rules and exits" if language == "en" else "진입 규칙과 청산 모두 컴파일") in text
    assert "echarts" not in text.lower()
    assert "<script>" not in text


def test_a_cell_without_a_trial_is_blank(values: dict[str, object], tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    blank = {
        "across": "exits.stop_loss",
        "down": "exits.take_profit",
        "across_texts": ("1", "2"),
        "down_texts": ("3",),
        "cells": ((5, None),),
    }

    text = write_page(tmp_path, {**values, "surfaces": [blank]}, "en").read_text()

    assert page_values({**values, "surfaces": [blank]})["surfaces"][0]["shown"][0][1] == {"net": None, "share": 0.0}
    assert '<td class="soft">–</td>' in text


def test_trials_alone_share_their_purchases_and_not_their_exits(tmp_path: Path) -> None:
    session = CALENDAR.session_on(RECORDED[0])
    assert session is not None
    plan = plan_session(session, CloseLeads(), 1)
    base = TradingRules(strategy=StrategyRules(names=("volatility_breakout",)))
    changes = [
        {"exits.stop_loss": "0.5%"},
        {"exits.stop_loss": "3%"},
        {"strategy.volatility_breakout.least_range": "50%"},
    ]
    trials = AloneTrials([(number, replace(changed(base, each), version=1)) for number, each in enumerate(changes)])
    played = AloneSession(read_session(a_store(tmp_path / "bars"), session), plan, 50_000_000, pytest.fail)

    firsts, _ = played.first_signals(trials)
    sizing = (base.risk, base.execution)
    found = (played.purchase(row, minute, sizing) for row, minute in enumerate(firsts[0].tolist()) if minute >= 0)
    bought = [each for each in found if each is not None]
    days = played.days(trials)

    assert bought
    assert all(each.price * each.quantity <= base.risk.capital_per_trade for each in bought)
    assert [day.trial for day in days] == [0, 1, 2]
    assert days[0].trades == days[1].trades == len(bought)
    assert days[0].net != days[1].net
    assert days[2] == TrialDay(2, session.date, kernel="compiled")
