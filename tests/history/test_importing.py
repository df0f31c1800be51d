"""Foreign files become stored bars: dialects and layouts are guessed, bad rows are named, nothing else is lost."""

import gzip
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from domain.bar import DailyBar, MinuteBar
from domain.market import Market, Symbol
from domain.session import TradingCalendar
from history.importing import Gathered, gather
from history.merging import Merged, Merger
from history.provenance import Source
from history.rows import Dates
from history.store import BarStore, Instrument, Kind
from history.tables import files_below

CALENDAR = TradingCalendar(frozenset({date(2026, 12, 25)}))
SAMSUNG = Symbol("005930")
MONDAY = date(2026, 11, 23)
FIRST = MinuteBar(540, 70_000, 70_500, 69_900, 70_300, 60_000)
PRICES = "70000,70500,69900,70300,60000"
HEAD = "date,time,symbol,open,high,low,close,volume"


def gathered_from(*files: Path, **said: str) -> Gathered:
    return gather(files, said, Dates(CALENDAR))


def a_file(folder: Path, text: str, name: str = "bars.csv", encoding: str = "utf-8") -> Path:
    file = folder / name
    file.write_bytes(text.strip().encode(encoding))
    return file


def bars_in(gathered: Gathered, symbol: Symbol = SAMSUNG, day: date = MONDAY) -> list[MinuteBar]:
    bars = gathered.minute_bars(day, symbol)
    return [bars[minute] for minute in sorted(bars)]


def merged_into(store: BarStore, *files: Path, **options: Any) -> Merged:
    return Merger(store, Source("s", "test", datetime(2026, 11, 30, tzinfo=UTC)), **options).merge(
        gathered_from(*files)
    )


@pytest.mark.parametrize(
    ("head", "row", "shown"),
    [
        (HEAD, f"20261123,0900,005930,{PRICES}", ("YYYYMMDD and HHMM", "KST")),
        (HEAD, f"2026-11-23,09:00:00,A005930,{PRICES}", ("YYYY-MM-DD and HH:MM", "KST")),
        (HEAD, f"2026.11.23,90000,5930,{PRICES}", ("YYYY-MM-DD and HHMMSS", "KST")),
        (
            "date,minute,code,o,h,l,c,v",
            f"2026/11/23,540,KR7005930003,{PRICES}",
            ("YYYY-MM-DD and minutes since midnight", "KST"),
        ),
        ("datetime,Ticker,Open,High,Low,Close,Volume", f"2026-11-23 09:00:00,005930.KS,{PRICES}", ("ISO 8601", "KST")),
        ("timestamp,ticker,open,high,low,close,volume", f"2026-11-23T00:00:00,005930,{PRICES}", ("ISO 8601", "UTC")),
        (
            "timestamp,ticker,open,high,low,close,volume",
            f"2026-11-23T00:00:00Z,005930,{PRICES}",
            ("ISO 8601", "stated in each value"),
        ),
        (
            "ts,symbol,open,high,low,close,vol",
            f"1795392000000,005930,{PRICES}",
            ("epoch, 1000 a second", "stated in each value"),
        ),
        (
            "ts,symbol,open,high,low,close,vol",
            f"1795424400,005930,{PRICES}",
            ("epoch, 1 a second", "KST, written as if it were UTC"),
        ),
        (
            "일자,시간,종목코드,시가,고가,저가,종가,거래량",
            f"20261123,900,005930,{PRICES}",
            ("YYYYMMDD and HHMM", "KST"),
        ),
        ("체결시간,종목코드,시가,고가,저가,현재가,거래량", f"20261123090000,005930,{PRICES}", ("YYYYMMDDHHMM", "KST")),
        (
            "stck_bsop_date,stck_cntg_hour,mksc_shrn_iscd,stck_oprc,stck_hgpr,stck_lwpr,stck_prpr,cntg_vol",
            f"20261123,090000,005930,{PRICES}",
            ("YYYYMMDD and HHMMSS", "KST"),
        ),
    ],
)
def test_the_layouts_of_other_tools_are_recognised_and_shown(
    tmp_path: Path, head: str, row: str, shown: tuple[str, str]
) -> None:
    if "T00:00" in row or row.startswith("1795392"):  # a single midnight would be a daily bar
        head += "\n" + row.replace("T00:00", "T06:20").replace("1795392000", "1795414800")
    gathered = gathered_from(a_file(tmp_path, f"{head}\n{row}"))

    assert bars_in(gathered)[0] == FIRST
    assert (gathered.verdicts[0].layout, gathered.verdicts[0].zone) == shown
    assert gathered.verdicts[0].verdict == "read"


@pytest.mark.parametrize(("encoding", "mark"), [("utf-8-sig", ";"), ("cp949", "\t"), ("utf-16", ","), ("utf-8", "|")])
def test_encoding_and_separator_are_recognised(tmp_path: Path, encoding: str, mark: str) -> None:
    text = "일자,시간,종목코드,종목명,시가,고가,저가,종가,거래량\n20261123,0900,005930,삼성전자," + PRICES
    gathered = gathered_from(a_file(tmp_path, text.replace(",", mark), encoding=encoding))

    assert bars_in(gathered) == [FIRST]
    assert gathered.instruments[SAMSUNG].name == "삼성전자"
    assert gathered.verdicts[0].dialect.startswith(f"CSV, {encoding.removesuffix('-sig')}")


def test_stock_and_date_may_be_in_the_file_name_and_files_may_be_compressed(tmp_path: Path) -> None:
    file = tmp_path / "005930_20261123.csv.gz"
    file.write_bytes(gzip.compress(f"time,open,high,low,close,volume\n09:00,{PRICES}".encode()))

    assert bars_in(gathered_from(*files_below(tmp_path))) == [FIRST]


def test_a_column_that_no_guess_knows_is_said_with_map(tmp_path: Path) -> None:
    file = a_file(tmp_path, f"date,time,symbol,first,high,low,close,shares\n20261123,0900,005930,{PRICES}")

    refused, taken = gathered_from(file), gathered_from(file, first="open", shares="volume")

    assert refused.verdicts[0].problem.startswith("no column for open, volume among date, time, symbol, first")
    assert "--map COLUMN=open --map COLUMN=volume" in refused.verdicts[0].problem
    assert bars_in(taken) == [FIRST]


def test_one_bad_row_or_file_never_loses_the_others(tmp_path: Path) -> None:
    rows = [
        f"20261123,0900,005930,{PRICES}",
        f"20261122,0900,005930,{PRICES}",
        f"20261123,0901,59-30,{PRICES}",
        f"20261123,9 o'clock,005930,{PRICES}",
        "20261123,0902,005930,70000,69000,69000,70000,5",
        "20261123,0903,005930,dear,70000,70000,70000,5",
        "20261123,0904,005930,70000,70000",
        "20261123,0905,005930,70000,70000,70000,70000,-5",
        f"20261123,0906,005930,{PRICES}",
    ]
    good = a_file(tmp_path, "\n".join([HEAD, *rows]))
    gathered = gathered_from(good, a_file(tmp_path, "no table", "a.csv"), a_file(tmp_path, "x", "b.parquet"), good)

    first, no_table, no_parquet, again = gathered.verdicts
    assert [bar.minute for bar in bars_in(gathered)] == [540, 546]
    assert (first.verdict, first.rows, first.taken, first.refusals.total()) == ("partly", 9, 2, 7)
    lines = [line.removeprefix(f"{good}, ") for line in first.refused]
    assert lines[0] == "line 3: the exchange is closed on 2026-11-22; correct the date, or set HARU_CALENDAR__SESSIONS"
    assert lines[1] == "line 4: '59-30' is no stock code; write six characters, as in 005930 or 0126Z0"
    assert [line[:7] for line in lines] == [f"line {number}:" for number in range(3, 10)]
    assert (no_table.verdict, no_parquet.verdict) == ("refused", "refused")
    assert "is no table" in no_table.problem
    assert "cannot be read as Parquet" in no_parquet.problem
    assert again.left_out["repeated"] == 2


def test_a_second_bar_of_a_minute_is_refused_with_its_line(tmp_path: Path) -> None:
    other = "70000,70500,69900,70300,61000"
    gathered = gathered_from(a_file(tmp_path, f"{HEAD}\n20261123,0900,005930,{PRICES}\n20261123,0900,005930,{other}"))

    assert bars_in(gathered) == [FIRST]
    assert "line 3: a second bar of 005930 for 2026-11-23 09:00 with other values" in gathered.verdicts[0].refused[0]


def test_what_is_no_bar_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = [f"20261123,{time},005930,{PRICES}" for time in ("0830", "0900", "1545")]
    rows += [
        "20261123,0901,005930,,,,,0",
        "20261123,0902,005930,nan,nan,nan,nan,nan",
        "20261123,0903,005930,0,0,0,70000,0",
    ]
    gathered = gathered_from(a_file(tmp_path, "\n".join([HEAD, *rows])))

    assert bars_in(gathered) == [FIRST]
    assert gathered.verdicts[0].left_out == {"outside the regular session": 2, "without prices": 3}
    assert gathered.verdicts[0].verdict == "read"


def test_separators_signs_and_fractions_are_read_and_counted(tmp_path: Path) -> None:
    rows = ['20261123,0900,005930,"70,000",+70500,-69900,70300.2,"60,000"']
    gathered = gathered_from(a_file(tmp_path, "\n".join([HEAD, *rows])))

    assert bars_in(gathered) == [FIRST]
    assert [note.split(" (")[0] for note in gathered.verdicts[0].notes] == [
        "signs dropped",
        "fractions of a won rounded",
    ]


def test_adjusted_prices_are_named(tmp_path: Path) -> None:
    head = HEAD.replace("close", "adj_close")
    gathered = gathered_from(a_file(tmp_path, f"{head}\n20261123,0900,005930,{PRICES}"))

    assert "adjusted prices by name (adj_close)" in next(iter(gathered.verdicts[0].notes))


def test_bars_named_by_the_minutes_end_are_moved_to_its_start(tmp_path: Path) -> None:
    times = [f"{minute // 60:02}{minute % 60:02}" for minute in (541, 542, 920, 930)]
    rows = [f"20261123,{time},005930,{PRICES}" for time in times]
    gathered = gathered_from(a_file(tmp_path, "\n".join([HEAD, *rows])))

    assert [bar.minute for bar in bars_in(gathered)] == [540, 541, 919, 930]
    assert gathered.verdicts[0].labels == "the minute's end"


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        (
            "날짜,종목코드,시가,고가,저가,종가,거래량,거래대금,대비",
            ["2026/11/23,005930,70000,70500,69900,70300,60000,42,300"],
        ),
        (
            "Date,Symbol,Open,High,Low,Close,Volume,Amount,base",
            ["2026-11-23 00:00:00,005930,70000,70500,69900,70300,60000,42,70000"],
        ),
        (
            "date,symbol,open,high,low,close,volume,value,base",
            ["2026-11-23T00:00:00+09:00,005930,70000,70500,69900,70300,60000,42,70000"],
        ),
    ],
)
def test_daily_bars_are_recognised_with_value_and_base(tmp_path: Path, head: str, rows: Sequence[str]) -> None:
    gathered = gathered_from(a_file(tmp_path, "\n".join([head, *rows])))

    assert gathered.verdicts[0].daily
    assert gathered.daily == {SAMSUNG: {MONDAY: DailyBar(MONDAY, 70_000, 70_500, 69_900, 70_300, 60_000, 42, 70_000)}}


def test_name_board_and_kind_are_kept(tmp_path: Path) -> None:
    head, row = f"{HEAD},name,market,kind", f"20261123,0900,069500,{PRICES},KODEX 200,코스피,ETF"
    store = BarStore(tmp_path / "store")
    merged_into(store, a_file(tmp_path, f"{head}\n{row}"))

    code = Symbol("069500")
    assert store.instrument(code) == Instrument(code, "KODEX 200", Market.KOSPI, Kind.ETF)


def test_parquet_is_read_with_its_types(tmp_path: Path) -> None:
    store = BarStore(tmp_path / "a")
    store.write_day(MONDAY, {SAMSUNG: [FIRST]})
    store.write_daily({SAMSUNG: [DailyBar(MONDAY, 1, 2, 1, 2, 3, None, 1)]})

    gathered = gathered_from(*files_below(store.folder))

    assert bars_in(gathered) == [FIRST]
    assert gathered.daily[SAMSUNG][MONDAY].base == 1


def test_an_import_again_changes_nothing(tmp_path: Path) -> None:
    file, store = a_file(tmp_path, f"{HEAD}\n20261123,0900,005930,{PRICES}"), BarStore(tmp_path / "store")

    first, second = merged_into(store, file), merged_into(store, file)

    assert (first.minutes.new, first.writes) == (1, 1)
    assert (second.minutes.same, second.writes) == (1, 0)


def test_an_import_that_would_change_stored_bars_needs_replace(tmp_path: Path) -> None:
    store = BarStore(tmp_path / "store")
    merged_into(store, a_file(tmp_path, f"{HEAD}\n20261123,0900,005930,{PRICES}\n20261123,0901,005930,{PRICES}"))
    other = a_file(
        tmp_path,
        f"{HEAD}\n20261123,0900,005930,70000,70500,69900,70300,1\n20261123,0900,000660,{PRICES}\n20261123,0901,000660,{PRICES}",
        "other.csv",
    )

    held = merged_into(store, other)

    assert (held.minutes.changed, held.minutes.new, held.held_back) == (1, 1, 1)
    prices = "09:00 70000/70500/69900/70300"
    assert held.minutes.differing == [f"005930 2026-11-23: stored {prices}, 60000 shares, now {prices}, 1 shares"]
    assert store.minutes(MONDAY)[SAMSUNG][0] == FIRST
    replaced = merged_into(store, other, replace=True)
    assert (replaced.held_back, replaced.minutes.same) == (0, 1)
    assert [bar.volume for bar in store.minutes(MONDAY)[SAMSUNG]] == [1, 60_000]


def test_later_minutes_of_a_stored_day_extend_it_and_missing_values_are_kept(tmp_path: Path) -> None:
    store = BarStore(tmp_path / "store")
    store.write_day(MONDAY, {SAMSUNG: [FIRST._replace(value=42)]})
    more = a_file(tmp_path, f"{HEAD}\n20261123,0900,005930,{PRICES}\n20261123,0901,005930,{PRICES}")

    merged = merged_into(store, more)

    assert merged.minutes.extended == 1
    assert store.minutes(MONDAY)[SAMSUNG] == [FIRST._replace(value=42), FIRST._replace(minute=541)]


def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path) -> None:
    store = BarStore(tmp_path / "store")
    merged = merged_into(store, a_file(tmp_path, f"{HEAD}\n20261123,0900,005930,{PRICES}"), dry=True)

    assert merged.minutes.new == 1
    assert not store.folder.exists()


def test_a_file_that_begins_with_one_minute_of_many_stocks_is_no_daily_file(tmp_path: Path) -> None:
    instants = ("2026-11-23T00:00:00Z", "2026-11-23T00:01:00Z")
    rows = [f"{instant},{code:06},{PRICES}" for instant in instants for code in range(1, 901)]
    gathered = gathered_from(a_file(tmp_path, "\n".join(["timestamp,code,open,high,low,close,volume", *rows])))

    assert [bar.minute for bar in bars_in(gathered, Symbol("000900"))] == [540, 541]


def test_a_file_that_breaks_off_keeps_what_was_read(tmp_path: Path) -> None:
    rows = [f"20261123,{minute // 60:02}{minute % 60:02},005930,{PRICES}" for minute in range(540, 900)] * 40
    whole = gzip.compress("\n".join([HEAD, *(f"{row}{number}" for number, row in enumerate(rows))]).encode(), 1)
    (tmp_path / "bars.csv.gz").write_bytes(whole[: len(whole) // 2])

    gathered = gathered_from(*files_below(tmp_path))

    verdict = gathered.verdicts[0]
    assert verdict.verdict == "partly"
    assert "breaks off" in verdict.problem
    assert len(bars_in(gathered)) == 360


@pytest.mark.parametrize("number", ["1e999999", "9" * 30, "inf", "-1e30", "0x10"])
def test_a_number_beyond_reason_refuses_its_row(tmp_path: Path, number: str) -> None:
    rows = [f"20261123,0900,005930,{PRICES}", f"20261123,0901,005930,70000,70000,70000,70000,{number}"]
    rows.append(f"20261123,0902,005930,{number},{number},{number},{number},1")
    gathered = gathered_from(a_file(tmp_path, "\n".join([HEAD, *rows])))

    assert bars_in(gathered) == [FIRST]
    assert gathered.verdicts[0].refusals.total() == 2


def test_a_change_as_large_as_the_price_refuses_its_row(tmp_path: Path) -> None:
    rows = ["2026-11-23,005930,70,70,70,70,5,70", "2026-11-24,005930,70,70,70,70,5,7"]
    gathered = gathered_from(a_file(tmp_path, "\n".join(["일자,종목코드,시가,고가,저가,종가,거래량,대비", *rows])))

    assert [bar.base for bar in gathered.daily[SAMSUNG].values()] == [63]
    assert "base is 0; a price is a number of won above 0" in gathered.verdicts[0].refused[0]


def test_parquet_of_other_tools_is_read_with_zones_nested_columns_and_odd_names(tmp_path: Path) -> None:
    file = tmp_path / "it's [1]*.parquet"
    prices = "70000.0 AS open, 70500.0 AS high, 69900.0 AS low, 70300.0 AS close, 60000 AS volume"
    index = "TIMESTAMPTZ '2026-11-23 09:00:00+09' AS __index_level_0__"
    query = f"SELECT {index}, '005930' AS code, {prices}, [1] AS symbol"
    duckdb.execute(f"COPY ({query}) TO '{str(file).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)")

    gathered = gathered_from(*files_below(tmp_path))

    assert bars_in(gathered) == [FIRST]
    assert gathered.verdicts[0].layout == "epoch, 1000000 a second"
