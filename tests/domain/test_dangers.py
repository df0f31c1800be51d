"""Settings that need a confirmation for real money: at each limit, one side passes and the other is named."""

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from domain.dangers import Danger, dangers_of_account, dangers_of_hours, dangers_of_rules, raises_a_limit
from domain.money import Rate, Won
from domain.rules import RiskRules, TradingRules
from domain.session import CSAT_HOURS, REGULAR_HOURS, SessionHours, TradingCalendar

LEAD = timedelta(minutes=15)
RULES = TradingRules()
OFF = replace(
    RULES.exits,
    stop_loss=Rate(0),
    take_profit=Rate(0),
    trailing_start=Rate(0),
    trend_break=Rate(0),
    longest_holding=timedelta(0),
)
CSAT = date(2026, 11, 19)
KNOWN = TradingCalendar(frozenset(), {CSAT: CSAT_HOURS})
EARLY = SessionHours(time(9), time(12), time(12, 10))


def test_the_defaults_are_no_danger() -> None:
    assert dangers_of_rules(RULES, LEAD) == {}
    assert dangers_of_account(RULES.risk, Won(100_000_000)) == {}
    assert dangers_of_hours({}, KNOWN, CSAT) == {}


def test_all_exits_off_is_named_and_any_single_one_is_enough() -> None:
    assert list(dangers_of_rules(replace(RULES, exits=OFF), LEAD)) == [Danger.ALL_EXITS_OFF]
    for kept in ("stop_loss", "take_profit", "trend_break", "longest_holding"):
        one = replace(OFF, **{kept: getattr(RULES.exits, kept)})
        assert dangers_of_rules(replace(RULES, exits=one), LEAD) == {}


def test_half_of_a_trailing_stop_or_of_a_trend_is_off() -> None:
    half = replace(OFF, trailing_start=Rate("0.02"), trailing_distance=Rate(0))
    assert Danger.ALL_EXITS_OFF in dangers_of_rules(replace(RULES, exits=half), LEAD)
    half = replace(OFF, trend_break=Rate("0.02"), trend_window=timedelta(0))
    assert Danger.ALL_EXITS_OFF in dangers_of_rules(replace(RULES, exits=half), LEAD)


@pytest.mark.parametrize(("seconds", "found"), [(59.9, []), (60, [Danger.OLD_QUOTES])])
def test_quotes_may_be_seconds_old_not_minutes(seconds: float, found: list[Danger]) -> None:
    execution = replace(RULES.execution, greatest_quote_age=timedelta(seconds=seconds))

    assert list(dangers_of_rules(replace(RULES, execution=execution), LEAD)) == found


@pytest.mark.parametrize(
    ("attempts", "patience", "lead", "found"),
    [(20, 15, 15, []), (20, 16, 15, [Danger.SLOW_EXITS]), (2, 40, 11, [Danger.SLOW_EXITS]), (20, 60, 30, [])],
)
def test_limits_at_the_bid_must_end_before_the_closing_auction(
    attempts: int, patience: int, lead: int, found: list[Danger]
) -> None:
    execution = replace(RULES.execution, exit_limit_attempts=attempts, exit_reprice=timedelta(seconds=patience))

    assert list(dangers_of_rules(replace(RULES, execution=execution), timedelta(minutes=lead))) == found


def test_limits_above_the_account_are_named_one_by_one() -> None:
    risk = RiskRules(capital_per_trade=Won(5_000_000), fleet_daily_loss=Won(2_000_000))

    assert dangers_of_account(risk, Won(5_000_000)) == {}
    assert list(dangers_of_account(risk, Won(4_999_999))) == [Danger.CAPITAL_ABOVE_ACCOUNT]
    assert list(dangers_of_account(risk, Won(1_000_000))) == [
        Danger.CAPITAL_ABOVE_ACCOUNT,
        Danger.LOSS_LIMIT_ABOVE_ACCOUNT,
    ]
    assert raises_a_limit(risk, replace(risk, fleet_daily_loss=Won(2_000_001)))
    assert not raises_a_limit(risk, replace(risk, fleet_daily_loss=Won(1), worker_daily_loss=Won(9_000_000)))


def test_changed_hours_are_named_on_ordinary_days_to_come_only() -> None:
    monday, past = date(2026, 11, 23), date(2026, 11, 20)

    found = dangers_of_hours({monday: EARLY, past: EARLY, CSAT: EARLY}, KNOWN, monday)

    assert list(found) == [Danger.CHANGED_HOURS]
    assert "2026-11-23" in found[Danger.CHANGED_HOURS]
    assert "2026-11-20" not in found[Danger.CHANGED_HOURS]
    assert dangers_of_hours({CSAT: EARLY, monday: REGULAR_HOURS}, KNOWN, CSAT) == {}
