"""``starter.py rules``: the rules in force with their sources, the nearest name, and the stop's confirmation."""

import io
import json
import sys
from collections.abc import Mapping

import pytest

from cli.verbs.rules import rules_in_force
from domain.rule_changes import changed
from domain.rules import TradingRules
from strategies import all_rule_values
from tests.support.audit_rows import rows_in
from tests.support.command_line import Run

pytestmark = pytest.mark.usefixtures("nothing_configured")
STOP = "exits.stop_loss"


@pytest.fixture
def two_workers(run: Run, paper_fleet: Mapping[str, str]) -> Mapping[str, str]:
    """Two workers that no process hosts, so that they answer no query."""
    assert run("--workers", "2", "--detach").returncode == 0
    return paper_fleet


def test_each_value_names_its_source() -> None:
    configured = changed(TradingRules(), {"risk.capital_per_trade": "3,000,000", STOP: "2%"})
    own = changed(configured, {STOP: "1%"})

    shown = {rule.name: (rule.value, rule.source) for rule in rules_in_force(own, configured)}

    assert shown.keys() == all_rule_values(own).keys()
    assert shown[STOP] == ("1%", "worker: changed by `rules`, or started with other settings")
    assert shown["risk.capital_per_trade"] == ("3000000", "setting HARU_RULES__RISK__CAPITAL_PER_TRADE")
    assert shown["exits.take_profit"][1] == "default"


def test_the_parameters_of_every_strategy_are_shown_with_source_and_bounds() -> None:
    configured = changed(TradingRules(), {"strategy.momentum_rise": "2%"})
    own = changed(configured, {"strategy.momentum.window": "300s", "strategy.gone.least": "1%"})

    shown = {rule.name: rule for rule in rules_in_force(own, configured)}

    assert shown["strategy.momentum.rise"].source == "setting HARU_RULES__STRATEGY__MOMENTUM__RISE"
    assert (shown["strategy.momentum.window"].value, shown["strategy.momentum.window"].source[:6]) == ("300s", "worker")
    assert shown["strategy.momentum.window"].bounds == "within 60s..1800s"
    assert shown["strategy.volatility_breakout.factor"].source == "default"
    assert shown["strategy.gone.least"].source == "worker: a parameter of a strategy that is not known here"


def test_without_changes_the_rules_of_every_worker_are_shown_and_nothing_is_recorded(
    run: Run, two_workers: Mapping[str, str]
) -> None:
    before = len(rows_in(two_workers["DATABASE_URL"]))

    done = run("rules", HARU_RULES__EXITS__STOP_LOSS="2%")
    one = run("rules", "worker-2", "--json")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        "worker-1: does not answer; the settings here are",
        "worker-2: does not answer; the settings here are",
    ]
    (stop,) = {" ".join(line.split()) for line in lines if STOP in line}
    assert stop == "exits.stop_loss 2% setting HARU_RULES__EXITS__STOP_LOSS"
    (worker,) = json.loads(one.stdout)
    assert (worker["worker_id"], worker["answered"], worker["version"]) == ("worker-2", False, None)
    assert worker["rules"][STOP] == {"value": "2%", "source": "setting HARU_RULES__EXITS__STOP_LOSS"}
    assert len(rows_in(two_workers["DATABASE_URL"])) == before


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("exits.stoploss", STOP),
        ("stop_loss", STOP),
        ("exits.take_proft", "exits.take_profit"),
        ("strategy.momentum.rize", "strategy.momentum.rise"),
        ("strategy.momentun.rise", "strategy.momentum.rise"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest_one(
    run: Run, two_workers: Mapping[str, str], wrong: str, near: str
) -> None:
    done = run("rules", "all", f"{wrong}=2%")

    assert done.returncode == 1
    assert f"{wrong} is not a rule; did you mean {near}? Nothing was changed" in done.stderr


@pytest.mark.parametrize("text", ["0%", "0", "0.0%"])
def test_switching_the_stop_off_needs_a_confirmation(
    run: Run, two_workers: Mapping[str, str], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))  # not a terminal

    done = run("rules", "worker-1", f"{STOP}={text}")

    assert done.returncode == 1
    assert done.stdout == ""
    assert "exits.stop_loss=0% switches the stop off" in done.stderr
    assert "Add --yes to confirm. Nothing was changed" in done.stderr


class Terminal(io.StringIO):
    """Standard input of an operator at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "is_sent"), [("yes\n", True), ("no\n", False), ("\n", False), ("", False)])
def test_at_a_terminal_the_operator_is_asked(
    run: Run, two_workers: Mapping[str, str], typed: str, *, is_sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))

    done = run("rules", "worker-1", f"{STOP}=0%")

    assert "Type yes to confirm" in done.stderr
    assert ("worker-1: unanswered" in done.stdout) is is_sent
    assert ("not confirmed. Nothing was changed" in done.stderr) is not is_sent


def test_a_script_confirms_by_a_flag(run: Run, two_workers: Mapping[str, str]) -> None:
    done = run("rules", "worker-1", f"{STOP}=0%", "--yes")

    assert "worker-1: unanswered" in done.stdout
    assert "Type yes" not in done.stderr


def test_a_tighter_stop_needs_no_confirmation(run: Run, two_workers: Mapping[str, str]) -> None:
    assert "worker-1: unanswered" in run("rules", "worker-1", f"{STOP}=2%").stdout
