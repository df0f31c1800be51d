"""The recording on disk: what a host noted, whatever the disk does, and for as many days as the setting says."""

import json
import shutil
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from activities.support.recorder import DayRecorder, Note
from domain.market import Symbol
from lab.parity.seen import read_day
from runtime.recording import RecordingWriter, recording, remove_before

SAMSUNG = Symbol("005930")
DAY = date(2026, 11, 30)
NOW = datetime(2026, 11, 30, 7, tzinfo=UTC)


def a_bar(minute: int, price: int = 70_000) -> Note:
    return Note(DAY, "bar", {"bar": ["005930", minute, price, price, price, price, 10]})


def a_writer(folder: Path, recorder: DayRecorder) -> RecordingWriter:
    return RecordingWriter(recorder, folder, 30, lambda: NOW)


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    writer = a_writer(tmp_path, DayRecorder())
    writer.write([a_bar(540), a_bar(541)])
    writer.write([a_bar(542)])

    seen = read_day(tmp_path, DAY)
    assert seen is not None
    assert sorted(seen.bars[SAMSUNG]) == [540, 541, 542]
    assert next((tmp_path / f"{DAY}").iterdir()).stat().st_mode & 0o077 == 0


def test_a_torn_end_costs_only_itself(tmp_path: Path) -> None:
    writer = a_writer(tmp_path, DayRecorder())
    writer.write([a_bar(540)])
    writer.write([a_bar(541)])
    file = next((tmp_path / f"{DAY}").iterdir())
    file.write_bytes(file.read_bytes()[:-9])

    seen = read_day(tmp_path, DAY)
    assert seen is not None
    assert 540 in seen.bars[SAMSUNG]
    assert seen.problems


def test_a_host_that_did_not_end_in_order_has_a_stretch_that_it_never_wrote(tmp_path: Path) -> None:
    recorder = DayRecorder(speed=60)
    writer = a_writer(tmp_path, recorder)
    writer.write([a_bar(540)])
    seen = read_day(tmp_path, DAY)
    assert seen is not None
    assert seen.unwritten == [(NOW, NOW + timedelta(hours=1))]

    writer.write([], is_last=True)
    seen = read_day(tmp_path, DAY)
    assert seen is not None
    assert (seen.unwritten, list(seen.bars[SAMSUNG])) == ([], [540])


def test_a_full_disk_stops_only_the_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = a_writer(tmp_path, DayRecorder())
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    writer.write([a_bar(540), a_bar(541)])
    assert writer.lost == 2

    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**12))
    writer.write([a_bar(542)])
    seen = read_day(tmp_path, DAY)
    assert seen is not None
    assert list(seen.bars[SAMSUNG]) == [542]
    assert seen.missing == 2


def test_a_folder_that_cannot_be_written_stops_only_the_recording(tmp_path: Path) -> None:
    (tmp_path / "recordings").write_text("a file in its place")
    writer = a_writer(tmp_path / "recordings", DayRecorder())
    writer.write([a_bar(540)])

    assert writer.lost == 1


def test_old_days_are_removed(tmp_path: Path) -> None:
    for name in ("2026-10-01", "2026-11-29", "notes"):
        (tmp_path / name).mkdir()
    remove_before(tmp_path, date(2026, 10, 31))

    assert sorted(each.name for each in tmp_path.iterdir()) == ["2026-11-29", "notes"]


def test_the_end_of_the_program_writes_what_waits(tmp_path: Path) -> None:
    with recording(tmp_path, 30, lambda: NOW) as recorder:
        assert recorder is not None
        recorder._put(a_bar(540))
    assert read_day(tmp_path / "recordings", DAY) is not None


def test_the_first_note_is_on_disk_long_before_the_second_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of a host that is killed early shows what it did not write."""
    monkeypatch.setattr("runtime.recording._FIRST_WITHIN", 0.01)
    recorder = DayRecorder()
    writer = RecordingWriter(recorder, tmp_path, 30, lambda: NOW, every=3_600)
    writer.start()
    recorder._put(a_bar(540))
    while (seen := read_day(tmp_path, DAY)) is None or not seen.begun:
        time.sleep(0.01)
    assert seen.unwritten == [(NOW, NOW + timedelta(hours=1))]
    assert seen.begun == [NOW]
    writer.stop()


def test_compression_keeps_a_day_small(tmp_path: Path) -> None:
    recorder = DayRecorder(room=100_000)
    for minute in range(390):
        for stock in range(20):
            row = [f"{stock:06}", 540 + minute, 70_000, 70_100, 69_900, 70_000 + minute, 1_000 + minute * stock]
            recorder._put(Note(DAY, "bar", {"bar": row, "ticks": [1_000, 70_000, 9_000, 100, 20_000, -200]}))
    notes = recorder.take()
    a_writer(tmp_path, recorder).write(notes)

    plain = sum(len(json.dumps(dict(note.values))) for note in notes)
    on_disk = sum(file.stat().st_size for file in tmp_path.rglob("*.gz"))
    assert on_disk < plain / 5
    found = read_day(tmp_path, DAY)
    assert found is not None
    assert sum(len(ticks) for of_stock in found.ticks.values() for ticks in of_stock.values()) == 3 * 390 * 20


def test_zero_days_record_nothing(tmp_path: Path) -> None:
    with recording(tmp_path, 0, lambda: NOW) as recorder:
        assert recorder is None
    assert not list(tmp_path.iterdir())
