"""``starter.py rules``: the rules in force with their sources, the nearest name, and the stop's confirmation."""

import asyncio
import io
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.cells import cell_len

from cli.tables.rules import rules_json, rules_lines
from domain.identity import WorkerId
from domain.rule_changes import changed
from domain.rules import TradingRules
from fleet import commands
from fleet.rules_in_force import WorkerRules, read_rules
from fleet.starting import start_workers
from reporting.sentences import Language
from reporting.spoken import say, speak
from strategies import all_rule_values
from tests.database.books import Books
from tests.support.audit_rows import rows_in
from tests.support.builders import an_open_position
from tests.support.command_line import Run
from tests.support.running_fleet import Hosted

pytestmark = pytest.mark.usefixtures("nothing_configured")
STOP = "exits.stop_loss"
WORKER = WorkerId("worker-1")


@pytest.fixture
def two_workers(run: Run, paper_fleet: Mapping[str, str]) -> Mapping[str, str]:
    """Two workers that no process hosts, so that they answer no query."""
    assert run("--workers", "2", "--detach").returncode == 0
    return paper_fleet


def test_each_value_names_its_source() -> None:
    configured = changed(TradingRules(), {"risk.capital_per_trade": "3,000,000", STOP: "2%"})
    own = changed(configured, {STOP: "1%"})

    shown = {rule.name: (rule.value, rule.source) for rule in WorkerRules(WORKER, configured, own).in_force()}

    assert shown.keys() == all_rule_values(own).keys()
    assert shown[STOP] == ("1%", "worker: changed by `rules`, or started with other settings")
    assert shown["risk.capital_per_trade"] == ("3000000", "setting HARU_RULES__RISK__CAPITAL_PER_TRADE")
    assert shown["exits.take_profit"][1] == "default"


def test_the_parameters_of_every_strategy_are_shown_with_source_and_bounds() -> None:
    configured = changed(TradingRules(), {"strategy.momentum_rise": "2%"})
    own = changed(configured, {"strategy.momentum.window": "300s", "strategy.gone.least": "1%"})

    shown = {rule.name: rule for rule in WorkerRules(WORKER, configured, own).in_force()}

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
        "setting: such as HARU_RULES__EXITS__STOP_LOSS",
    ]
    (stop,) = {" ".join(line.split()) for line in lines if STOP in line}
    assert stop == "exits.stop_loss 2% setting"
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


async def test_a_held_position_shows_the_rules_that_it_still_uses(hosted: Hosted) -> None:
    """The exits are those of the purchase, by the books; the strategy's parameters those of the running watch."""
    fleet, desk = hosted.fleet, hosted.desk
    desk.candidates_from, desk.hold_for = timedelta(0), timedelta(days=1)
    await start_workers(fleet, 1, TradingRules())
    await Books(fleet.database, fleet.account_id).held(WORKER)
    while (await read_rules(fleet, [WORKER], TradingRules()))[0].watched is None:
        await asyncio.sleep(0.05)
    changes = {STOP: "2%", "strategy.momentum.window": "300s", "execution.entry_ticks": "1"}
    await commands.command_all(fleet, [WORKER], commands.change_rules(changes))

    (found,) = await read_rules(fleet, [WORKER], TradingRules())

    shown = json.loads(json.dumps(rules_json(found)))
    assert (shown["version"], shown["held"]["rules_version"], shown["held"]["watch_answered"]) == (2, 1, True)
    assert shown["held"]["differs"] == {STOP: "3%", "strategy.momentum.window": "600s"}
    assert (shown["rules"][STOP]["value"], shown["rules"][STOP]["held"]) == ("2%", "3%")
    lines = list(rules_lines([found]))
    assert lines[1] == "  holds 005930 ×10, bought under version 1; 2 of its rules differ (held)"
    assert [" ".join(line.split()) for line in lines if STOP in line] == ["exits.stop_loss 2% worker held: 3%"]
    assert any(line.endswith("held: 600s") for line in lines)


async def test_the_books_name_the_exits_of_a_position_whose_worker_does_not_answer(hosted: Hosted) -> None:
    fleet = hosted.fleet
    await Books(fleet.database, fleet.account_id).held(WORKER)

    (found,) = await read_rules(fleet, [WORKER], changed(TradingRules(), {STOP: "2%"}))

    assert (found.own, found.watched) == (None, None)
    assert rules_json(found)["held"]["differs"] == {STOP: "3%"}


@pytest.fixture(params=["en", "ko"])
def language(request: pytest.FixtureRequest) -> Iterator[Language]:
    speak(request.param)
    yield request.param
    speak("en")


def test_the_rules_fit_80_columns(language: Language) -> None:
    many = ",".join(f"{number:06}" for number in range(60))
    configured = changed(TradingRules(), {"universe.symbols": many, STOP: "2%"})
    watched = changed(TradingRules(), {"strategy.volatility_breakout.greatest_change": "12.5%"})
    position = an_open_position(123_456)
    position = replace(position, strategy=replace(position.strategy, name="volatility_breakout"))

    lines = [*map(say, rules_lines([WorkerRules(WORKER, configured, configured, position, watched)]))]

    assert [line for line in lines if cell_len(line) > 80] == []
    assert any("005930" in line and ("held" in line or "보유" in line) for line in lines)
    same = [*map(say, rules_lines([WorkerRules(WORKER, configured, TradingRules(), position, TradingRules())]))]
    assert same[1].endswith({"en": "its rules are the same", "ko": "규칙이 지금과 같음"}[language])


def test_workers_with_the_same_rules_share_one_list() -> None:
    workers = [WorkerRules(WorkerId(f"worker-{number}"), TradingRules(), TradingRules()) for number in (1, 2, 3)]

    lines = list(rules_lines(workers))

    assert lines[:3] == [f"worker-{number}: rules version 1" for number in (1, 2, 3)]
    assert sum(STOP in line for line in lines) == 1
