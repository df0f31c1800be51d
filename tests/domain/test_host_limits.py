"""A host's limits cap every workflow's: each field, switches, stocks, and real money."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from domain import host_limits as limits_of_hosts
from domain.dangers import Danger
from domain.host_limits import (
    STRICTER,
    above,
    allowed_symbols,
    as_texts,
    capped,
    capped_risk,
    ceiling_of,
    from_texts,
    objection_to_dangers,
    objection_to_money,
    review_within,
)
from domain.identity import Environment
from domain.money import Rate, Won
from domain.risk import Approved, Denial, Denied
from domain.rule_changes import rule_values
from domain.rules import ExecutionRules, ExitRules, RiskRules, TradingRules, UniverseRules
from tests.support.builders import HYNIX, SAMSUNG, a_plan, a_proposal, a_snapshot, host_limits, some_rules

SECOND = timedelta(seconds=1)
STRICT_AND_LOOSE: dict[str, tuple[Any, Any]] = {
    "risk.capital_per_trade": (Won(1_000_000), Won(10_000_000)),
    "risk.worker_daily_loss": (Won(100_000), Won(1_000_000)),
    "risk.fleet_daily_loss": (Won(500_000), Won(5_000_000)),
    "risk.trades_per_worker": (3, 300),
    "risk.cooldown_after_loss": (60 * SECOND, SECOND),
    "risk.losses_in_a_row": (2, 20),
    "risk.cooldown_after_streak": (60 * SECOND, SECOND),
    "risk.give_back_from": (Won(10_000), Won(100_000)),
    "risk.give_back_share": (Rate("0.1"), Rate("0.9")),
    "risk.symbol_cooldown": (60 * SECOND, SECOND),
    "risk.slippage_allowance": (Rate("0.001"), Rate("0.1")),
    "execution.greatest_quote_age": (SECOND, 10 * SECOND),
    "execution.entry_ticks": (1, 20),
}
"""A stricter and a looser value of each rule that limits a buy."""
BOUND = [rule for group in ("risk", "execution") for rule in STRICT_AND_LOOSE if rule.startswith(group)]
OWN = sorted(set(STRICTER) - set(STRICT_AND_LOOSE))
GUARDED = some_rules(risk=RiskRules(give_back_from=Won(50_000)))


def with_value(rules: TradingRules, rule: str, value: Any) -> TradingRules:
    group, name = rule.split(".")
    changes: dict[str, Any] = {group: replace(getattr(rules, group), **{name: value})}
    return replace(rules, **changes)


@pytest.mark.parametrize(("group", "kind"), [("risk", RiskRules), ("execution", ExecutionRules)])
def test_every_rule_says_which_of_two_values_is_the_stricter_one(group: str, kind: Any) -> None:
    assert {name for name in STRICTER if name.startswith(group)} == {f"{group}.{each.name}" for each in fields(kind)}


def test_a_new_rule_without_a_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    without = {name: stricter for name, stricter in STRICTER.items() if name != "risk.trades_per_worker"}
    monkeypatch.setattr(limits_of_hosts, "STRICTER", without)

    with pytest.raises(KeyError, match="trades_per_worker"):
        capped_risk(RiskRules(), RiskRules())


def test_every_universe_rule_is_capped() -> None:
    assert [each.name for each in fields(UniverseRules)] == ["ranking_size", "symbols"]


@pytest.mark.parametrize("rule", BOUND)
def test_the_stricter_value_counts_on_either_side(rule: str) -> None:
    strict, loose = STRICT_AND_LOOSE[rule]
    stricter, looser = with_value(GUARDED, rule, strict), with_value(GUARDED, rule, loose)

    assert capped(looser, ceiling_of(stricter)) == stricter
    assert capped(stricter, ceiling_of(looser)) == stricter
    assert above(stricter, ceiling_of(looser)) == {}
    assert list(above(looser, ceiling_of(stricter))) == [rule]


@pytest.mark.parametrize("rule", OWN)
def test_what_bounds_no_buy_stays_the_workflows_own(rule: str) -> None:
    values = {bool: True, int: 7, timedelta: 7 * SECOND}
    own = with_value(TradingRules(), rule, values[type(rule_values(TradingRules())[rule])])

    assert capped(own, ceiling_of(TradingRules())) == own


@pytest.mark.parametrize("guard", ["losses_in_a_row", "give_back_from"])
def test_a_limit_that_is_off_is_the_looser_one(guard: str) -> None:
    off, on = RiskRules(**{guard: 0}), RiskRules(**{guard: 3})  # type: ignore[arg-type]

    assert capped_risk(off, on) == on
    assert capped_risk(on, off) == on


def test_a_host_whose_guard_is_off_has_no_say_in_what_belongs_to_it() -> None:
    own = RiskRules(
        give_back_from=Won(10_000), give_back_share=Rate("0.8"), losses_in_a_row=3, cooldown_after_streak=SECOND
    )

    assert capped_risk(own, RiskRules(give_back_from=Won(0), losses_in_a_row=0)) == own


def test_a_workflow_without_a_guard_gets_the_hosts_whole() -> None:
    host = RiskRules(give_back_from=Won(10_000), give_back_share=Rate("0.8"), cooldown_after_streak=SECOND)

    found = capped_risk(RiskRules(losses_in_a_row=0), host)

    assert (found.give_back_share, found.cooldown_after_streak) == (Rate("0.8"), SECOND)


def test_rules_that_are_no_limits_of_a_buy_are_left_alone() -> None:
    own = some_rules(exits=ExitRules(stop_loss=Rate("0.2")))

    assert capped(own, ceiling_of(TradingRules())) == own


@pytest.mark.parametrize(
    ("own", "host", "found"),
    [
        (UniverseRules(30), UniverseRules(10), UniverseRules(10)),
        (UniverseRules(5, (HYNIX,)), UniverseRules(10), UniverseRules(5, (HYNIX,))),
        (UniverseRules(30), UniverseRules(0, (SAMSUNG,)), UniverseRules(0, (SAMSUNG,))),
        (UniverseRules(0, (HYNIX, SAMSUNG)), UniverseRules(0, (SAMSUNG,)), UniverseRules(0, (SAMSUNG,))),
        (UniverseRules(0, (HYNIX,)), UniverseRules(0, (SAMSUNG,)), UniverseRules(0, ())),
    ],
)
def test_a_closed_list_of_the_host_bounds_the_universe(
    own: UniverseRules, host: UniverseRules, found: UniverseRules
) -> None:
    assert capped(some_rules(universe=own), ceiling_of(some_rules(universe=host))).universe == found


def test_a_host_with_the_ranking_allows_every_stock() -> None:
    assert allowed_symbols(UniverseRules(30, (SAMSUNG,))) is None
    assert allowed_symbols(UniverseRules(0, (SAMSUNG,))) == frozenset({SAMSUNG})


def test_a_buy_beyond_the_hosts_limit_is_denied_and_says_whose_limit_it_was() -> None:
    ceiling = ceiling_of(some_rules(risk=RiskRules(capital_per_trade=Won(600_000))))
    loose = RiskRules(capital_per_trade=Won(9_000_000))

    verdict = review_within(ceiling, a_proposal(), a_snapshot(), loose, a_plan())

    assert verdict == Denied(Denial.CAPITAL_EXCEEDED, "700,000 won exceeds 600,000 · this host's limit")
    assert review_within(ceiling, a_proposal(8), a_snapshot(), loose, a_plan()) == Approved()


def test_a_buy_beyond_the_workflows_own_limit_is_denied_as_before() -> None:
    own = RiskRules(capital_per_trade=Won(600_000))

    verdict = review_within(ceiling_of(TradingRules()), a_proposal(), a_snapshot(), own, a_plan())

    assert verdict == Denied(Denial.CAPITAL_EXCEEDED, "700,000 won exceeds 600,000")


def test_a_stock_that_the_hosts_list_does_not_name_is_not_bought() -> None:
    ceiling = ceiling_of(some_rules(universe=UniverseRules(0, (HYNIX,))))

    denied = review_within(ceiling, a_proposal(), a_snapshot(), RiskRules(), a_plan())

    assert isinstance(denied, Denied)
    assert denied.denial is Denial.SYMBOL_NOT_ALLOWED
    assert review_within(ceiling, a_proposal(symbol=HYNIX), a_snapshot(), RiskRules(), a_plan()) == Approved()


def test_real_money_needs_the_hosts_own_word() -> None:
    without, with_it = host_limits(), host_limits(live_consent=True)

    denied = objection_to_money(Environment.LIVE, without)

    assert denied is not None
    assert denied.denial is Denial.LIVE_NOT_CONFIRMED
    assert objection_to_money(Environment.LIVE, None) == denied
    assert objection_to_money(Environment.LIVE, with_it) is None
    assert objection_to_money(Environment.PAPER, without) is None


def test_a_danger_in_a_workflows_rules_needs_the_hosts_own_word() -> None:
    off = ExitRules(
        stop_loss=Rate("0"),
        take_profit=Rate("0"),
        trailing_start=Rate("0"),
        trend_break=Rate("0"),
        longest_holding=timedelta(0),
    )
    accepting = host_limits(accepted_dangers=frozenset({Danger.ALL_EXITS_OFF}))

    denied = objection_to_dangers(Environment.LIVE, some_rules(exits=off), host_limits())

    assert denied is not None
    assert (denied.denial, denied.detail.split(":")[0]) == (Denial.DANGER_NOT_ACCEPTED, "all_exits_off")
    assert objection_to_dangers(Environment.LIVE, some_rules(exits=off), accepting) is None
    assert objection_to_dangers(Environment.PAPER, some_rules(exits=off), host_limits()) is None
    assert objection_to_dangers(Environment.LIVE, TradingRules(), host_limits()) is None


def test_a_danger_that_the_hosts_ceiling_removes_is_none() -> None:
    old = some_rules(execution=ExecutionRules(greatest_quote_age=timedelta(minutes=4)))

    assert objection_to_dangers(Environment.LIVE, old, host_limits()) is None


def test_a_ceiling_comes_back_from_the_books_as_it_was() -> None:
    ceiling = ceiling_of(
        TradingRules(universe=UniverseRules(0, (SAMSUNG, HYNIX)), risk=RiskRules(give_back_share=Rate("0.35")))
    )

    assert from_texts(as_texts(ceiling)) == ceiling
    assert from_texts({**as_texts(ceiling), "risk.of_a_later_version": "7"}) == ceiling
