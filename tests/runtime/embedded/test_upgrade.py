"""A database of another major version of PostgreSQL: refused with instructions, and moved by `upgrade-database`."""

import asyncio
import shutil
from pathlib import Path

import psycopg
import pytest

from runtime.embedded import binaries
from runtime.embedded.binaries import binaries_of
from runtime.embedded.books import database_alone
from runtime.embedded.errors import OtherVersionError
from runtime.embedded.ports import free_port
from runtime.embedded.process import Launcher
from runtime.embedded.roles import APPLICATION
from runtime.settings import load_settings
from tests.runtime.embedded.processes import processes_of
from tests.support.application_role import MAKE_ROLE
from tests.support.bare_postgres import start_postgres
from tests.support.command_line import Run

pytestmark = [pytest.mark.usefixtures("nothing_configured"), pytest.mark.slow]
HASTY = ("fsync=off", "synchronous_commit=off")


@pytest.fixture(scope="module")
def written_by_sixteen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder written by the older version, which the wheel also contains."""
    folder = tmp_path_factory.mktemp("old") / "haru"
    folder.mkdir()

    async def write() -> None:
        launcher = Launcher(folder)
        async with launcher.stack:
            url = await start_postgres(launcher, free_port(), HASTY)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE TABLE kept (number bigserial PRIMARY KEY, answer int NOT NULL)")
                connection.execute("INSERT INTO kept (answer) SELECT 42 FROM generate_series(1, 1000)")
                connection.execute(MAKE_ROLE.encode())
                connection.execute(f"GRANT SELECT ON kept TO {APPLICATION}".encode())
                connection.execute('CREATE SCHEMA "Odd"; CREATE TABLE "Odd"."name" AS SELECT 1 AS one')

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(binaries, "_INSTALLS", ("pginstall",))
        asyncio.run(write())
    return folder


@pytest.fixture
def folder(nothing_configured: None, written_by_sixteen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the old data folder, in an environment that names it."""
    copy = tmp_path / "haru"
    shutil.copytree(written_by_sixteen, copy, symlinks=True)
    monkeypatch.setenv("HARU_DATA_DIR", str(copy))
    return copy


def ask(statement: str) -> str:
    """Return the result of a query to the database in the data folder, started for it."""

    async def asked() -> str:
        async with database_alone(load_settings()) as found:
            with psycopg.connect(found.migration_url or found.url, autocommit=True) as connection:
                row = connection.execute(statement.encode()).fetchone()
        return str(row[0]) if row else ""

    return asyncio.run(asked())


@pytest.mark.usefixtures("folder")
def test_data_of_an_older_version_is_refused_with_the_command_that_moves_it() -> None:
    with pytest.raises(OtherVersionError, match=r"by PostgreSQL 16.*: run python starter\.py upgrade-database; then"):
        ask("SELECT 1")


@pytest.mark.parametrize(
    ("version", "named"), [("12", "apt install postgresql-12"), ("99", "the newer version of Haru that wrote it")]
)
def test_data_of_a_version_that_is_not_part_of_haru_names_where_it_is(folder: Path, version: str, named: str) -> None:
    (folder / "postgres" / "PG_VERSION").write_text(f"{version}\n")

    with pytest.raises(OtherVersionError, match=named):
        ask("SELECT 1")


def test_the_upgrade_moves_every_row_and_keeps_the_old_data(folder: Path, run: Run) -> None:
    done = run("upgrade-database")

    assert done.returncode == 0, done.stderr
    assert "PostgreSQL 16 to 18: 1,001 rows in 2 tables" in done.stdout
    assert (folder / "postgres.16" / "PG_VERSION").read_text() == "16\n"
    assert (folder / "postgres" / "PG_VERSION").read_text() == "18\n"
    assert ask("SELECT count(*) FROM kept WHERE answer = 42") == "1000"
    assert ask("INSERT INTO kept (answer) VALUES (43) RETURNING number") == "1001"
    assert not [path.name for path in folder.iterdir() if path.name.startswith(("postgres.dump", "postgres.upgraded"))]
    assert not processes_of(folder)

    again = run("upgrade-database")

    assert (again.returncode, "nothing was changed" in again.stdout) == (0, True)


def test_a_named_folder_of_programs_is_used_and_must_be_of_the_version_that_wrote(folder: Path, run: Run) -> None:
    sixteen, eighteen = binaries_of("16"), binaries_of("18")

    wrong = run("upgrade-database", "--binaries", str(eighteen))
    nowhere = run("upgrade-database", "--binaries", str(folder))
    right = run("upgrade-database", "--binaries", str(sixteen))

    assert (wrong.returncode, nowhere.returncode, right.returncode) == (1, 1, 0)
    assert "is PostgreSQL 18, but the database" in wrong.stderr
    assert "holds no server of PostgreSQL" in nowhere.stderr


def test_an_upgrade_that_ended_between_its_last_two_steps_is_finished_by_the_next_start(folder: Path, run: Run) -> None:
    assert run("upgrade-database").returncode == 0
    (folder / "postgres").rename(folder / "postgres.upgraded")

    assert ask("SELECT count(*) FROM kept") == "1000"


def test_an_upgrade_that_fails_leaves_the_old_data_as_it_was(folder: Path, run: Run) -> None:
    (folder / "postgres" / "global" / "pg_control").unlink()

    failed = run("upgrade-database")

    assert failed.returncode == 1
    assert "pg_control" in failed.stderr
    assert (folder / "postgres" / "PG_VERSION").read_text() == "16\n"
    assert not (folder / "postgres.16").exists()
    assert not processes_of(folder)


def test_a_configured_server_is_not_upgraded(run: Run) -> None:
    refused = run("upgrade-database", DATABASE_URL="postgresql://user@127.0.0.1:9/haru")

    assert refused.returncode == 1
    assert "DATABASE_URL" in refused.stderr
