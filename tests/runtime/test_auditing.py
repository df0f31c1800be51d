"""Every command that changes something is a row of the audit log, and no command waits for it."""

import argparse
import asyncio
import getpass
import json
import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from cli.parser import parser as starter_parser
from domain.audit_log import Client, Command, Outcome
from runtime import auditing
from runtime.auditing import Audit, AuditDuty
from runtime.embedded.audit_folder import AuditFolder
from runtime.installed import VERSION
from runtime.opening import open_fleet
from runtime.os_user import os_client
from runtime.settings import load_settings
from tests.runtime.embedded.processes import ROOT
from tests.support.audit_rows import rows_in
from tests.support.command_line import Run

pytestmark = pytest.mark.usefixtures("nothing_configured")
KEY = "K" * 36
READS = {
    *("status", "alert-channels", "foreign-orders", "quarantine", "doctor", "alert-test", "new-key", "codec-server"),
    "backup",
    *("summary", "report", "trades", "audit"),
    *("strategy", "strategy new", "strategy list", "strategy check", "backtest", "sweep", "unproven"),
    *("slippage", "parity", "web", "replay", "release", "digest"),
    *("bars", "bars import", "bars list", "bars check", "bars download"),
}
"""Verbs that change nothing of a fleet. A new verb is recorded unless it is named here and in starter.py."""
CHANGES = {
    "": "--workers 1 --detach",
    "pause": "pause worker-9",
    "resume": "resume worker-9",
    "liquidate": "liquidate worker-9",
    "stop": "stop worker-9",
    "rules": "rules worker-9 exits.stop_loss=2%",
    "kill-switch": "kill-switch on --reason drill",
    "alert-channels remove": "alert-channels remove 1111111111111111",
    "close": "close",
    "foreign-orders accept": "foreign-orders accept all --reason mine",
    "reconcile": "reconcile --apply",
    "adopt": "adopt run-1/1 0000000001 06010 --reason seen",
    "dismiss": "dismiss run-1/1 --reason never",
    "import-keys": "import-keys keys.yaml",
    "upgrade-database": "upgrade-database",
    "migrate": "migrate",
    "restore": "restore lost.backup",
    "forget-keys": "forget-keys",
    "statement": "statement",
    "verdict": "verdict momentum",
    "unproven accept": "unproven accept momentum --reason trial",
    "release current": "release current build-1",
    "release ramp": "release ramp build-1 10",
    "release drain": "release drain build-1",
    "release rollback": "release rollback",
    "unproven withdraw": "unproven withdraw momentum --reason over",
    "web-password": "web-password --remove",
}
"""An example of each other verb."""
AWAY = {"reconcile", "statement"}
"""Verbs that would wait for a host's answer: here Temporal is down, so that they fail at once."""


def verbs_of(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, bool]]:
    """Yield each verb of a command line with whether it only reads."""
    yield name, parser.get_default("reads_only") is True
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, verb in action.choices.items():
                yield from verbs_of(verb, f"{name} {word}".strip())


def test_every_verb_is_known_to_read_only_or_has_an_example_below() -> None:
    verbs = dict(verbs_of(starter_parser()))

    assert {name for name, reads_only in verbs.items() if reads_only} == READS
    assert {name for name, reads_only in verbs.items() if not reads_only} == CHANGES.keys()


@pytest.mark.parametrize("verb", CHANGES)
def test_every_changing_verb_writes_a_row(
    run: Run, paper_fleet: Mapping[str, str], unused_port: int, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        if verb in AWAY:
            away.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{unused_port}")
        done = run(*CHANGES[verb].split())
    run("pause", "worker-8")  # rows that wait in the data folder are written with the next command

    first = rows_in(paper_fleet["DATABASE_URL"])[0]
    assert first["command"] == (CHANGES[verb] if verb else f"start {CHANGES[verb]}")
    assert first["outcome"] == ("accepted" if done.returncode == 0 else first["outcome"])
    assert (first["uid"], first["pid"], first["client"]) == (os.getuid(), os.getpid(), f"starter.py {VERSION}")
    assert first["recorded_at"] >= first["at"]
    assert (done.returncode == 0) == (first["outcome"] == "accepted"), (first, done)


@pytest.mark.parametrize("words", ["status", "quarantine", "alert-channels", "trades", "audit", "reconcile"])
def test_what_only_reads_writes_no_row(run: Run, paper_fleet: Mapping[str, str], words: str, unused_port: int) -> None:
    if words == "reconcile":
        run(words, TEMPORAL_ADDRESS=f"127.0.0.1:{unused_port}")
    else:
        run(words)
    assert not Path(".haru/audit").exists()

    assert rows_in(paper_fleet["DATABASE_URL"]) == []


def test_who_commands_is_known_by_the_kernel_and_not_by_a_variable(run: Run, paper_fleet: Mapping[str, str]) -> None:
    forged = dict.fromkeys(("LOGNAME", "USER", "LNAME", "USERNAME"), "somebody-else")

    run("kill-switch", "on", "--reason", "drill", **forged)

    assert getpass.getuser() == "somebody-else"
    user = pwd.getpwuid(os.getuid()).pw_name
    assert [row["user"] for row in rows_in(paper_fleet["DATABASE_URL"])] == [user]
    with psycopg.connect(paper_fleet["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT kill_switch_by FROM risk_state").fetchone() == (user,)


def test_refusals_and_their_reasons_are_kept_without_secrets(run: Run, paper_fleet: Mapping[str, str]) -> None:
    run("dismiss", "run-1/1", "--reason", f"the key is {KEY}")
    run("--workers", "1", "--detach")
    run("pause")  # no process hosts the worker

    refused, _, failed = rows_in(paper_fleet["DATABASE_URL"])
    assert (refused["outcome"], failed["outcome"]) == ("refused", "failed")
    assert "run-1/1" in refused["why"]
    assert refused["command"] == "dismiss run-1/1 --reason 'the key is ***'"
    assert failed["why"] == "1 unanswered"
    assert KEY not in json.dumps([refused["detail"], failed["detail"]])


@contextmanager
def log_held(database_url: str) -> Iterator[None]:
    """Lock the log's table, as a user of the database could without limit."""
    with psycopg.connect(database_url) as connection:
        connection.execute("LOCK TABLE audit_chain IN ACCESS EXCLUSIVE MODE")
        yield


def test_the_kill_switch_does_not_wait_for_its_row_which_is_written_later(
    run: Run, paper_fleet: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patience, log_held(paper_fleet["DATABASE_URL"]):
        patience.setattr(auditing, "_WRITTEN_WITHIN", 0.5)
        done = run("kill-switch", "on", "--reason", "drill")
        with psycopg.connect(paper_fleet["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT kill_switch_on FROM risk_state").fetchone() == (True,)

    assert done.returncode == 0
    assert "the audit log gets this command later" in done.stderr
    assert rows_in(paper_fleet["DATABASE_URL"]) == []
    run("kill-switch", "off")
    assert [row["command"] for row in rows_in(paper_fleet["DATABASE_URL"])] == [
        "kill-switch on --reason drill",
        "kill-switch off",
    ]
    assert not list(Path(".haru/audit").glob("waiting-*"))


def test_a_row_that_can_be_kept_nowhere_is_reported_and_the_command_obeyed(
    run: Run, paper_fleet: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "_WRITTEN_WITHIN", 0.5)
    Path(".haru").mkdir()
    Path(".haru/audit").write_text("a file where a folder should be")

    with log_held(paper_fleet["DATABASE_URL"]):
        done = run("kill-switch", "on", "--reason", "drill")

    assert done.returncode == 0
    assert "this command is NOT in the audit log" in done.stderr
    assert "PostgreSQL did not take it" in done.stderr


def test_a_folder_that_takes_no_file_does_not_keep_a_row_from_the_database(
    run: Run, paper_fleet: Mapping[str, str]
) -> None:
    Path(".haru").mkdir()
    Path(".haru/audit").write_text("a file where a folder should be")

    done = run("pause", "worker-9")

    assert "audit log" not in done.stderr
    assert len(rows_in(paper_fleet["DATABASE_URL"])) == 1


def a_waiting_command(command_id: str, pid: int) -> Command:
    client = replace(os_client("starter.py"), pid=pid)
    return Command(command_id, f"stop {command_id}", client, datetime.now(UTC))  # noqa: TID251


def test_a_command_whose_process_was_killed_is_written_as_unknown(run: Run, paper_fleet: Mapping[str, str]) -> None:
    folder = AuditFolder(Path(".haru"))
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    folder.keep(a_waiting_command("killed", child), has_ended=False)
    folder.keep(a_waiting_command("running", os.getpid()), has_ended=False)
    Path(".haru/audit/waiting-broken.json").write_text("{}")

    run("pause", "worker-9")

    found = [(row["command"], row["outcome"]) for row in rows_in(paper_fleet["DATABASE_URL"])]
    assert found == [("stop killed", "unknown"), ("pause worker-9", "refused")]
    assert folder.count() == 2, "one still runs, and one cannot be read"


async def test_a_host_writes_its_start_and_what_waits(paper_fleet: Mapping[str, str]) -> None:
    settings = load_settings()
    folder = AuditFolder(settings.data_dir)
    async with open_fleet(settings) as fleet:
        folder.keep(a_waiting_command("upgrade", os.getpid()), has_ended=True)
        duty = AuditDuty(settings, fleet)
        for _ in range(2):
            await duty.look()

    assert {row["command"] for row in rows_in(paper_fleet["DATABASE_URL"])} == {"worker.py", "stop upgrade"}


async def test_a_command_of_another_machine_counts_as_ended_after_a_while(tmp_path: Path) -> None:
    folder, there = AuditFolder(tmp_path), Client(0, "root", "another-host", "starter.py", 1)
    now = datetime.now(UTC)  # noqa: TID251
    folder.keep(Command("c1", "stop", there, now), has_ended=False)

    assert list(folder.waiting(now)) == []
    assert [each.command_id for each in folder.waiting(now.replace(year=now.year + 1))] == ["c1"]


def test_an_interrupted_command_is_written_as_unknown(paper_fleet: Mapping[str, str]) -> None:
    async def interrupted() -> int:
        raise KeyboardInterrupt

    async def command() -> None:
        async with open_fleet(load_settings()) as fleet:
            await Audit("starter.py", ["stop"]).around(interrupted, fleet)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(command())

    assert [row["outcome"] for row in rows_in(paper_fleet["DATABASE_URL"])] == [Outcome.UNKNOWN]


def test_files_of_the_log_are_private(run: Run, paper_fleet: Mapping[str, str]) -> None:
    run("pause", "worker-9")

    assert Path(".haru/audit").stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_mode & 0o777 for file in Path(".haru/audit").iterdir()] == [0o600]


def test_the_version_is_the_projects() -> None:
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text()


def test_the_kill_switch_acts_and_is_recorded_later_while_postgresql_is_away(
    run: Run, paper_fleet: Mapping[str, str], unused_port: int
) -> None:
    run("--workers", "1", "--detach")

    done = run("kill-switch", "on", DATABASE_URL=f"postgresql://haru@127.0.0.1:{unused_port}/haru")
    run("quarantine", DATABASE_URL=paper_fleet["DATABASE_URL"])
    run("kill-switch", "off")

    assert done.returncode == 1
    assert "1 workers were commanded to pause and to sell" in done.stderr
    assert "worker-1: unanswered" in done.stdout, "no process hosts it: it obeys when one starts"
    assert "the audit log gets this command later" in done.stderr
    found = [(row["command"], row["outcome"], row["why"]) for row in rows_in(paper_fleet["DATABASE_URL"])]
    away = "PostgreSQL is away; workers: 1 unanswered"
    assert found[1:] == [("kill-switch on", "failed", away), ("kill-switch off", "accepted", "")]
