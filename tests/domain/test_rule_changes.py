"""Rule changes at run time, and invalid rules."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.errors import BadRulesError
from domain.rule_changes import accepted, as_settings, changed, checked, rule_values, value_text
from domain.rules import RiskRules, ScreeningRules, StrategyRules, TradingRules
from tests.support.builders import some_rules

DEFAULTS = TradingRules()
NAMES = sorted(rule_values(DEFAULTS))
EXIT_RATES = ("stop_loss", "take_profit", "trailing_start", "trailing_distance", "trend_break")


def refusal_of(**changes: str) -> str:
    with pytest.raises(BadRulesError) as refused:
        changed(DEFAULTS, {name.replace("__", "."): text for name, text in changes.items()})
    return str(refused.value)


def test_the_default_rules_can_be_traded_by() -> None:
    assert checked(DEFAULTS) is DEFAULTS


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("exits.stop_loss", "2%", Decimal("0.02")),
        ("exits.stop_loss", "2.5%", Decimal("0.025")),
        ("risk.capital_per_trade", "3,000,000", 3_000_000),
        ("risk.trades_per_worker", "12", 12),
        ("execution.scan_interval", "5s", timedelta(seconds=5)),
        ("execution.price_interval", "250ms", timedelta(milliseconds=250)),
        ("exits.longest_holding", "1.5h", timedelta(minutes=90)),
        ("exits.trend_window", " 15m ", timedelta(minutes=15)),
        ("universe.symbols", "005930, 0001A0", ("005930", "0001A0")),
        ("universe.symbols", "", ()),
        ("strategy.names", "momentum", ("momentum",)),
        ("execution.after_market", "Yes", True),
        ("execution.after_market", "off", False),
    ],
)
def test_a_text_is_read_by_the_kind_of_its_rule(name: str, text: str, value: object) -> None:
    assert rule_values(changed(DEFAULTS, {name: text}))[name] == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("execution.scan_interval", "1s"),
        ("execution.scan_interval", "60s"),
        ("exits.stop_loss", "0"),
        ("exits.stop_loss", "30%"),
        ("screening.greatest_change", "100%"),
        ("exits.longest_holding", "24h"),
    ],
)
def test_both_ends_of_a_range_are_allowed(name: str, text: str) -> None:
    assert changed(DEFAULTS, {name: text}).version == 2


def test_a_change_makes_the_next_version_and_leaves_the_rest_alone() -> None:
    after = changed(DEFAULTS, {"risk.capital_per_trade": "1000000", "exits.stop_loss": "0"})

    assert after.version == DEFAULTS.version + 1
    assert after.execution == DEFAULTS.execution
    assert replace(after.risk, capital_per_trade=DEFAULTS.risk.capital_per_trade) == DEFAULTS.risk


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    assert refusal_of(exits__stop="0.02").startswith("exits.stop: unknown; choose among universe.ranking_size, ")


@pytest.mark.parametrize(
    ("name", "text", "likeness"),
    [
        ("exits.stop_loss", "three", "3%"),
        ("exits.stop_loss", "３%", "3%"),
        ("risk.trades_per_worker", "３０", "30"),
        ("execution.scan_interval", "５s", "2s"),
        ("risk.capital_per_trade", "5.5", "5000000"),
        ("execution.scan_interval", "5", "2s"),
        ("execution.scan_interval", "9" * 90 + "h", "2s"),
    ],
)
def test_a_text_of_another_kind_is_refused_with_an_example(name: str, text: str, likeness: str) -> None:
    with pytest.raises(BadRulesError, match=f"must look like {likeness}"):
        changed(DEFAULTS, {name: text})


def test_every_wrong_field_is_named_at_once() -> None:
    text = refusal_of(exits__stop_loss="150%", execution__scan_interval="61s")

    assert text == "exits.stop_loss: 150% must be within 0%..30%; execution.scan_interval: 61s must be within 1s..60s"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("universe.ranking_size", "31"),
        ("universe.symbols", "5930"),
        ("screening.least_volume", "-1"),
        ("screening.greatest_spread", "101%"),
        *((f"exits.{rate}", "31%") for rate in EXIT_RATES),
        ("strategy.names", ""),
        ("exits.trailing_distance", "NaN"),
        ("exits.take_profit", "Infinity"),
        ("exits.longest_holding", "25h"),
        ("risk.capital_per_trade", "0"),
        ("risk.worker_daily_loss", "-500000"),
        ("risk.cooldown_after_loss", "48h"),
        ("execution.scan_interval", "900ms"),
        ("execution.price_interval", "0s"),
        ("execution.entry_timeout", "11m"),
        ("execution.greatest_quote_age", "0s"),
        ("execution.entry_ticks", "21"),
    ],
)
def test_a_rule_that_cannot_be_traded_by_is_refused(name: str, text: str) -> None:
    with pytest.raises(BadRulesError, match=name):
        changed(DEFAULTS, {name: text})


@pytest.mark.parametrize(
    ("group", "names"),
    [
        (
            {"screening": ScreeningRules(least_price=DEFAULTS.screening.greatest_price, greatest_price=1)},  # type: ignore[arg-type]
            "screening.least_price must not exceed screening.greatest_price",
        ),
        (
            {"risk": RiskRules(worker_daily_loss=DEFAULTS.risk.fleet_daily_loss, fleet_daily_loss=1)},  # type: ignore[arg-type]
            "risk.worker_daily_loss must not exceed risk.fleet_daily_loss",
        ),
    ],
)
def test_limits_that_contradict_each_other_are_refused(group: dict[str, Any], names: str) -> None:
    with pytest.raises(BadRulesError, match=names):
        checked(some_rules(**group))


def test_a_worker_may_lose_as_much_as_its_fleet() -> None:
    rules = changed(DEFAULTS, {"risk.worker_daily_loss": "2,000,000"})

    assert rules.risk.worker_daily_loss == rules.risk.fleet_daily_loss


@given(st.lists(st.sampled_from(NAMES), max_size=5, unique=True))
def test_what_is_shown_is_read_back_as_the_same_rules(names: list[str]) -> None:
    values = rule_values(DEFAULTS)

    after = changed(DEFAULTS, {name: value_text(name, values[name]) for name in names})

    assert after == replace(DEFAULTS, version=2)


@given(st.sampled_from(NAMES), st.text(max_size=12))
def test_whatever_is_typed_gives_rules_to_trade_by_or_a_refusal_that_names_the_field(name: str, text: str) -> None:
    try:
        message = str(checked(changed(DEFAULTS, {name: text})))
    except BadRulesError as refused:
        message = str(refused)

    assert name.split(".")[1] in message


def test_a_switch_that_is_neither_on_nor_off_is_refused_with_the_form_that_it_takes() -> None:
    assert refusal_of(execution__after_market="perhaps") == "execution.after_market: 'perhaps' must look like no"


@pytest.mark.parametrize("name", [name for name in NAMES if rule_values(DEFAULTS)[name].__class__ is Decimal])
def test_every_rate_needs_its_percent_sign(name: str) -> None:
    text = "0.2"

    try:
        changed(DEFAULTS, {name: text})
    except BadRulesError as refused:
        message = str(refused)
    else:
        message = ""

    assert message == f"{name}=0.2: a rate needs a percent sign; write 0.2%, or 20% if a fraction was meant"


def test_what_an_earlier_version_has_accepted_is_read_as_it_was_meant_then() -> None:
    rules = accepted(DEFAULTS, {"exits.stop_loss": "0.5", "exits.take_profit": "2%"})

    assert (rules.exits.stop_loss, rules.exits.take_profit) == (Decimal("0.5"), Decimal("0.02"))


@pytest.mark.parametrize(
    ("earlier", "present", "text", "kept"),
    [
        ("strategy.breakout_factor", "volatility_breakout.factor", "0.6", "0.6"),
        ("strategy.momentum_window", "momentum.window", "5m", "300s"),
        ("strategy.momentum_rise", "momentum.rise", "2%", "2%"),
        ("strategy.momentum_volume_ratio", "momentum.volume_ratio", "2", "2"),
    ],
)
def test_a_parameters_earlier_name_is_still_read(earlier: str, present: str, text: str, kept: str) -> None:
    assert changed(DEFAULTS, {earlier: text}).strategy.parameters == ((present, kept),)


def test_a_parameter_is_kept_as_text_until_an_empty_text_returns_it_to_its_default() -> None:
    own = changed(DEFAULTS, {"strategy.opening_gap.least_gap": " 1% ", "strategy.momentum.rise": "2%"})
    without = changed(own, {"strategy.opening_gap.least_gap": ""})

    assert rule_values(own)["strategy.opening_gap.least_gap"] == "1%"
    assert own.strategy.parameters_of("opening_gap") == {"least_gap": "1%"}
    assert without.strategy.parameters == (("momentum.rise", "2%"),)
    assert as_settings(own)["HARU_RULES__STRATEGY__OPENING_GAP__LEAST_GAP"] == "1%"


@pytest.mark.parametrize("name", ["strategy.gap", "strategy.Gap.rise", "strategy.gap.rise.more", "exits.gap.rise"])
def test_a_name_that_can_be_no_parameter_is_unknown(name: str) -> None:
    with pytest.raises(BadRulesError, match="unknown; choose among"):
        changed(DEFAULTS, {name: "1"})


def test_rules_stored_by_an_earlier_version_keep_what_the_operator_had_chosen() -> None:
    stored = b"""{"version": 3, "strategy": {"names": ["momentum"], "breakout_factor": "0.5",
        "momentum_window": "PT5M", "momentum_rise": "0.02", "momentum_volume_ratio": "1.5"}}"""

    rules = TypeAdapter(TradingRules).validate_json(stored)

    assert rules.strategy == StrategyRules(("momentum",), (("momentum.rise", "2%"), ("momentum.window", "300s")))
    assert TypeAdapter(TradingRules).validate_json(TypeAdapter(TradingRules).dump_json(rules)) == rules
