"""Real servers started by a real hosting process, with its clean and unclean exits."""

import os
import signal
import socket
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey

from runtime.embedded.endpoints import Endpoints, read_endpoints
from runtime.embedded.errors import PartFailedError, PortTakenError
from runtime.embedded.parts import EmbeddedParts
from runtime.settings import load_settings
from tests.runtime.embedded.processes import FREE_PORTS, eventually, hosting, is_held, processes_of, says_up
from tests.support.application_role import as_owner

NO_SIMULATOR = {
    "HARU_BROKER__ENVIRONMENT": "paper",
    "HARU_BROKER__APP_KEY": "key",
    "HARU_BROKER__APP_SECRET": "secret",
    "HARU_BROKER__ACCOUNT": "12345678-01",
    "HARU_BROKER__HTS_ID": "somebody",
}
NO_TEMPORAL = {"TEMPORAL_ADDRESS": "127.0.0.1:9"}


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """PostgreSQL and Temporal are embedded; processes that a test leaves running are stopped."""
    values = {"HARU_DATA_DIR": str(tmp_path / "haru"), **FREE_PORTS, **NO_SIMULATOR}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    yield values
    assert eventually(lambda: not processes_of(tmp_path))


@pytest.fixture
def folder(environment: dict[str, str]) -> Path:
    return Path(environment["HARU_DATA_DIR"])


def running_endpoints(folder: Path) -> Endpoints:
    endpoints = read_endpoints(folder)
    assert endpoints is not None
    return endpoints


def query(endpoints: Endpoints, statement: str, owner_of: Path | None = None) -> str:
    """Query as the application; in a data folder, as the owner of its tables."""
    assert endpoints.database_url is not None
    url = as_owner(endpoints.database_url, owner_of) if owner_of else endpoints.database_url
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
    return str(row[0]) if row else ""


async def test_the_parts_run_where_the_endpoints_say_and_are_gone_afterwards(folder: Path) -> None:
    key = SearchAttributeKey.for_keyword("ProbeState")

    async with EmbeddedParts(load_settings(), [key]) as parts:
        assert running_endpoints(folder) == parts.endpoints
        assert query(parts.endpoints, "SHOW fsync") == "on"
        assert query(parts.endpoints, "SELECT current_database()") == "haru"
        client = await Client.connect(parts.endpoints.temporal_address or "")
        assert await client.count_workflows("ProbeState = 'x'") is not None
        for name in ("endpoints.json", "postgres-password", "temporal.sqlite", "lock"):
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        for name in ("postgres", "logs"):
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o700

    assert read_endpoints(folder) is None
    assert not is_held(folder)


async def test_nothing_is_started_where_all_is_configured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user@127.0.0.1:9/haru")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")

    async with EmbeddedParts(load_settings()) as parts:
        assert parts.endpoints == Endpoints()

    assert not os.path.lexists(folder)


def test_no_part_survives_the_killing_of_its_host_and_a_restart_finds_the_data(
    folder: Path, environment: dict[str, str]
) -> None:
    with hosting(environment) as host:
        says_up(host)
        query(running_endpoints(folder), "CREATE TABLE kept AS SELECT 42 AS answer", folder)
        host.kill()
        host.wait()
        assert eventually(lambda: not is_held(folder))
        assert not processes_of(folder)

    with hosting(environment) as host:
        says_up(host)
        assert query(running_endpoints(folder), "SELECT answer FROM kept", folder) == "42"


def test_a_restart_just_after_a_kill_waits_for_the_dying_parts(folder: Path, environment: dict[str, str]) -> None:
    with hosting({**environment, **NO_TEMPORAL}) as first:
        says_up(first)
        first.kill()
        first.wait()

        with hosting({**environment, **NO_TEMPORAL}) as second:
            says_up(second)
            assert running_endpoints(folder).pid == second.pid


def test_a_second_host_is_refused(environment: dict[str, str]) -> None:
    with hosting({**environment, **NO_TEMPORAL}) as first:
        says_up(first)

        with hosting({**environment, **NO_TEMPORAL}) as second:
            _, complaint = second.communicate(timeout=40)

        assert second.returncode == 1
        assert f"process {first.pid}" in complaint


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_host_leaves_no_part(folder: Path, environment: dict[str, str], ending: signal.Signals) -> None:
    with hosting({**environment, **NO_TEMPORAL}) as host:
        says_up(host)

        host.send_signal(ending)

        host.wait(40)
        assert eventually(lambda: not is_held(folder))
        assert not processes_of(folder)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_a_host_that_ends_while_starting_leaves_no_part(
    folder: Path, environment: dict[str, str], ending: signal.Signals
) -> None:
    with hosting(environment) as host:
        assert eventually((folder / "postgres.new").exists)

        host.send_signal(ending)

        host.wait(40)
        assert eventually(lambda: not is_held(folder))
        assert not processes_of(folder)

    with hosting({**environment, **NO_TEMPORAL}) as host:
        says_up(host)


def test_a_server_that_is_killed_comes_back_with_its_data(folder: Path, environment: dict[str, str]) -> None:
    with hosting({**environment, **NO_TEMPORAL}) as host:
        says_up(host)
        endpoints = running_endpoints(folder)
        query(endpoints, "CREATE TABLE kept AS SELECT 42 AS answer", folder)
        postmaster = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])

        os.kill(postmaster, signal.SIGKILL)

        def answers() -> bool:
            try:
                return query(endpoints, "SELECT answer FROM kept", folder) == "42"
            except psycopg.OperationalError:
                return False

        assert eventually(lambda: not answers() or _postmaster(folder) != postmaster)
        assert eventually(answers)


def _postmaster(folder: Path) -> int:
    try:
        return int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
    except (OSError, IndexError):
        return 0


async def test_a_taken_port_is_named_with_the_variable_and_earlier_parts_are_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("HARU_PORTS__TEMPORAL", str(port))

        with pytest.raises(PortTakenError, match=rf"{port} .*HARU_PORTS__TEMPORAL"):
            async with EmbeddedParts(load_settings()):
                pass

    assert not is_held(folder)
    assert read_endpoints(folder) is None


@pytest.mark.usefixtures("environment")
async def test_a_part_that_ended_for_good_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")
    async with EmbeddedParts(load_settings()) as parts:
        guard = parts._launcher.running[0].pid
        assert guard is not None

        os.kill(guard, signal.SIGKILL)

        assert isinstance(await parts.first_failure(), PartFailedError)


def spoil_version(folder: Path) -> None:
    (folder / "postgres" / "PG_VERSION").write_text("rubbish")


def lose_control_file(folder: Path) -> None:
    (folder / "postgres" / "global" / "pg_control").unlink()


def lose_version(folder: Path) -> None:
    (folder / "postgres" / "PG_VERSION").unlink()


def lose_password(folder: Path) -> None:
    (folder / "postgres-password").unlink()


def spoil_history(folder: Path) -> None:
    write_all_history(folder)
    (folder / "temporal.sqlite").write_bytes(b"rubbish" * 1000)


def cut_history(folder: Path) -> None:
    write_all_history(folder)
    os.truncate(folder / "temporal.sqlite", 5000)


def write_all_history(folder: Path) -> None:
    """Checkpoint the write-ahead log into the file, which could otherwise be repaired from it."""
    with closing(sqlite3.connect(folder / "temporal.sqlite")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.fixture(scope="module")
def used_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after one run, to be copied and damaged."""
    folder = tmp_path_factory.mktemp("used") / "haru"
    with hosting({"HARU_DATA_DIR": str(folder), **FREE_PORTS, **NO_SIMULATOR}) as host:
        says_up(host)
        host.send_signal(signal.SIGINT)
        host.wait(30)
    return folder


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (spoil_version, "rubbish"),
        (lose_version, "PG_VERSION"),
        (lose_control_file, "pg_control"),
        (lose_password, "postgres-password"),
        (spoil_history, "temporal.sqlite"),
        (cut_history, "temporal.sqlite"),
    ],
)
def test_a_spoilt_folder_is_refused_with_the_fix_and_kept(
    folder: Path, environment: dict[str, str], used_folder: Path, spoil: object, named: str
) -> None:
    subprocess.run(["cp", "-a", used_folder, folder], check=True)
    assert callable(spoil)
    spoil(folder)
    before = sorted(path.name for path in folder.rglob("*") if "logs" not in path.parts)

    with hosting(environment) as host:
        _, complaint = host.communicate(timeout=50)

    assert host.returncode == 1
    assert named in complaint
    assert "move it away" in complaint
    after = {path.name for path in folder.rglob("*") if "logs" not in path.parts}
    assert {name for name in before if not name.endswith(("-wal", "-shm")) and name != "endpoints.json"} <= after
