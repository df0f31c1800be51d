"""``starter.py report`` for an operator: with the database alone, and with clear errors."""

import asyncio
import json
import webbrowser
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from database.database import open_database
from domain.identity import Environment
from runtime.embedded.books import database_alone
from runtime.embedded.endpoints import Endpoints, write_endpoints
from runtime.embedded.errors import EmbeddedError
from runtime.embedded.folder import hold_folder
from runtime.embedded.ports import free_port
from runtime.embedded.process import Launcher
from runtime.settings import load_settings
from tests.runtime.embedded.processes import eventually, processes_of
from tests.support.bare_postgres import start_postgres
from tests.support.builders import ACCOUNT, MONDAY, WORKER
from tests.support.command_line import Run

pytestmark = pytest.mark.usefixtures("nothing_configured")


@pytest.fixture
def run(run: Run) -> Run:
    """Run the command line's report."""
    return partial(run, "report")


@pytest.fixture(scope="module")
def books_url(postgres_server: str, migrated_template: str) -> str:
    """URL of the books of an account that has scanned on a Monday and traded nothing; the tests here only read them."""
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE reported TEMPLATE {migrated_template}".encode())
    url = urlunsplit(urlsplit(postgres_server)._replace(path="/reported"))

    async def prepare() -> None:
        database = await open_database(url)
        await database.accounts.pin(ACCOUNT, Environment.SIMULATED, "3f9a1c")
        await database.events.add_scan(ACCOUNT, MONDAY, WORKER, 48, {"no_signal": 48})
        await database.aclose()

    asyncio.run(prepare())
    return url


@pytest.fixture
def books(books_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure the books."""
    monkeypatch.setenv("DATABASE_URL", books_url)


def test_the_latest_session_is_written_with_the_database_alone(run: Run, books: None, tmp_path: Path) -> None:
    done = run()

    assert done.returncode == 0, done.stderr
    written = tmp_path / ".haru" / "reports" / "report-2026-11-23.html"
    assert f"Report: {written}" in done.stdout
    assert "Not verified" in written.read_text()
    assert json.loads(written.with_suffix(".json").read_text())["session_date"] == "2026-11-23"


def test_folder_language_and_json_are_as_asked(run: Run, books: None, tmp_path: Path) -> None:
    done = run("2026-11-23", "--lang", "ko", "--out", "elsewhere", "--json", "--capital", "5,000,000")

    assert done.returncode == 0, done.stderr
    written = json.loads(done.stdout)
    assert written == {
        "html": "elsewhere/report-2026-11-23.ko.html",
        "json": "elsewhere/report-2026-11-23.json",
    }
    assert 'lang="ko"' in (tmp_path / written["html"]).read_text()
    assert json.loads((tmp_path / written["json"]).read_text())["capital"] == {"won": 5_000_000, "given": True}


def test_the_language_can_be_configured(run: Run, books: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_REPORT__LANGUAGE", "ko")

    assert "report-2026-11-23.ko.html" in run().stdout


def test_a_stretch_is_one_page(run: Run, books: None, tmp_path: Path) -> None:
    done = run("--from", "2026-11-01", "--to", "2026-12-01")

    assert done.returncode == 0, done.stderr
    values = json.loads((tmp_path / ".haru/reports/report-2026-11-23--2026-11-23.json").read_text())
    assert [day["name"] for day in values["days"]] == ["2026-11-23"]


def test_the_index_of_a_folder_with_backtests_needs_no_books(run: Run, tmp_path: Path) -> None:
    assert "there are no books" in run("--index").stderr
    (tmp_path / ".haru" / "backtests").mkdir(parents=True)

    done = run("--index")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".haru" / "reports" / "index.html").exists()


def test_the_index_lists_every_session_and_links_the_written_ones(run: Run, books: None, tmp_path: Path) -> None:
    assert run("--index").returncode == 0
    index = tmp_path / ".haru" / "reports" / "index.html"
    assert "no page yet: `report 2026-11-23`" in index.read_text()

    done = run()

    assert f"All reports: {index}" in done.stdout
    assert 'href="report-2026-11-23.html"' in index.read_text()
    assert 'href="index.html"' in (index.parent / "report-2026-11-23.html").read_text()


def test_a_damaged_store_of_bars_costs_the_charts_and_not_the_report(run: Run, books: None, tmp_path: Path) -> None:
    damaged = tmp_path / ".haru" / "bars" / "daily" / "2026.parquet"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"no parquet")

    done = run("--lang", "ko")

    assert done.returncode == 0, done.stderr
    assert "저장된 봉을 읽을 수 없어" in (tmp_path / ".haru/reports/report-2026-11-23.ko.html").read_text()


def test_it_is_shown_in_a_browser_when_asked(run: Run, books: None, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def show(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", show)

    assert run("--open").returncode == 0
    assert opened[0].startswith("file:///")
    assert opened[0].endswith("report-2026-11-23.html")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["2026-11-22"], "2026-11-22 has no session: the exchange is closed"),
        (["--from", "2026-11-24", "--to", "2026-11-23"], "--from 2026-11-24 is after --to 2026-11-23: swap them"),
        (["2026-11-23", "--from", "2026-11-20"], "say either 2026-11-23 or --from and --to"),
        (["--from", "2026-01-01", "--to", "2026-01-31"], "know of no session from 2026-01-01 to 2026-01-31"),
        (["2026-11-24"], "no session on 2026-11-24; the first they know is 2026-11-23, the last 2026-11-23"),
        (["--out", "/proc/nowhere"], "/proc/nowhere cannot be written to"),
    ],
)
def test_a_report_that_is_impossible_fails_with_its_fix(run: Run, books: None, words: list[str], message: str) -> None:
    done = run(*words)

    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_browser_that_is_missing_is_reported_and_the_page_stands(
    run: Run, books: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)

    done = run("--open")

    assert done.returncode == 0
    assert "open the page yourself" in done.stderr


@pytest.mark.parametrize("words", [["yesterday"], ["2026-02-30"], ["--lang", "jp"], ["--capital", "-5"]])
def test_wrong_usage_exits_with_2(run: Run, words: list[str]) -> None:
    done = run(*words)

    assert done.returncode == 2
    assert done.stderr.startswith("usage: starter.py report")


def test_without_books_the_fix_is_reported(run: Run) -> None:
    done = run()

    assert done.returncode == 1
    assert f"there are no books in {Path('.haru').absolute()}" in done.stderr


def test_a_database_without_any_trading_is_reported(
    run: Run, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    done = run()

    assert done.returncode == 1
    assert "no worker has traded with this database yet" in done.stderr


def test_a_database_that_is_away_is_reported(run: Run, unused_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://unused@127.0.0.1:{unused_port}/haru")

    done = run()

    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A data folder without a running process."""
    for part in (tmp_path, *tmp_path.parents[:3]):
        part.chmod(part.stat().st_mode | 0o011)
    (tmp_path / ".haru").mkdir()
    return tmp_path / ".haru"


@pytest.mark.slow
async def test_a_stopped_folders_database_runs_for_as_long_as_it_is_needed(stopped: Path) -> None:

    launcher = Launcher(stopped)
    await start_postgres(launcher, free_port())
    await launcher.stack.aclose()

    async with database_alone(load_settings()) as found:
        assert found.started_here
        database = await open_database(found.url, any_level=True)
        await database.aclose()
        with pytest.raises(EmbeddedError, match="runs no database yet"):
            async with database_alone(load_settings()):
                pass

    assert eventually(lambda: processes_of(stopped) == [])


async def test_the_holder_of_the_folder_is_asked_for_its_database(stopped: Path) -> None:

    (stopped / "postgres").mkdir()
    hold = await hold_folder(stopped)
    try:
        write_endpoints(stopped, Endpoints(database_url="postgresql://haru@127.0.0.1:1/haru"))
        async with database_alone(load_settings()) as found:
            assert (found.url, found.started_here) == ("postgresql://haru@127.0.0.1:1/haru", False)
    finally:
        hold.release()
