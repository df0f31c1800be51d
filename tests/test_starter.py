"""The command line as an operator uses it: a process, its output and its exit codes."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client

import verifier.__main__
from database import schema_level
from database.database import open_database
from domain.identity import Environment, account_alias
from runtime.account_names import key_fingerprint
from runtime.embedded.search_attributes import ensure_search_attributes
from runtime.settings import load_settings
from security.sealing.keys import new_key
from tests.runtime.embedded.processes import ROOT
from tests.support.command_line import Done, Run
from workflows import attributes

pytestmark = pytest.mark.usefixtures("nothing_configured")
PAPER = {
    "HARU_BROKER__ENVIRONMENT": "paper",
    "HARU_BROKER__APP_KEY": "P" * 36,
    "HARU_BROKER__APP_SECRET": "S" * 180,
    "HARU_BROKER__HTS_ID": "tester",
}
REAL = {
    "HARU_BROKER__ENVIRONMENT": "live",
    "HARU_BROKER__LIVE_CONFIRMATION": "trade-real-money",
    "HARU_RULES__RISK__FLEET_DAILY_LOSS": "600000",
}


@pytest.fixture
def run_process() -> Run:
    """Run starter.py as a process."""

    def main(*words: str, **environment: str) -> Done:
        done = subprocess.run(
            [sys.executable, str(ROOT / "starter.py"), *words],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return main


@pytest.mark.parametrize(
    "words",
    [
        ["--workers", "0"],
        ["--workers", "-3"],
        ["--workers", "many"],
        ["dance"],
        ["rules", "worker-1", "exits.stop_loss"],
        ["kill-switch"],
        ["kill-switch", "maybe"],
        ["summary", "yesterday"],
    ],
)
def test_wrong_usage_is_reported_and_exits_with_2(run: Run, words: list[str]) -> None:
    done = run(*words)

    assert done.returncode == 2
    assert done.stderr.startswith("usage: starter.py")


def test_without_arguments_the_help_is_printed_and_nothing_starts(run: Run, paper: Mapping[str, str]) -> None:
    done = run()

    assert done.returncode == 2
    assert done.stdout.startswith("usage: starter.py")
    assert "--workers N" in done.stdout
    assert "no workers yet" in run("status").stdout


@pytest.mark.parametrize("words", [["--detach"], ["--json"], ["--live", "trade-real-money"]])
def test_a_start_without_a_number_of_workers_is_refused(run: Run, words: list[str]) -> None:
    done = run(*words)

    assert done.returncode == 2
    assert "add --workers N to start workers, or name a verb" in done.stderr


def test_the_process_ends_with_the_command_lines_code(run_process: Run, paper: Mapping[str, str]) -> None:
    assert run_process("--workers", "1", "--detach", **paper).returncode == 0
    assert run_process("pause", "worker-9", **paper).returncode == 1
    assert run_process("dance", **paper).returncode == 2


@pytest.mark.parametrize("words", [["--workers", "5"], ["status"], ["stop"], ["summary"]])
def test_with_nothing_running_the_fix_is_reported(run: Run, words: list[str]) -> None:
    done = run(*words)

    assert done.returncode == 1
    assert "start `python worker.py` first" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_settings_are_reported_by_name(run: Run) -> None:
    done = run("status", HARU_PORTS__TEMPORAL="eighty")

    assert done.returncode == 1
    assert "HARU_PORTS__TEMPORAL" in done.stderr


def test_a_worker_process_that_was_killed_leaves_a_clear_message(run: Run, tmp_path: Path, unused_port: int) -> None:
    endpoints = {
        "temporal_address": f"127.0.0.1:{unused_port}",
        "temporal_ui_url": None,
        "database_url": f"postgresql://unused@127.0.0.1:{unused_port}/haru",
        "simulator_url": None,
        "market": None,
        "pid": 1,
    }
    (tmp_path / ".haru").mkdir()
    (tmp_path / ".haru" / "endpoints.json").write_text(json.dumps(endpoints))

    done = run("status")

    assert done.returncode == 1
    assert done.stderr.startswith("starter.py: Temporal at 127.0.0.1:")
    assert "start `python worker.py` first" in done.stderr


@pytest.fixture
async def paper(temporal_dev_server: str, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Settings of a paper account on real servers; no process hosts its workflows."""
    account_number = f"{uuid4().int % 10**8:08}-01"
    servers = {"TEMPORAL_ADDRESS": temporal_dev_server, "DATABASE_URL": database_url, "HARU_PAYLOADS__KEYS": new_key()}
    environment = {**PAPER, **servers, "HARU_BROKER__ACCOUNT": account_number}
    await ensure_search_attributes(await Client.connect(temporal_dev_server), attributes.ALL)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    database = await open_database(database_url)
    account = account_alias(Environment.PAPER, account_number)
    await database.accounts.pin(account, Environment.PAPER, key_fingerprint(load_settings()))
    await database.aclose()
    return environment


def test_a_start_names_the_environment_and_returns_at_once(run: Run, paper: Mapping[str, str]) -> None:
    done = run("--workers", "2", "--detach", **paper)

    assert done.returncode == 0, done.stderr
    used, said = done.stdout.splitlines()[:2]
    assert used.startswith("settings: environment variables only (")
    assert said.startswith("PAPER account paper-")
    assert "2 workers run" in done.stdout
    assert paper["HARU_BROKER__ACCOUNT"][:8] not in done.stdout


def test_a_second_start_counts_the_workers_that_run_and_not_those_it_names(run: Run, paper: Mapping[str, str]) -> None:
    run("--workers", "3", "--detach", **paper)

    while "3 workers run" not in (text := run("--workers", "1", "--detach", **paper).stdout):
        assert "workers run" in text or "1 worker runs" in text  # Temporal lists a started worker a moment later


def test_a_start_for_programs_is_json_alone(run: Run, paper: Mapping[str, str]) -> None:
    done = run("--workers", "2", "--json", **paper)

    assert json.loads(done.stdout)["workers"] == ["worker-1", "worker-2"]
    assert json.loads(done.stdout)["environment"] == "paper"


def test_an_unknown_worker_is_answered_with_the_known_ones(run: Run, paper: Mapping[str, str]) -> None:
    run("--workers", "2", "--detach", **paper)

    done = run("pause", "worker-9", **paper)

    assert done.returncode == 1
    assert "no worker 'worker-9'; known workers: worker-1, worker-2" in done.stderr


def test_a_command_without_an_answer_fails_and_says_so(run: Run, paper: Mapping[str, str]) -> None:
    run("--workers", "1", "--detach", **paper)

    done = run("stop", "--json", **paper)

    assert done.returncode == 1
    (outcome,) = json.loads(done.stdout)
    assert outcome["verdict"] == "unanswered"
    assert "is a worker process running?" in outcome["why"]


def test_the_kill_switch_shuts_the_gate_while_temporal_is_away(
    run: Run, paper: Mapping[str, str], unused_port: int
) -> None:
    run("--workers", "1", "--detach", **paper)

    done = run("kill-switch", "on", **{**paper, "TEMPORAL_ADDRESS": f"127.0.0.1:{unused_port}"})
    shown = run("status", **paper)

    assert done.returncode == 1
    assert "Kill switch on: nothing more is bought." in done.stdout
    assert "worker-1: unanswered: Temporal: the connection is refused" in done.stdout
    assert "KILL SWITCH ON" in shown.stdout


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["status"], "HARU · PAPER"),
        (["status", "--json"], '"environment": "paper"'),
        (["status"], "no workers yet: `python starter.py --workers 5` starts some"),
        (["summary"], "no trade was closed"),
        (["summary", "--json"], '"scope": "fleet"'),
        (["summary"], "after the close: not looked yet"),
        (["summary", "--json"], '"after_the_close": {'),
        (["trades"], "no trade was closed"),
        (["trades", "--json"], "[]"),
        (["kill-switch", "on", "--reason", "drill"], "Kill switch on: nothing more is bought."),
        (["kill-switch", "off"], "Kill switch off"),
        (["close"], "Closing now"),
        (["close", "--json"], '"workflow_id": "market-close/paper-'),
    ],
)
def test_each_verb_answers(run: Run, paper: Mapping[str, str], words: list[str], shown: str) -> None:
    done = run(*words, **paper)

    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["summary", "2026-11-23", "--to", "2026-11-24"], "say either 2026-11-23 or --from and --to"),
        (["summary", "--from", "2026-11-24", "--to", "2026-11-23"], "swap them"),
        (["summary", "--from", "2020-01-01", "--to", "2020-01-31"], "know of no session from 2020-01-01 to 2020-01-31"),
        (["summary", "--from", "2020-01-01", "--json"], "the books know of no session from 2020-01-01\n"),
        (["summary", "2099-12-31"], "2099-12-31 is still to come: the market's present session is 2"),
        (["trades", "2099-12-31", "--json"], "2099-12-31 is still to come"),
        (["statement", "2020-01-02"], "the books know of no session on 2020-01-02; they know of none yet"),
    ],
)
def test_dates_without_a_report_are_refused(run: Run, paper: Mapping[str, str], words: list[str], message: str) -> None:
    done = run(*words, **paper)

    assert done.returncode == 1
    assert message in done.stderr


def test_real_money_needs_the_word_on_the_command_line_too(run: Run, paper: Mapping[str, str]) -> None:
    again = {"HARU_BROKER__LIVE_ACCOUNT": paper["HARU_BROKER__ACCOUNT"]}

    done = run("--workers", "1", "--detach", **{**paper, **REAL, **again})

    assert done.returncode == 1
    assert "trades real money; say so with --live trade-real-money" in done.stderr


def test_real_money_needs_a_loss_limit_whatever_the_command_line_says(run: Run, paper: Mapping[str, str]) -> None:
    unlimited = {name: value for name, value in REAL.items() if "LOSS" not in name}
    again = {"HARU_BROKER__LIVE_ACCOUNT": paper["HARU_BROKER__ACCOUNT"]}

    done = run("--workers", "1", "--detach", "--live", "trade-real-money", **{**paper, **unlimited, **again})

    assert done.returncode == 1
    assert "live trading needs HARU_RULES__RISK__FLEET_DAILY_LOSS" in done.stderr


def test_the_word_for_real_money_is_refused_elsewhere(run: Run, paper: Mapping[str, str]) -> None:
    done = run("--workers", "1", "--detach", "--live", "trade-real-money", **paper)

    assert done.returncode == 1
    assert "the settings say paper" in done.stderr


def test_a_database_without_our_schema_is_reported_without_a_traceback(
    run: Run, paper: Mapping[str, str], postgres_server: str
) -> None:
    done = run("status", **{**paper, "DATABASE_URL": postgres_server})

    assert done.returncode == 1
    assert "the database is older than this program, and lacks " in done.stderr


def add_a_migration(folder: Path) -> None:
    (folder / "9999_later.sql").write_text("SELECT 1;")


def remove_the_first(folder: Path) -> None:
    (folder / "0001_accounts.sql").unlink()


@pytest.fixture(
    params=[
        (add_a_migration, "older than this program, and lacks 9999_later: restart `python worker.py`"),
        (remove_the_first, "newer than this program, which does not know 0001_accounts: update the program"),
    ]
)
def level_message(
    request: pytest.FixtureRequest, paper: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> str:
    """Give the code another schema version than the database; return the expected message."""
    change, message = request.param
    change(folder := shutil.copytree(schema_level.MIGRATIONS, tmp_path / "migrations"))
    monkeypatch.setattr(schema_level, "MIGRATIONS", folder)
    monkeypatch.setattr(schema_level, "_CONTRACT", re.compile("0001_"))  # as if it took something away
    return f"the database is {message}"


@pytest.mark.parametrize("verb", ["status", "summary", "report"])
def test_a_verb_on_the_database_of_another_version_says_so_with_the_fix(
    run: Run, level_message: str, verb: str
) -> None:
    done = run(verb)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"starter.py: {level_message}")


def test_the_verifier_on_the_database_of_another_version_says_so_with_the_fix(
    level_message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verifier.__main__.main([]) == 1
    assert capsys.readouterr().err.startswith(f"verifier: {level_message}")
