"""Backup and restore on a real PostgreSQL: every row of one instant, no half file, no restore over existing books."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from database.copies import SECRET_ROWS, tables_in
from database.database import open_database
from database.errors import DatabaseTooNewError
from domain.identity import Environment, WorkerId
from domain.market import Symbol
from fleet.errors import OperationError
from runtime.backup import back_up
from runtime.embedded.errors import CorruptFolderError, DiskFullError, PartFailedError
from runtime.embedded.postgres import RESTORING, prepared_cluster
from runtime.embedded.process import Launcher
from runtime.restore import restore
from runtime.settings import Settings, load_settings
from security.backup_file import BackupFileError
from security.sealing.keys import new_key
from tests.database.books import FINGERPRINT, Books
from tests.runtime.embedded.processes import ROOT, eventually
from tests.support.application_role import as_application
from tests.support.builders import ACCOUNT
from tests.support.command_line import Run
from tests.support.small_disk import small_disk

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
TOKEN = "a-token-of-the-broker"
HANG = """
CREATE FUNCTION hang() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'public.trades') THEN
        {what}
    END IF;
END $$;
CREATE EVENT TRIGGER hangs ON ddl_command_end EXECUTE FUNCTION hang();
"""
TABLES = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relpersistence = 'p' AND relnamespace = 'public'::regnamespace
"""
Use = Callable[..., Settings]
HEAL = "DROP EVENT TRIGGER hangs; DROP FUNCTION hang();"


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        done = connection.execute(statement.encode())
        return done.fetchall() if done.description else []


def named(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def books_in(url: str) -> dict[str, object]:
    """Return a checksum of the rows of each table."""
    tables = execute(url, TABLES)
    names = [str(name) for (name,) in tables if name not in SECRET_ROWS]
    asked = "SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {} t"
    return {name: execute(url, asked.format(name))[0][0] for name in names}


@pytest.fixture
async def traded(database_url: str) -> str:
    """The owner's URL of books with a trade, a held position, and a token of the broker."""
    database = await open_database(as_application(database_url))
    await database.accounts.pin(ACCOUNT, Environment.SIMULATED, FINGERPRINT)
    books = Books(database)
    await books.traded()
    await books.held(WorkerId("worker-2"), Symbol("000660"))
    await database.aclose()
    execute(database_url, f"INSERT INTO broker_tokens VALUES ('app', '{TOKEN}', false, now(), now())")
    return database_url


@pytest.fixture
def empty_url(postgres_server: str) -> Iterator[str]:
    """The owner's URL of a database without tables."""
    name = f"restored_{uuid.uuid4().hex}"
    execute(postgres_server, f"CREATE DATABASE {name}")
    yield named(postgres_server, name)
    execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def use(nothing_configured: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Use:
    """Configure a database by its owner's URL, as the application and its owner."""

    def configure(url: str, **others: str) -> Settings:
        urls = {"DATABASE_URL": as_application(url), "HARU_DATABASE_MIGRATION_URL": url}
        for name, value in {**urls, "HARU_DATA_DIR": str(tmp_path / "haru"), **others}.items():
            monkeypatch.setenv(name, value)
        return load_settings()

    return configure


@pytest.mark.parametrize("encrypted", [False, True])
async def test_restored_books_equal_the_books_at_the_instant_of_the_backup(
    use: Use, traded: str, empty_url: str, tmp_path: Path, encrypted: bool
) -> None:
    keys = {"HARU_PAYLOADS__KEYS": new_key()} if encrypted else {}
    before = books_in(traded)

    done = await back_up(use(traded, **keys), tmp_path, NOW)
    execute(traded, "DELETE FROM risk_state")
    restored = await restore(use(empty_url, **keys), done.file, NOW)

    assert books_in(empty_url) == before
    assert (restored.tables, restored.rows, restored.made_at) == (done.tables, done.rows, "2026-11-23T06:30:00+00:00")
    assert done.file.name == "haru-20261123T063000Z.backup"
    assert done.file.stat().st_mode & 0o777 == 0o600
    assert bool(done.key) == encrypted
    assert (b"haru-backup" in done.file.read_bytes().lower(), b"CREATE TABLE" in done.file.read_bytes()) == (
        True,
        not encrypted,
    )


async def test_the_application_trades_on_restored_books(use: Use, traded: str, empty_url: str, tmp_path: Path) -> None:
    done = await back_up(use(traded), tmp_path, NOW)

    await restore(use(empty_url), done.file, NOW)

    database = await open_database(as_application(empty_url))
    held = await database.positions.held_in(ACCOUNT)
    books = Books(database)
    lease = await books.locked(WorkerId("worker-3"), Symbol("035420"))
    bought = await books.accepted(books.a_buy(lease), number=900)
    await database.aclose()
    assert [(position.symbol, position.worker_id) for position in held] == [("000660", "worker-2")]
    assert bought.ref is not None


async def test_a_restored_account_waits_for_no_fleet(use: Use, traded: str, empty_url: str, tmp_path: Path) -> None:
    execute(traded, "UPDATE accounts SET fleet = 'lost', fleet_expires_at = now() + interval '1 hour'")
    done = await back_up(use(traded), tmp_path, NOW)

    await restore(use(empty_url), done.file, NOW)

    database = await open_database(as_application(empty_url))
    await database.accounts.join(ACCOUNT, "new", timedelta(minutes=1))
    await database.aclose()


async def test_no_token_of_the_broker_is_in_a_backup(use: Use, traded: str, empty_url: str, tmp_path: Path) -> None:
    done = await back_up(use(traded), tmp_path, NOW)

    await restore(use(empty_url), done.file, NOW)

    assert execute(empty_url, "SELECT * FROM broker_tokens") == []


async def test_existing_books_are_never_overwritten(use: Use, traded: str, tmp_path: Path) -> None:
    settings = use(traded)
    done = await back_up(settings, tmp_path, NOW)
    before = books_in(traded)

    with pytest.raises(OperationError, match="has tables already, and a restore never overwrites books: create an"):
        await restore(settings, done.file, NOW)

    assert books_in(traded) == before


async def test_a_data_folder_with_books_is_refused_before_anything_is_changed(
    use: Use, traded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = await back_up(use(traded), tmp_path, NOW)
    for name in ("DATABASE_URL", "HARU_DATABASE_MIGRATION_URL"):
        monkeypatch.delenv(name)
    (tmp_path / "haru" / "postgres").mkdir(parents=True)

    with pytest.raises(CorruptFolderError, match=r"there are books in .*/haru already.*mv .*/postgres "):
        await restore(load_settings(), done.file, NOW)

    assert not (tmp_path / "haru" / "postgres-password").exists()


async def test_a_damaged_backup_changes_nothing(use: Use, traded: str, empty_url: str, tmp_path: Path) -> None:
    done = await back_up(use(traded), tmp_path, NOW)
    content = done.file.read_bytes()
    settings = use(empty_url)

    for name, wrong in (("short", content[:-100]), ("edited", content[:5000] + b"!!" + content[5002:])):
        (tmp_path / name).write_bytes(wrong)
        with pytest.raises(BackupFileError, match=f"{tmp_path / name} (is truncated|was changed or damaged)"):
            await restore(settings, tmp_path / name, NOW)

    assert tables_in(empty_url) == 0


async def test_a_backup_of_newer_code_is_refused(use: Use, traded: str, empty_url: str, tmp_path: Path) -> None:
    execute(traded, "INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('x', '9999_tomorrow')")
    done = await back_up(use(traded), tmp_path, NOW)

    with pytest.raises(DatabaseTooNewError, match="9999_tomorrow"):
        await restore(use(empty_url), done.file, NOW)

    assert tables_in(empty_url) == 0


async def test_a_restore_that_fails_half_way_leaves_nothing_and_starts_again(
    use: Use, traded: str, empty_url: str, tmp_path: Path
) -> None:
    done = await back_up(use(traded), tmp_path, NOW)
    settings = use(empty_url)
    execute(empty_url, HANG.format(what="RAISE EXCEPTION 'planted';"))

    with pytest.raises(PartFailedError, match=r"pg_restore failed, and nothing was changed: .*planted"):
        await restore(settings, done.file, NOW)

    assert tables_in(empty_url) == 0
    execute(empty_url, HEAL)
    await restore(settings, done.file, NOW)
    assert books_in(empty_url) == books_in(traded)


@pytest.mark.slow
async def test_a_restore_that_is_killed_leaves_nothing_and_starts_again(
    use: Use, traded: str, empty_url: str, tmp_path: Path
) -> None:
    done = await back_up(use(traded), tmp_path, NOW)
    settings = use(empty_url)
    execute(empty_url, HANG.format(what="PERFORM pg_sleep(3600);"))
    asleep = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"

    with starter("restore", str(done.file)) as process:
        assert eventually(lambda: execute(empty_url, asleep) != [])
        process.send_signal(signal.SIGKILL)
    execute(empty_url, f"SELECT pg_terminate_backend(pid) FROM ({asleep}) AS sleeping")

    assert eventually(lambda: execute(empty_url, asleep) == [])
    assert tables_in(empty_url) == 0
    execute(empty_url, HEAL)
    await restore(settings, done.file, NOW)
    assert books_in(empty_url) == books_in(traded)


@pytest.mark.slow
async def test_a_backup_that_is_killed_leaves_no_half_file(use: Use, traded: str, tmp_path: Path) -> None:
    settings, folder = use(traded), tmp_path / "backups"
    folder.mkdir()
    draft = folder / ".haru-backup.new"

    # pg_dump waits for the lock, after the beginning of the file has been written.
    with psycopg.connect(traded) as holder, starter("backup", str(folder)) as process:
        holder.execute("LOCK TABLE broker_tokens")
        assert eventually(lambda: draft.exists() and draft.stat().st_size > 0)
        process.send_signal(signal.SIGKILL)

    assert [path.name for path in folder.iterdir()] == [draft.name]
    done = await back_up(settings, folder, NOW)
    assert list(folder.iterdir()) == [done.file]


async def test_two_backups_into_one_folder_do_not_disturb_each_other(use: Use, traded: str, tmp_path: Path) -> None:
    settings = use(traded)

    both = await asyncio.gather(
        *(back_up(settings, tmp_path / name, NOW) for name in ("one", "two")), return_exceptions=True
    )

    assert sorted(type(each).__name__ for each in both) == ["BackedUp", "OperationError"]
    assert any("another backup is being written to" in str(each) for each in both)


async def test_a_full_disk_leaves_no_file_and_is_named(use: Use, traded: str, tmp_path: Path) -> None:
    settings = use(traded)
    with small_disk(tmp_path / "disk", 1) as disk:
        disk.leaves(0)

        with pytest.raises(DiskFullError, match=r"no backup was written to .*/disk: No space left.*FOLDER on"):
            await back_up(settings, disk.folder, NOW)

        assert [path.name for path in disk.folder.iterdir() if path.suffix in {".backup", ".new"}] == []


async def test_a_backup_leaves_the_room_that_trading_needs(
    use: Use, traded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = use(traded)
    monkeypatch.setattr("runtime.backup.LEAST_TO_START", 2**62)

    with pytest.raises(DiskFullError, match="and trading needs them: no backup was written; name a FOLDER on another"):
        await back_up(settings, None, NOW)

    assert list((tmp_path / "haru" / "backups").iterdir()) == []


async def test_an_existing_file_is_not_overwritten(use: Use, traded: str, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")

    with pytest.raises(OperationError, match=r"mine exists already; name another FILE"):
        await back_up(use(traded), tmp_path / "mine", NOW)


async def test_the_application_s_role_alone_names_the_setting_of_the_owner(
    use: Use, traded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(traded)
    monkeypatch.delenv("HARU_DATABASE_MIGRATION_URL")

    with pytest.raises(PartFailedError, match="HARU_DATABASE_MIGRATION_URL"):
        await back_up(load_settings(), tmp_path, NOW)


def test_an_unfinished_restore_is_not_taken_for_empty_books(tmp_path: Path) -> None:
    (tmp_path / RESTORING).mkdir()

    with pytest.raises(CorruptFolderError, match=r"a restore into .* did not finish: run `python starter\.py rest"):
        asyncio.run(prepared_cluster(Launcher(tmp_path)))

    assert not (tmp_path / "postgres").exists()


def test_the_verbs_answer_in_json(use: Use, traded: str, empty_url: str, tmp_path: Path, run: Run) -> None:
    use(traded)
    written = json.loads(run("backup", str(tmp_path), "--json").stdout)
    use(empty_url)
    restored = json.loads(run("restore", written["file"], "--json").stdout)

    assert written.keys() == {"file", "bytes", "tables", "rows", "key"}
    assert (restored["rows"], restored["kept"]) == (written["rows"], [])


@contextmanager
def starter(*words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run ``starter.py`` in the configured environment until the block ends."""
    process = subprocess.Popen([sys.executable, str(ROOT / "starter.py"), *words], env=os.environ)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
