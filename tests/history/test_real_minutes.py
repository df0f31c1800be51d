"""Real minute bars, kept outside the repository: nearly all stock-days play, and each refusal has a reason."""

import os
from pathlib import Path

import pytest

from exchange.calendar import krx_calendar
from history.importing import gather
from history.rows import Dates
from lab.exchange import calendar_there
from simulator.bar_folder import recording_of_files

ROOT = Path(__file__).parents[2]
FOLDERS = (Path(os.environ.get("KRX_MINUTES", "")), ROOT.parent / "shared" / "krx-minutes")
FOLDER = next((folder for folder in FOLDERS if (folder / "daily.parquet").is_file()), None)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(FOLDER is None, reason="krx-minutes is not here: real bars of KRX that may not be copied")
def test_nearly_all_real_stock_days_play_and_the_others_have_a_reason() -> None:
    assert FOLDER is not None
    calendar = krx_calendar(2020, 2027)
    gathered = gather([FOLDER / "2025-09.parquet", FOLDER / "daily.parquet"], {}, Dates(calendar))
    offered = sum(map(len, gathered.minutes.values()))

    recording = recording_of_files(gathered, calendar_there(calendar), only=True)

    assert [verdict.verdict for verdict in gathered.verdicts] == ["read", "read"]
    played = sum(map(len, recording.days.values()))
    assert offered == played + len(recording.refused) > 600
    assert len(recording.refused) <= 2
    assert all("leave the limits" in each for each in recording.refused)
    assert any(identity.etf for identity in recording.identities.values())
    assert recording.changes["prices off the grid rounded"] > 1_000
