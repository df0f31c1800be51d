"""``--json`` on every verb: one JSON value on standard output, also when the verb is refused."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from cli.parser import parser as starter_parser
from security.sealing.keys import KeyRing
from tests.runtime.embedded.processes import ROOT
from tests.support.command_line import Run

pytestmark = pytest.mark.usefixtures("nothing_configured")


def parsers_of(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, verb in action.choices.items():
                yield from parsers_of(verb, f"{name} {word}".strip())


def test_every_verb_has_it() -> None:
    without = [name for name, parser in parsers_of(starter_parser()) if "--json" not in parser._option_string_actions]

    assert without == []


def answer(run: Run, *words: str, **environment: str) -> tuple[int, Any]:
    done = run(*words, "--json", **environment)
    return done.returncode, json.loads(done.stdout)


def test_new_keys_are_usable(run: Run) -> None:
    code, keys = answer(run, "new-key")

    assert code == 0
    assert keys.keys() == {"HARU_BROKER__TOKEN_KEY", "HARU_PAYLOADS__KEYS"}
    Fernet(keys["HARU_BROKER__TOKEN_KEY"])
    assert len(KeyRing([keys["HARU_PAYLOADS__KEYS"]]).ids) == 1


def test_imported_keys_are_named_and_not_shown(run: Run, tmp_path: Path) -> None:
    secret = "S" * 180
    lines = [f"paper_app: {'K' * 36}", f"paper_sec: {secret}", "my_paper_stock: '50067821'", "my_prod: '01'"]
    (tmp_path / "keys.yaml").write_text("\n".join([*lines, "my_htsid: tester"]))

    code, done = answer(run, "import-keys", "keys.yaml")
    _, again = answer(run, "import-keys", "keys.yaml")

    assert (code, done["file"], done["unchanged"]) == (0, str(tmp_path / ".env"), [])
    assert "HARU_BROKER__APP_SECRET" in done["written"]
    assert again["unchanged"] == done["written"]
    assert secret not in json.dumps(done)


def test_a_configured_database_is_migrated_and_its_keys_are_forgotten(run: Run, paper_fleet: Mapping[str, str]) -> None:
    assert answer(run, "migrate") == (0, {"applied": 0})
    assert answer(run, "forget-keys") == (0, {"forgotten": True})


def test_the_codec_server_gives_its_address(tmp_path: Path) -> None:
    (tmp_path / ".env").touch()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "starter.py"), "codec-server", "--json"],
        cwd=tmp_path,
        env={**os.environ, "HARU_ENV_FILE": ".env"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
    finally:
        process.terminate()
        process.wait()

    assert said["address"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["status"], "start `python worker.py` first"),
        (["--workers", "2"], "start `python worker.py` first"),
        (["pause"], "start `python worker.py` first"),
        (["report"], "there are no books in "),
        (["audit"], "there are no books in "),
        (["migrate"], "the database is embedded"),
        (["forget-keys"], "there are no books in "),
        (["upgrade-database"], "there are no books in "),
        (["backup"], "there are no books in "),
        (["restore", "nowhere.backup"], "nowhere.backup cannot be read (No such file or directory); name a backup"),
        (["import-keys", "nowhere.yaml"], "nowhere.yaml is not there"),
        (["alert-test"], "no channel for alerts is configured"),
        (["codec-server", "--port", "99999"], "port 99999 of 127.0.0.1 cannot be used"),
    ],
)
def test_a_refusal_is_json_too(run: Run, words: list[str], why: str) -> None:
    done = run(*words, "--json")

    assert done.returncode == 1
    refused = json.loads(done.stdout)
    assert refused.keys() == {"error"}
    assert why in refused["error"]
    assert done.stderr == f"starter.py: {refused['error']}\n"


def test_wrong_settings_are_refused_in_json_without_the_secret(run: Run) -> None:
    secret = "Pa55word/with#signs"

    done = run("status", "--json", DATABASE_URL=f"postgresql://haru:{secret}@db:5432/haru")

    assert done.returncode == 1
    assert "DATABASE_URL: " in json.loads(done.stdout)["error"]
    assert secret not in done.stdout + done.stderr
