"""Free space on the disks of the data folder, and space that can be freed there: ballast and logs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.duties.data_disk import DataDisk
from tests.support.small_disk import MEGABYTE, SmallDisk, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 32) as mounted:
        yield mounted


def test_the_fullest_disk_counts(tmp_path: Path, disk: SmallDisk) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "pg_wal").symlink_to(disk.folder)

    assert DataDisk(tmp_path, ("postgres", "postgres/pg_wal")).free() == 32 * MEGABYTE
    assert DataDisk(tmp_path, ("not-made-yet",)).free() > 32 * MEGABYTE


def test_a_ballast_takes_room_that_comes_back_when_it_is_given_up(disk: SmallDisk) -> None:
    data = DataDisk(disk.folder, ballast=8 * MEGABYTE)
    before = data.free()

    data.keep_ballast()
    assert data.has_ballast()
    assert data.free() == before - 8 * MEGABYTE

    disk.leaves(0)
    assert data.give_up_ballast() == 8 * MEGABYTE
    assert data.free() == 8 * MEGABYTE
    assert not data.has_ballast()
    assert data.give_up_ballast() == 0


def test_a_ballast_that_does_not_fit_leaves_nothing_behind(disk: SmallDisk) -> None:
    data = DataDisk(disk.folder, ballast=64 * MEGABYTE)

    data.keep_ballast()

    assert not data.has_ballast()
    assert data.free() == 32 * MEGABYTE


def test_old_and_long_logs_are_given_up_and_what_is_appended_later_is_kept(disk: SmallDisk) -> None:
    logs = disk.folder / "logs"
    logs.mkdir()
    (logs / "temporal.log").write_text("short")
    (logs / "temporal.log.1").write_bytes(b"x" * MEGABYTE)
    with (logs / "postgresql.log").open("ab", buffering=0) as program:
        program.write(b"x" * 6 * MEGABYTE)

        assert DataDisk(disk.folder).give_up_logs() == 7 * MEGABYTE
        program.write(b"next")

    assert sorted(log.name for log in logs.iterdir()) == ["postgresql.log", "temporal.log"]
    assert (logs / "postgresql.log").read_text() == "next"
    assert (logs / "temporal.log").read_text() == "short"
