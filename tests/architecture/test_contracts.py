"""Each import contract holds, and fails when broken."""

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATIONS = ("pyproject.toml", ".importlinter.runtime")
PACKAGES = (
    *("activities", "broker", "cli", "database", "domain", "exchange", "fleet", "history", "lab", "reporting"),
    *("runtime", "security", "simulator", "strategies", "tools", "verifier", "web", "workflows"),
)
BREACHES: Final = (
    ("layers", "web/view.py", "import cli.desk"),
    ("sql", "web/state.py", "import asyncpg"),
    ("layers", "fleet/schedule.py", "import verifier.books"),
    ("layers", "domain/money.py", "import workflows.options"),
    ("layers", "broker/protocol.py", "import database.pool"),
    ("layers", "simulator/wire.py", "import broker.protocol"),
    ("layers", "security/sealing/keys.py", "import database.pool"),
    ("layers", "strategies/momentum.py", "import exchange.calendar"),
    ("pure", "domain/money.py", "import random"),
    ("pure", "domain/clock.py", "import time"),
    ("pure", "strategies/momentum.py", "import temporalio.workflow"),
    ("pure", "domain/errors.py", "import logging"),
    ("domain-alone", "domain/money.py", "import pydantic"),
    ("domain-order", "domain/money.py", "import domain.market"),
    ("domain-order", "domain/unlisted.py", '"""New."""'),
    ("sql", "activities/orders.py", "import asyncpg"),
    ("sql", "runtime/embedded/postgres.py", "import psycopg"),
    ("layers", "activities/orders.py", "import runtime.settings"),
    ("layers", "broker/protocol.py", "import runtime.telemetry"),
    ("layers", "database/pool.py", "import runtime.embedded.postgres"),
    ("layers", "fleet/starting.py", "import runtime.composition"),
    ("layers", "runtime/hosting.py", "import cli.doctor.checkup"),
    ("layers", "cli/desk.py", "import tools.chaos.kinds"),
    ("activities-order", "activities/support/pace.py", "import activities.market.prices"),
    ("activities-order", "activities/market/bells.py", "import activities.account.records"),
    ("fleet-order", "fleet/commands.py", "import fleet.duties.runner"),
    ("fleet-order", "fleet/alerting/text.py", "import fleet.duties.disk"),
    ("runtime-order", "runtime/settings.py", "import runtime.composition"),
    ("runtime-order", "runtime/composition.py", "import runtime.hosting"),
    ("runtime-order", "runtime/unlisted.py", '"""New."""'),
    ("tools-order", "tools/chaos/schedule.py", "import tools.bench.figures"),
    ("programs", "cli/main.py", "import worker"),
    ("programs", "runtime/hosting.py", "import starter"),
    ("composition", "runtime/composition.py", "import fleet.fleet"),
    ("composition", "runtime/account_names.py", "import fleet.errors"),
    ("ground", "runtime/private_values.py", "import database.pool"),
    ("embedded", "runtime/embedded/parts.py", "import fleet.fleet"),
    ("embedded", "runtime/settings.py", "import broker.protocol"),
    ("layers", "verifier/reading.py", "import tools.chaos.schedule"),
    ("layers", "reporting/day.py", "import fleet.fleet"),
    ("books-only", "reporting/day.py", "import broker.protocol"),
    ("layers", "reporting/page.py", "import runtime.settings"),
    ("sql", "reporting/reading.py", "import asyncpg"),
    ("independent", "verifier/reading.py", "import fleet.fleet"),
    ("independent", "runtime/composition.py", "import fleet.errors"),
    ("independent", "runtime/standard_error.py", "import fleet.together"),
    ("sql", "verifier/reading.py", "import asyncpg"),
    ("impartial", "tools/conformance/kis.py", "import broker.protocol"),
    ("impartial", "tools/conformance/clock.py", "import simulator.clock"),
    ("impartial", "runtime/private_values.py", "import broker.protocol"),
    ("layers", "verifier/reading.py", "import lab.clockwork"),
    ("layers", "runtime/composition.py", "import lab.clockwork"),
    ("layers", "lab/clockwork.py", "import cli.desk"),
    ("sql", "lab/clockwork.py", "import asyncpg"),
    ("layers", "history/store.py", "import simulator.recorded"),
    ("layers", "history/store.py", "import broker.protocol"),
    ("columns", "history/store.py", "import duckdb"),
    ("columns", "cli/desk.py", "import duckdb"),
    ("past", "runtime/settings.py", "import history.store"),
    ("past", "simulator/engine.py", "import history.store"),
    ("cycles", "domain/money.py", "import domain.tick_size"),
    # What a workflow loads.
    ("replayable", "activities/orders.py", "import broker.kis.client"),
    ("replayable", "domain/money.py", "import time"),
    ("replayable", "workflows/options.py", "import random"),
    ("injected", "activities/orders.py", "import database.pool"),
)
"""A contract, a module, and the line in it that breaks the contract."""
_NAME: Final = re.compile(r'(?:id = "|importlinter:contract:)([\w-]+)["\]]\nname = "?(.*?)"?\n')
_HEADING: Final = re.compile(r"\n(\S.*)\n-+\n")


def lint(tree: Path, configuration: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [Path(sysconfig.get_path("scripts")) / "lint-imports", "--config", configuration],
        cwd=tree,
        env={"PYTHONPATH": str(tree), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages."""
    tree = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    for configuration in CONFIGURATIONS:
        shutil.copy(ROOT / configuration, tree)
    return tree


@pytest.fixture(scope="module")
def findings(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The linter's findings by contract, in a tree with every breach."""
    # The linter's cache may outlive a change when two configurations share it.
    tree = tmp_path_factory.mktemp("broken") / "tree"
    shutil.copytree(source, tree, ignore=shutil.ignore_patterns(".*_cache"))
    for _, module, line in BREACHES:
        with (tree / module).open("a") as file:
            file.write(f"\n{line}\n")
    printed = "".join(lint(tree, configuration).stdout for configuration in CONFIGURATIONS)
    names = {name: contract for each in CONFIGURATIONS for contract, name in _NAME.findall((tree / each).read_text())}
    headings = _HEADING.split(printed)[1:]
    return {names[name]: text for name, text in zip(headings[::2], headings[1::2], strict=True) if name in names}


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_contract_is_kept(source: Path, configuration: str) -> None:
    result = lint(source, configuration)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(("contract", "module", "breach"), BREACHES)
def test_a_contract_fails_when_it_is_broken(findings: dict[str, str], contract: str, module: str, breach: str) -> None:
    assert finding(contract, module, breach) in findings[contract]


def finding(contract: str, module: str, breach: str) -> str:
    """Return how the linter names a breach below the contract's heading."""
    if contract == "cycles":
        return "No cycles are allowed in domain."
    importer = module.removesuffix(".py").replace("/", ".")
    if not breach.startswith("import "):
        return f"not listed as layers:\n\n- {importer}\n"
    imported = breach.removeprefix("import ")
    package = imported.partition(".")[0]
    return f"{importer} -> {imported if package in PACKAGES else package} (l."
