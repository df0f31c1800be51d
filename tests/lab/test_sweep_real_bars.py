"""On real bars the compiled kernel trades as the pure functions and as plain Python do."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from history.importing import gather
from history.merging import Merger
from history.provenance import Source
from history.rows import Dates
from history.store import BarStore
from lab.recording import RecordedSession, read_session
from lab.sweep.compiled import REASONS, Exits
from lab.sweep.kernel import play_variant
from lab.trials import TrialDay
from tests.lab.recorded_days import CALENDAR
from tests.lab.sweep_sessions import CAPITAL, RULES, a_scene, alone, by_code, trials
from tests.lab.test_sweep_compiled import RULES as ALL_EXITS
from tests.lab.test_sweep_compiled import plainly

__all__ = ["by_code"]
ROOT = Path(__file__).parents[2]
FOLDERS = (Path(os.environ.get("KRX_MINUTES", "")), ROOT.parent / "shared" / "krx-minutes")
FOLDER = next((folder for folder in FOLDERS if (folder / "daily.parquet").is_file()), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(FOLDER is None, reason="krx-minutes is not here: real bars of KRX that may not be copied"),
]
EVERY = 7
"""The sessions of the month that are played: the first of so many."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[RecordedSession]:
    assert FOLDER is not None
    now = datetime(2026, 1, 1, tzinfo=UTC)
    store = BarStore(tmp_path_factory.mktemp("real") / "bars")
    gathered = gather([FOLDER / "2025-11.parquet", FOLDER / "daily.parquet"], {}, Dates(CALENDAR))
    with store.writing():
        Merger(store, Source("real", str(FOLDER), now, {})).merge(gathered)
    sessions = [CALENDAR.session_on(day) for day in store.sessions()[::EVERY]]
    return [read_session(store, each) for each in sessions if each is not None]


def test_signals_alone_are_the_same_by_rule_and_by_code(
    recorded: list[RecordedSession], request: pytest.FixtureRequest
) -> None:
    by_rule = [day for each in recorded for day in alone(each).days(trials())]
    request.getfixturevalue("by_code")
    asked = [day for each in recorded for day in alone(each).days(trials())]

    assert list(map(_without_kernel, by_rule)) == list(map(_without_kernel, asked))
    assert sum(day.trades for day in by_rule) > 200


def test_a_fleet_with_compiled_entries_trades_as_without(recorded: list[RecordedSession]) -> None:
    compiled = [play_variant(a_scene(each, compiled=True), RULES, 1, CAPITAL) for each in recorded]

    assert compiled == [play_variant(a_scene(each), RULES, 1, CAPITAL) for each in recorded]
    assert sum(len(each.trades) for each in compiled) > 10


def test_every_exit_equals_plain_python(recorded: list[RecordedSession]) -> None:
    exits, some = Exits(ALL_EXITS), range(0, len(ALL_EXITS), 5)
    checked = 0
    for each in recorded:
        session, varied = alone(each), trials()
        firsts, _ = session.first_signals(varied)
        for row, minute in enumerate(firsts[0].tolist()):
            bought = session.purchase(row, minute, varied.sizings[0]) if minute >= 0 else None
            if bought is None:
                continue
            sold = exits.sold(bought)
            for place in some:
                end = sold.of[place]
                found = (int(sold.minutes[end]), int(sold.prices[end]), REASONS[int(sold.reasons[end])])
                assert found == plainly(bought, ALL_EXITS[place])
                checked += 1
    assert checked > 1_000


def _without_kernel(day: TrialDay) -> TrialDay:
    return day._replace(kernel="")
