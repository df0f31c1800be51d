"""A verb imports only what it needs: help and usage errors answer at once."""

import argparse
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cli.parser import parser
from cli.running import verb_of
from tests.runtime.embedded.processes import ROOT

HEAVY = ("temporalio", "asyncpg", "psycopg", "pydantic", "rich", "httpx", "holidays", "asyncio", "runtime.composition")
"""Packages that take longer to import than the help takes to print, and our own wiring."""

NEVER_TO_READ = {
    *("runtime.composition", "workflows.trading_worker", "simulator", "uvicorn", "apprise"),
    *("temporalio.worker", "security.sealing.guard", "holidays", "database.audit"),
    *("broker.kis.broker", "websockets"),
}


def imported_by(words: list[str]) -> set[str]:
    """Return the modules that a run of the command line has imported when it ends."""
    program = (
        "import sys\nfrom cli.main import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit:\n    pass\n"
        "print('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "words",
    [["--help"], [], ["statu"], ["status", "--help"], ["rules", "--help"], ["rules", "worker-1", "exits.stop_loss"]],
)
@pytest.mark.usefixtures("nothing_configured")
def test_help_and_usage_errors_import_no_part_of_a_fleet(words: list[str]) -> None:
    assert imported_by(words).isdisjoint(HEAVY)


@pytest.mark.usefixtures("nothing_configured")
def test_new_keys_need_no_settings_no_database_and_no_temporal() -> None:
    imported = imported_by(["new-key"])

    assert "cryptography.fernet" in imported
    assert imported.isdisjoint({"temporalio", "asyncpg", "runtime.settings", "runtime.composition"})


@pytest.mark.parametrize("verb", ["status", "trades", "summary", "quarantine", "report", "audit", "rules"])
@pytest.mark.usefixtures("nothing_configured")
def test_verbs_that_read_do_without_the_composition_and_the_workflows(verb: str) -> None:
    imported = imported_by([verb])

    assert "runtime.settings" in imported
    assert imported.isdisjoint(NEVER_TO_READ)


def verbs_of(grammar: argparse.ArgumentParser) -> Iterator[str]:
    yield str(grammar.get_default("act"))
    for action in grammar._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from verbs_of(verb)


def test_each_verb_has_its_function() -> None:
    assert [name for name in verbs_of(parser()) if not callable(verb_of(name))] == []
