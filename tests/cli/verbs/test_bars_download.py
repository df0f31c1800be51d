"""``starter.py bars download`` from the real simulator over HTTP: complete days, a kill in the middle, and again."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from domain.bar import DailyBar, MinuteBar
from domain.market import Symbol
from history.store import BarStore
from tests.simulator.test_process import ROOT, running
from tests.support.command_line import Run

EPIS, SAMSUNG = Symbol("0126Z0"), Symbol("005930")
DAYS: Final = (date(2026, 11, 19), date(2026, 11, 20), date(2026, 11, 23))
"""The first is an examination day, which opens an hour later."""
SLOW: Final = {"HARU_BROKER__CALLS_PER_SECOND": "3"}


def a_day(opens: int, price: int) -> list[MinuteBar]:
    """Minutes with a gap of ten, then the closing auction."""
    minutes = [minute for minute in range(380) if not 100 <= minute < 110]
    bars = [MinuteBar(opens + minute, price, price + 100, price - 100, price + 100, 61 + minute) for minute in minutes]
    return [*bars, MinuteBar(opens + 390, price, price, price, price, 999)]


@pytest.fixture
def played(tmp_path: Path) -> BarStore:
    store = BarStore(tmp_path / "played")
    for day, opens in zip(DAYS, (600, 540, 540), strict=True):
        price = 30_000 + 1_000 * day.day
        store.write_day(day, {EPIS: a_day(opens, price), SAMSUNG: a_day(opens, price + 20_000)})
    store.write_daily({EPIS: [DailyBar(date(2026, 11, 18), 40_000, 41_000, 39_000, 40_500, 7, 280_000, 39_500)]})
    return store


@pytest.fixture
def configured(
    nothing_configured: None, played: BarStore, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    clock = ("--clock", "2026-11-24 08:00:00", "--only-bars", "--bars", str(played.folder))
    with running(*clock) as (_, url):
        monkeypatch.setenv("HARU_SIMULATOR__URL", url)
        monkeypatch.setenv("DATABASE_URL", database_url)
        yield


WORDS: Final = ("bars", "download", EPIS, SAMSUNG, "--from", "2026-11-19", "--to", "2026-11-30")


def minutes_of(store: BarStore) -> dict[date, dict[Symbol, list[MinuteBar]]]:
    return {
        day: {symbol: [bar._replace(value=None) for bar in bars] for symbol, bars in store.minutes(day).items()}
        for day in store.sessions()
    }


@pytest.mark.usefixtures("configured")
def test_what_the_market_played_is_stored_bar_by_bar(run: Run, played: BarStore, tmp_path: Path) -> None:
    done = run(*WORDS, "--json")

    store = BarStore(tmp_path / ".haru" / "bars")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert {name: report[name] for name in ("stored", "skipped", "empty", "failed")} == {
        "stored": 6,
        "skipped": 0,
        "empty": 0,
        "failed": [],
    }
    assert minutes_of(store) == minutes_of(played)
    assert store.daily(EPIS, date(2026, 11, 19), 1) == played.daily(EPIS, date(2026, 11, 19), 1)
    assert [source.origin for source in store.sources.all().values()] == ["KIS simulated"]
    again = json.loads(run(*WORDS, "--json").stdout)
    assert (again["stored"], again["skipped"], again["daily"]) == (0, 6, 0)


@pytest.mark.usefixtures("configured")
def test_a_killed_download_goes_on_where_it_stopped(run: Run, played: BarStore, tmp_path: Path) -> None:
    store = BarStore(tmp_path / ".haru" / "bars")
    program = [sys.executable, str(ROOT / "starter.py"), *WORDS]
    with subprocess.Popen(
        program,
        cwd=tmp_path,
        env={**os.environ, **SLOW, "HARU_DATA_DIR": str(tmp_path / ".haru")},
        stdout=subprocess.DEVNULL,
    ) as killed:
        while not store.sessions():
            assert killed.poll() is None
            time.sleep(0.05)
        killed.kill()
    stored = sum(map(len, minutes_of(store).values()))

    done = run(*WORDS)

    assert 0 < stored < 6
    assert done.returncode == 0, done.stderr
    assert f"{6 - stored} stock-days and" in done.stdout
    assert f"; {stored} were there already" in done.stdout
    assert minutes_of(store) == minutes_of(played)
    assert done.stderr == ""


@pytest.mark.usefixtures("configured")
def test_what_the_market_does_not_have_is_empty_and_the_rest_is_stored(run: Run) -> None:
    done = run("bars", "download", EPIS, "999990", "--from", "2026-11-23", "--to", "2026-11-23")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 stock-days and")
    assert "1 stock-days without bars at KIS" in done.stdout


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("5x", "--from", "2026-11-23"), "'5x' is no stock code"),
        (("005930", "--from", "2026-11-24"), "no complete session lies between 2026-11-24 and"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(run: Run, words: tuple[str, ...], says: str) -> None:
    done = run("bars", "download", *words)

    assert done.returncode == 1
    assert says in done.stderr


def test_without_a_market_the_command_says_what_to_start(run: Run, nothing_configured: None) -> None:
    done = partial(run, "bars", "download", SAMSUNG, "--from", "2026-11-23")()

    assert done.returncode == 1
    assert "no simulator runs in" in done.stderr
