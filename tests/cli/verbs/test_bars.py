"""``starter.py bars``: import, list and check for an operator, without a fleet and without a database."""

import asyncio
import json
import os
import sys
from functools import partial
from pathlib import Path

import pytest

from cli.verbs import bars_terminal
from history.store import BarStore
from tests.support.command_line import Run

pytestmark = pytest.mark.usefixtures("nothing_configured")
HEAD = "date,time,symbol,open,high,low,close,volume"
GOOD = "20261123,0900,005930,70000,70500,69900,70300,60000"


@pytest.fixture
def run(run: Run) -> Run:
    return partial(run, "bars")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "good.csv").write_text(f"{HEAD}\n{GOOD}\n")
    return folder


def test_an_import_shows_how_it_understood_each_file_and_what_is_next(run: Run, folder: Path) -> None:
    (folder / "odd.csv").write_text(f"{HEAD}\n20261123,0901,5930,1,1,1,1,x\n{GOOD.replace('0900', '0902')}\n")

    done = run("import", str(folder))

    assert done.returncode == 0, done.stderr
    assert "2 files: CSV, utf-8, comma; minute bars named by the minute's start; date, time, symbol" in done.stdout
    assert f"  read    {folder}/good.csv: 1 of 1 rows" in done.stdout
    assert f"  partly  {folder}/odd.csv: 1 of 2 rows" in done.stdout
    assert f"{folder}/odd.csv, line 2: volume is 'x'; write a whole number" in done.stdout
    assert "Stock-days of minutes: 1 new, 0 stored already, 0 longer, 0 differ" in done.stdout
    assert done.stderr == ""


def test_the_same_import_again_and_a_dry_run_write_nothing(run: Run, folder: Path, tmp_path: Path) -> None:
    dry = run("import", str(folder), "--dry-run")
    assert "Dry run: nothing was written." in dry.stdout
    assert not (tmp_path / ".haru").exists()
    run("import", str(folder))

    again = run("import", str(folder))

    assert again.returncode == 0
    assert "0 new, 1 stored already" in again.stdout
    assert "Nothing was written." in again.stdout


def test_changed_bars_are_held_back_until_replace(run: Run, folder: Path) -> None:
    run("import", str(folder))
    (folder / "good.csv").write_text(f"{HEAD}\n{GOOD}1\n")

    held, replaced = run("import", str(folder)), run("import", str(folder), "--replace")

    assert held.returncode == 1
    assert "1 differ from stored bars and were left as they are; --replace overwrites them" in held.stdout
    assert (replaced.returncode, "1 differ" in replaced.stdout) == (0, True)


@pytest.mark.parametrize(("words", "code"), [((), 0), (("--strict",), 1)])
def test_refused_rows_fail_a_strict_import_only(run: Run, folder: Path, words: tuple[str, ...], code: int) -> None:
    (folder / "bad.csv").write_text("no table")

    assert run("import", str(folder), *words).returncode == code


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("no/such/folder",), "no/such/folder does not exist; correct the path"),
        (("theirs", "--map", "x"), "--map x: write COLUMN=FIELD, with a field of symbol, date"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(run: Run, folder: Path, words: tuple[str, ...], says: str) -> None:
    done = run("import", *words)

    assert done.returncode == 1
    assert says in done.stderr


def test_an_import_of_nothing_fails(run: Run, folder: Path) -> None:
    (folder / "good.csv").write_text(f"{HEAD}\n{GOOD.replace('1123', '1122')}\n")

    assert run("import", str(folder)).returncode == 1


def test_a_mapping_names_a_column_and_every_answer_is_json_when_asked(run: Run, folder: Path) -> None:
    (folder / "good.csv").write_text(f"{HEAD.replace('volume', 'pieces')}\n{GOOD}\n")

    taken = json.loads(run("import", str(folder), "--map", "pieces=volume", "--json").stdout)
    listed = json.loads(run("list", "--json").stdout)
    checked = json.loads(run("check", "--json").stdout)

    assert (taken["minutes"]["new"], taken["files"][0]["verdict"], taken["written"]) == (1, "read", True)
    assert taken["files"][0]["columns"]["volume"] == "pieces"
    source = listed["sources"][0]
    assert (listed["sessions"][0]["name"], listed["sessions"][0]["rows"]) == ("2026-11-23", 1)
    assert listed["sessions"][0]["sources"] == [source["id"]]
    assert (source["origin"], source["mapping"]["columns"][0]["volume"]) == (str(folder), "pieces")
    assert checked["counts"] == {"gaps": 1, "no_close": 1, "no_base": 1}
    assert checked["findings"][0]["session"] == "2026-11-23"


def test_list_and_check_are_text_for_people(run: Run, folder: Path) -> None:
    run("import", str(folder))

    listed, checked = run("list"), run("check")

    assert "2026-11-23       1 symbols           1 rows  import-" in listed.stdout
    assert "1 sessions, 1 minute bars; 0 daily bars" in listed.stdout
    assert "1 stock-days that lack more than a tenth of their minutes" in checked.stdout
    assert "  2026-11-23 005930: 379 of 380 minutes are missing" in checked.stdout


def test_a_file_of_daily_bars_is_called_daily(run: Run, folder: Path) -> None:
    (folder / "good.csv").write_text(
        "symbol,date,open,high,low,close,volume\n005930,20261123,70000,70500,69900,70300,900\n"
    )
    run("import", str(folder))

    assert "2026 daily       1 symbols           1 rows  import-" in run("list").stdout


def test_a_check_of_nothing_says_how_to_import(run: Run) -> None:
    done = run("check")

    assert done.returncode == 1
    assert "has no bars; import some with `python starter.py bars import FOLDER`" in done.stderr


def test_another_writer_is_named(run: Run, folder: Path, tmp_path: Path) -> None:
    with BarStore(tmp_path / "bars").writing():
        done = run("import", str(folder), "--store", str(tmp_path / "bars"))

    assert done.returncode == 1
    assert f"another process writes into {tmp_path}/bars; wait until it has ended" in done.stderr


def test_without_duckdb_the_command_names_the_package(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)

    done = run("import", str(folder))

    assert done.returncode == 1
    assert "pip install duckdb (the extra `history`)" in done.stderr


async def test_an_interrupted_import_ends_at_its_next_step() -> None:
    started, steps = asyncio.Event(), []
    loop = asyncio.get_running_loop()

    def work(ticking: bars_terminal.Ticking) -> None:
        tick = ticking("Working", 0)
        while True:
            tick()
            steps.append(1)
            loop.call_soon_threadsafe(started.set)

    working = asyncio.create_task(bars_terminal.in_thread(work))
    await started.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    await loop.shutdown_default_executor()

    assert steps


def test_a_failed_write_leaves_no_draft(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = run("import", str(folder))
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert [path.name for path in (tmp_path / ".haru" / "bars" / "minute").iterdir()] == []
