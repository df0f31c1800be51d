"""The command line as an operator meets it: a process, its answers and its exit codes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from composition import key_fingerprint
from database.database import open_database
from domain.identity import Environment, account_alias
from settings import load_settings
from tests.embedded.processes import ROOT

Run = Callable[..., "subprocess.CompletedProcess[str]"]

PAPER = {
    "HARU_BROKER__ENVIRONMENT": "paper",
    "HARU_BROKER__APP_KEY": "P" * 36,
    "HARU_BROKER__APP_SECRET": "S" * 180,
    "HARU_BROKER__HTS_ID": "tester",
}
REAL = {"HARU_BROKER__ENVIRONMENT": "live", "HARU_BROKER__LIVE_CONFIRMATION": "trade-real-money"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run starter.py in an empty folder with nothing configured but what a test says."""

    def run_starter(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HARU_", "TEMPORAL_"))}
        inherited.pop("DATABASE_URL", None)
        return subprocess.run(
            [sys.executable, str(ROOT / "starter.py"), *words],
            cwd=tmp_path,
            env={**inherited, **environment},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    return run_starter


@pytest.mark.parametrize(
    "words",
    [
        ["--workers", "0"],
        ["--workers", "-3"],
        ["--workers", "many"],
        ["dance"],
        ["rules", "worker-1"],
        ["rules", "worker-1", "exits.stop_loss"],
        ["kill-switch"],
        ["kill-switch", "maybe"],
        ["summary", "yesterday"],
    ],
)
def test_wrong_usage_is_told_and_exits_with_2(run: Run, words: list[str]) -> None:
    done = run(*words)

    assert done.returncode == 2
    assert done.stderr.startswith("usage: starter.py")


@pytest.mark.parametrize("words", [["--workers", "5"], ["status"], ["stop"], ["summary"]])
def test_with_nothing_running_the_mend_is_told(run: Run, words: list[str]) -> None:
    done = run(*words)

    assert done.returncode == 1
    assert "start `python worker.py` first" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_settings_are_told_by_name(run: Run) -> None:
    done = run("status", HARU_PORTS__TEMPORAL="eighty")

    assert done.returncode == 1
    assert "HARU_PORTS__TEMPORAL" in done.stderr


def test_a_worker_process_that_was_killed_leaves_a_clear_message(run: Run, tmp_path: Path, unused_port: int) -> None:
    endpoints = {
        "temporal_address": f"127.0.0.1:{unused_port}",
        "temporal_ui_url": None,
        "database_url": f"postgresql://nobody@127.0.0.1:{unused_port}/haru",
        "simulator_url": None,
        "market": None,
        "pid": 1,
    }
    (tmp_path / ".haru").mkdir()
    (tmp_path / ".haru" / "endpoints.json").write_text(json.dumps(endpoints))

    done = run("status")

    assert done.returncode == 1
    assert "no Temporal server at" in done.stderr


@pytest.fixture
async def paper(temporal_dev_server: str, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """What configures a paper account on real servers; no process hosts its workflows."""
    account_number = f"{uuid4().int % 10**8:08}-01"
    servers = {"TEMPORAL_ADDRESS": temporal_dev_server, "DATABASE_URL": database_url}
    environment = {**PAPER, **servers, "HARU_BROKER__ACCOUNT": account_number}
    await _register(temporal_dev_server)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    database = await open_database(database_url)
    account = account_alias(Environment.PAPER, account_number)
    await database.accounts.pin(account, Environment.PAPER, key_fingerprint(load_settings()))
    await database.aclose()
    return environment


async def _register(address: str) -> None:
    from temporalio.client import Client  # noqa: PLC0415

    from embedded.search_attributes import ensure_search_attributes  # noqa: PLC0415
    from workflows import attributes  # noqa: PLC0415

    await ensure_search_attributes(await Client.connect(address), attributes.ALL)


def test_a_start_names_the_environment_and_returns_at_once(run: Run, paper: Mapping[str, str]) -> None:
    done = run("--workers", "2", "--detach", **paper)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("PAPER account paper-")
    assert "2 workers run" in done.stdout
    assert paper["HARU_BROKER__ACCOUNT"][:8] not in done.stdout


def test_a_start_for_programs_is_json_alone(run: Run, paper: Mapping[str, str]) -> None:
    done = run("--workers", "2", "--json", **paper)

    assert json.loads(done.stdout)["workers"] == ["worker-1", "worker-2"]
    assert json.loads(done.stdout)["environment"] == "paper"


def test_an_unknown_worker_is_answered_with_the_known_ones(run: Run, paper: Mapping[str, str]) -> None:
    run("--workers", "2", "--detach", **paper)

    done = run("pause", "worker-9", **paper)

    assert done.returncode == 1
    assert "no worker 'worker-9'; known workers: worker-1, worker-2" in done.stderr


def test_a_command_that_nobody_answers_fails_and_says_so(run: Run, paper: Mapping[str, str]) -> None:
    run("--workers", "1", "--detach", **paper)

    done = run("stop", "--json", **paper)

    assert done.returncode == 1
    (outcome,) = json.loads(done.stdout)
    assert outcome["verdict"] == "unanswered"
    assert "is a worker process running?" in outcome["why"]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["status"], "HARU · PAPER"),
        (["status", "--json"], '"environment": "paper"'),
        (["summary", "2026-11-23"], "session 2026-11-23"),
        (["summary", "2026-11-23", "--json"], '"scope": "fleet"'),
        (["trades"], "closed trades"),
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


def test_real_money_needs_the_word_on_the_command_line_too(run: Run, paper: Mapping[str, str]) -> None:
    done = run("--workers", "1", "--detach", **{**paper, **REAL})

    assert done.returncode == 1
    assert "trades real money; say so with --live trade-real-money" in done.stderr


def test_the_word_for_real_money_is_refused_elsewhere(run: Run, paper: Mapping[str, str]) -> None:
    done = run("--workers", "1", "--detach", "--live", "trade-real-money", **paper)

    assert done.returncode == 1
    assert "the settings say paper" in done.stderr


def test_a_database_without_our_schema_is_told_without_a_traceback(
    run: Run, paper: Mapping[str, str], postgres_server: str
) -> None:
    done = run("status", **{**paper, "DATABASE_URL": postgres_server})

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
