"""Each contract about imports holds, and fails when somebody breaks it."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATIONS = ("pyproject.toml", ".importlinter.runtime")
PACKAGES = (
    *("activities", "bench", "broker", "chaos", "conformance", "database", "domain", "embedded"),
    *("exchange", "operations", "reporting", "sealing", "simulator", "strategies", "verifier", "workflows"),
)


def lint(tree: Path, configuration: str, *contracts: str) -> "subprocess.CompletedProcess[str]":
    chosen = [part for contract in contracts for part in ("--contract", contract)]
    return subprocess.run(
        [Path(sysconfig.get_path("scripts")) / "lint-imports", "--config", configuration, *chosen],
        cwd=tree,
        env={"PYTHONPATH": str(tree), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages, with a warm cache."""
    tree = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    for configuration in CONFIGURATIONS:
        shutil.copy(ROOT / configuration, tree)
        lint(tree, configuration)
    return tree


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_contract_is_kept(source: Path, configuration: str) -> None:
    result = lint(source, configuration)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("contract", "module", "breach"),
    [
        ("layers", "operations/board.py", "import verifier.books"),
        ("layers", "domain/money.py", "import workflows.options"),
        ("layers", "broker/protocol.py", "import database.pool"),
        ("layers", "simulator/wire.py", "import broker.protocol"),
        ("layers", "sealing/keys.py", "import database.pool"),
        ("layers", "strategies/momentum.py", "import exchange.calendar"),
        ("pure", "domain/money.py", "import random"),
        ("pure", "domain/clock.py", "import time"),
        ("pure", "strategies/momentum.py", "import temporalio.workflow"),
        ("pure", "domain/errors.py", "import logging"),
        ("domain-order", "domain/money.py", "import domain.market"),
        ("domain-order", "domain/unlisted.py", '"""New."""'),
        ("sql", "activities/orders.py", "import asyncpg"),
        ("sql", "embedded/postgres.py", "import psycopg"),
        ("composition", "activities/orders.py", "import settings"),
        ("composition", "broker/protocol.py", "import telemetry"),
        ("composition", "database/pool.py", "import embedded.postgres"),
        ("embedded", "embedded/parts.py", "import worker"),
        ("layers", "verifier/reading.py", "import chaos.schedule"),
        ("layers", "reporting/day.py", "import operations.fleet"),
        ("books-only", "reporting/day.py", "import broker.protocol"),
        ("composition", "reporting/page.py", "import settings"),
        ("sql", "reporting/reading.py", "import asyncpg"),
        ("independent", "verifier/reading.py", "import operations.fleet"),
        ("sql", "verifier/reading.py", "import asyncpg"),
        ("layers", "chaos/schedule.py", "import bench.figures"),
        ("impartial", "conformance/kis.py", "import broker.protocol"),
        ("impartial", "conformance/clock.py", "import simulator.clock"),
        ("cycles", "domain/money.py", "import domain.tick_size"),
    ],
)
def test_a_contract_fails_when_it_is_broken(source: Path, contract: str, module: str, breach: str) -> None:
    assert_breaks(source, "pyproject.toml", contract, (module, breach))


@pytest.mark.parametrize(
    ("contract", "module", "breach"),
    [
        ("replayable", "activities/orders.py", "import broker.kis.client"),
        ("replayable", "domain/money.py", "import time"),
        ("replayable", "workflows/options.py", "import random"),
        ("injected", "activities/orders.py", "import database.pool"),
    ],
)
def test_what_a_workflow_loads_is_watched_too(source: Path, contract: str, module: str, breach: str) -> None:
    assert_breaks(source, ".importlinter.runtime", contract, (module, breach))


def assert_breaks(source: Path, configuration: str, contract: str, planted: tuple[str, str]) -> None:
    file, breach = source / planted[0], planted[1]
    before = file.read_text() if file.exists() else None
    file.write_text(f"{before or ''}\n{breach}\n")
    try:
        result = lint(source, configuration, contract)
    finally:
        file.write_text(before) if before is not None else file.unlink()

    assert result.returncode == 1, result.stdout + result.stderr
    assert "1 broken" in result.stdout
