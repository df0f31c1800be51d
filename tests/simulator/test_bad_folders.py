"""A folder of bars that cannot be played is refused with file and line; what is left out of one is counted."""

from pathlib import Path
from typing import Final

import pytest

from domain.market import Symbol
from simulator.__main__ import main
from simulator.bar_folder import read_bars
from simulator.recorded import BarsError
from tests.simulator.market_day import CALENDAR

HEADER: Final = "symbol,date,time,open,high,low,close,volume"
GOOD: Final = tuple(f"005930,2026-11-23,09:{minute:02},70000,70100,69900,70000,{100 + minute}" for minute in range(5))
LINE: Final = "a.csv, line 7: "


def a_folder(folder: Path, *rows: str, header: str = HEADER) -> Path:
    (folder / "a.csv").write_text("".join(f"{line}\n" for line in (header, *rows) if line))
    return folder


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("005930,2026-11-23,09:3", LINE + "3 values where the header has 8"),
        ("005930,2026-12-25,09:10,70000,70100,69900,70000,5", LINE + "the exchange is closed on 2026-12-25"),
        ("005930,2026-11-22,09:10,70000,70100,69900,70000,5", LINE + "the exchange is closed on 2026-11-22"),
        ("005930,2026-11-23,09:00,70000,70200,69900,70100,5", LINE + "a second bar of 005930 for 2026-11-23 09:00"),
        ("005930,2026-11-23,09:10,70000,70100,69900,70000,-5", LINE + "volume is '-5'"),
        ("005930,2026-11-23,09:10,70000,69000,71000,70000,5", LINE + "open 70000 and close 70000 must lie between"),
        ("005930,2026-11-23,09:10,70000,70100,69900,75000,5", LINE + "open 70000 and close 75000 must lie between"),
        ("005930,2026-11-23,09:10,abc,70100,69900,70000,5", LINE + "open is 'abc'"),
    ],
    ids=["half", "holiday", "sunday", "duplicate", "negative", "high-below-low", "close-outside", "text"],
)
def test_a_bad_row_is_refused_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: str, says: str
) -> None:
    a_folder(tmp_path, *GOOD, row)

    assert main(["--bars", str(tmp_path), "--only-bars"]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("", "a.csv: is no table: its first line has 0 columns"),
        (HEADER, "a.csv: it holds no rows"),
        ("foo,bar", "a.csv: is no table: its first line has 2 columns"),
        ("date,time,open,high,low,close,volume", "a.csv: no column and no file name says the stock"),
    ],
    ids=["empty", "header only", "other columns", "no stock"],
)
def test_a_file_that_is_no_table_of_bars_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], header: str, says: str
) -> None:
    rows = ("2026-11-23,09:00,1,1,1,1,1",) if header.startswith("date") else ()
    a_folder(tmp_path, *rows, header=header)

    assert main(["--bars", str(tmp_path)]) == 2
    assert says in capsys.readouterr().err


def test_a_folder_without_files_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BarsError, match="holds no bars; name a file that ends in"):
        read_bars(tmp_path, CALENDAR)
    with pytest.raises(BarsError, match="missing does not exist"):
        read_bars(tmp_path / "missing", CALENDAR)


def test_rows_in_any_order_and_codes_with_letters_are_played_and_missing_minutes_stay_missing(tmp_path: Path) -> None:
    rows = [row.replace("005930", "0126Z0") for row in GOOD]
    a_folder(tmp_path, *reversed(rows[:2] + rows[3:]))

    recording = read_bars(tmp_path, CALENDAR, only=True)

    (day,) = recording.days[Symbol("0126Z0")].values()
    assert sorted(day.minutes) == [0, 1, 3, 4]
    assert day.whole(5)[2].volume == 0


def test_rows_that_are_left_out_are_counted_and_named(tmp_path: Path) -> None:
    a_folder(
        tmp_path,
        *(*GOOD, GOOD[0]),
        "005930,2026-11-23,09:20,0,0,0,0,5",
        "005930,2026-11-23,20:20,70000,70100,69900,70000,5",
    )

    report = read_bars(tmp_path, CALENDAR, only=True).report()

    assert {"1 rows repeated left out", "1 rows without prices left out"} <= set(report)
    assert "1 rows outside the regular session left out" in report
