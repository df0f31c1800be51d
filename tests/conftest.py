"""Real parts for the tests: PostgreSQL, Temporal's dev server and the time-skipping server."""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from cryptography.fernet import Fernet
from hypothesis import settings
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from xdist.remote import Producer

from runtime import env_file
from runtime.embedded.ports import free_port
from runtime.embedded.process import Launcher
from runtime.embedded.temporal import DevServer, start_temporal, temporal_binary
from security.private_files import close_to_others
from tests.support.application_role import MAKE_ROLE, as_application
from tests.support.bare_postgres import start_postgres
from tests.support.command_line import Done, Run
from tests.support.parallel import FilesInTurn, give_way, longest_first
from tests.support.reused_database import ReusedDatabase
from tests.support.second_python import SECOND_PYTHON, mark_for_second_python
from tests.support.turns import leave_to_other_turns
from workflows.payloads import DATA_CONVERTER

# A shell that runs pytest in the background ignores SIGINT, and child processes would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Same umask as the programs: files that tests write are closed to other users.
close_to_others()

# A busy machine makes an example slow, not wrong. Hypothesis's choice for CI stays.
settings.register_profile("unhurried", parent=settings(), deadline=None)
settings.load_profile("unhurried")

T = TypeVar("T")
_TEMPLATE = "haru_template"
HASTY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FilesInTurn | None:
    """Distribute the tests with `tests/support/parallel.py` if pytest-xdist distributes by file."""
    return FilesInTurn(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the longest tests first with several processes; a single process keeps the order of the files."""
    mark_for_second_python(items)
    if config.option.markexpr != SECOND_PYTHON:  # it takes turns of its own; a file out of step would have none
        leave_to_other_turns(config, items)
    if hasattr(config, "workerinput"):
        longest_first(items)


def pytest_runtest_logstart(nodeid: str) -> None:
    """Lower the priority of every process except the one that runs the real-time tests."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        give_way(nodeid)


@contextmanager
def running(folder: Path, start: Callable[[Launcher], Awaitable[T]]) -> Iterator[T]:
    """Run a part for the duration of the block."""
    launcher = Launcher(folder)

    async def up() -> T:
        return await start(launcher)

    try:
        yield asyncio.run(up())
    finally:
        asyncio.run(launcher.stack.aclose())


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an empty database on a real server. Durability is off to keep the tests fast."""
    folder = tmp_path_factory.mktemp("postgres")
    with running(folder, lambda launcher: start_postgres(launcher, free_port(), HASTY)) as url:
        _execute(url, MAKE_ROLE)
        yield url


@pytest.fixture(scope="session")
def migrated_template(postgres_server: str) -> str:
    """Name of a database with the schema, used as a template for copies."""
    from database.migrations import apply  # noqa: PLC0415 - most tests need no schema

    _execute(postgres_server, f"CREATE DATABASE {_TEMPLATE}")
    template = _with_database(postgres_server, _TEMPLATE)
    apply(template, as_application(template))
    return _TEMPLATE


@pytest.fixture(scope="session")
def reused_database(postgres_server: str, migrated_template: str) -> ReusedDatabase:
    """Provide the database that the tests of this process use in turn."""
    return ReusedDatabase(postgres_server, migrated_template, "haru_reused")


@pytest.fixture
def database_url(reused_database: ReusedDatabase) -> Iterator[str]:
    """URL of an empty database with the schema."""
    yield reused_database.url
    reused_database.restore()


@pytest.fixture
def second_database_url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """URL of another such database, for a test that needs two."""
    name = f"test_{uuid.uuid4().hex}"
    _execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    yield _with_database(postgres_server, name)
    _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def temporal_dev_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real Temporal server without persistence."""
    server = DevServer(port=free_port(), ui_port=None)
    with running(tmp_path_factory.mktemp("temporal"), lambda launcher: start_temporal(launcher, server)) as address:
        yield address


@pytest.fixture
async def time_skipping_env() -> AsyncIterator[WorkflowEnvironment]:
    """Time-skipping server. Not shared: one failed test would stop its clock for the next."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(temporal_binary("temporal-test-server")), data_converter=DATA_CONVERTER
    ) as environment:
        yield environment


@pytest.fixture
def nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make an empty folder the checkout and the current one, without Haru variables or the user's Temporal profile."""
    for name in list(os.environ):
        if name.upper().startswith(("HARU_", "TEMPORAL_", "DATABASE_URL")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(env_file, "CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``starter.py`` in this process, which is faster than a new one."""
    from cli import main as starter  # noqa: PLC0415 - most tests need no command line

    def main(*words: str, **environment: str) -> Done:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        try:
            code = starter.main(words)
        except SystemExit as wrong_usage:
            code = int(str(wrong_usage.code))
        return Done(code, *capsys.readouterr())

    return main


@pytest.fixture
async def paper_fleet(
    nothing_configured: None, temporal_dev_server: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, str]:
    """Settings of a paper account on real servers with a pinned database; no process hosts its workflows."""
    from database.database import open_database  # noqa: PLC0415
    from runtime.account_names import account_of, key_fingerprint  # noqa: PLC0415 - most tests need no settings
    from runtime.embedded.search_attributes import ensure_search_attributes  # noqa: PLC0415
    from runtime.settings import load_settings  # noqa: PLC0415
    from security.sealing.keys import new_key  # noqa: PLC0415
    from workflows import attributes  # noqa: PLC0415

    environment = {
        "HARU_BROKER__ENVIRONMENT": "paper",
        "HARU_BROKER__APP_KEY": "K" * 36,
        "HARU_BROKER__APP_SECRET": "S" * 180,
        "HARU_BROKER__HTS_ID": "tester",
        "HARU_BROKER__ACCOUNT": f"{uuid.uuid4().int % 10**8:08}-01",
        "HARU_BROKER__TOKEN_KEY": Fernet.generate_key().decode(),
        "HARU_PAYLOADS__KEYS": new_key(),
        "TEMPORAL_ADDRESS": temporal_dev_server,
        "DATABASE_URL": database_url,
    }
    await ensure_search_attributes(await Client.connect(temporal_dev_server), attributes.ALL)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    database = await open_database(database_url)
    await database.accounts.pin(account_of(settings), settings.broker.environment, key_fingerprint(settings))
    await database.aclose()
    return environment


@pytest.fixture
def unused_port() -> int:
    """A loopback port without a listener."""
    return free_port()


def _execute(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
