"""Recorded minute bars: the tape follows them. Invalid files are refused with line and fix."""

from pathlib import Path

import pytest

from simulator.__main__ import main
from simulator.bar_folder import read_bars
from simulator.krx.prices import STOCK_GRID
from simulator.krx.units import Side, Symbol
from simulator.recorded import BarsError, Recording
from simulator.refusals import OrderRefusedError, Refusal
from simulator.simulation import SettingsMismatchError
from tests.simulator.market_day import CALENDAR, SAMSUNG, Client, Day, a_simulation

HEAD = "date,time,symbol,open,high,low,close,volume"
MONDAY = """
20261123,0900,005930,70000,70500,69900,70300,60000
20261123,0901,005930,70300,70300,68000,68100,120000
20261123,0905,005930,68200,75000,68200,74900,240000
20261123,1530,005930,74800,74800,74800,74800,99000
2026-11-24,09:00:00,005930,75000,75000,75000,75000,10
20261123,0900,999990,1500,1501,1500,1500,7
"""


def a_file(folder: Path, lines: str = MONDAY, head: str = HEAD, name: str = "bars.csv") -> Path:
    file = folder / name
    file.write_text(head + "\n" + lines.strip() + "\n", "utf-8")
    return file


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return read_bars(a_file(tmp_path), CALENDAR)


def test_the_tape_follows_open_high_low_close_and_volume_minute_by_minute(recording: Recording) -> None:
    exchange = a_simulation(recording=recording).exchange
    session = exchange.shown_session(Day(a_simulation()).now)
    path = exchange.path(SAMSUNG, session)

    for minute, (opened, high, low, close, volume) in {
        0: (70_000, 70_500, 69_900, 70_300, 60_000),
        1: (70_300, 70_300, 68_000, 68_100, 120_000),
        3: (68_100, 68_100, 68_100, 68_100, 0),
        5: (68_200, 75_000, 68_200, 74_900, 240_000),
        300: (74_900, 74_900, 74_900, 74_900, 0),
    }.items():
        prices = [path.price_at(minute * 60 + second) for second in range(60)]
        assert (prices[0], max(prices), min(prices), prices[-1]) == (opened, high, low, close)
        assert sum(path.volume_in(minute * 60 + second) for second in range(60)) == volume
    assert (path.close_price, path.closing_volume) == (74_800, 99_000)
    assert path.whole_day().volume == 60_000 + 120_000 + 240_000 + 99_000
    assert path.pauses_until(22_800) == []


def test_a_recorded_close_is_the_next_days_base_and_days_without_bars_are_seeded(recording: Recording) -> None:
    day = Day(a_simulation("2026-11-23 08:45:00", recording=recording))

    bases = []
    for morning in ("2026-11-23", "2026-11-24", "2026-11-25"):
        day.reaches(f"{morning} 08:45:00")
        bases.append(day.price())
    day.reaches("2026-11-25 15:00:00")

    assert bases == [70_000, 74_800, 75_000]
    seen = day.simulation.exchange.snapshot(SAMSUNG, day.now)
    assert seen.totals.high_price > seen.totals.low_price


def test_orders_trade_on_recorded_prices(recording: Recording) -> None:
    day = Day(a_simulation("2026-11-23 09:00:30", recording=recording))
    order = day.buys(10, 68_500)
    day.passes(minutes=2)

    assert [fill.price for fill in order.fills] == [68_500]


async def test_a_stock_that_only_the_recording_knows_is_listed(recording: Recording) -> None:
    client = Client(a_simulation("2026-11-23 09:10:00", recording=recording))
    stock = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "999990"}

    body = (await client.get("/quotations/inquire-price", "FHKST01010100", stock)).json()["output"]

    assert (body["stck_prpr"], body["stck_hgpr"], body["acml_vol"]) == ("1500", "1501", "7")


def test_half_tick_prices_are_rounded_and_counted_and_codes_with_letters_are_replayed(tmp_path: Path) -> None:
    """A trade between two ticks reaches neither: a high goes down, a low up. Orders there are refused (APBK0506)."""
    epis = Symbol("0126Z0")
    lines = (
        "20261123,0900,0126Z0,273500,274000,273250,273750,9000\n20261123,0901,0126Z0,273750,273750,273750,273750,900"
    )
    recording = read_bars(a_file(tmp_path, lines), CALENDAR)
    day = Day(a_simulation("2026-11-23 09:10:00", recording=recording))
    session = day.simulation.exchange.shown_session(day.now)

    levels = {side: day.simulation.engine.liquidity.levels(epis, side, session, 600) for side in Side}
    bought = day.buys(1, symbol=epis)
    with pytest.raises(OrderRefusedError) as refused:
        day.buys(1, 273_750, epis)

    assert day.simulation.exchange.snapshot(epis, day.now).price == 273_500
    assert recording.changes["prices off the grid rounded"] == 6
    path = day.simulation.exchange.path(epis, session)
    assert path.bar(0)[:4] == (273_500, 274_000, 273_500, 274_000)
    assert all(STOCK_GRID.is_on_grid(level.price) for each in levels.values() for level in each)
    assert (bought.filled, refused.value.refusal) == (1, Refusal.OFF_GRID)


def test_a_folder_is_read_as_one_and_a_base_can_be_given(tmp_path: Path) -> None:
    a_file(tmp_path, "20261123,0900,005930,90000,90000,90000,90000,5,100000", HEAD + ",base", "one.csv")
    a_file(tmp_path, "20261123,0900,000660,240000,240000,240000,240000,5", name="two.csv")

    days = read_bars(tmp_path, CALENDAR).days

    assert set(days) == {SAMSUNG, Symbol("000660")}
    assert [day.base for day in days[SAMSUNG].values()] == [100_000]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("20261122,0900,005930,1,1,1,1,1", "line 2: the exchange is closed on 2026-11-22; correct"),
        ("2026-13-01,0900,005930,1,1,1,1,1", "'2026-13-01' is no date; write"),
        ("20261123,9h,005930,1,1,1,1,1", "'9h' is no time that can be read; write"),
        ("20261123,0900,59.30,1,1,1,1,1", "line 2: '59.30' is no stock code; write six characters"),
        ("20261123,0900,005930,70000,69000,68000,68500,1", "must lie between low 68000 and high 69000"),
        ("20261123,0900,005930,70000,70000,70000,70000,-1", "volume is '-1'; write a whole number"),
        ("20261123,0900,005930,70000,70000,70000,dear,1", "close is 'dear'"),
        ("20261123,0859,005930,1,1,1,1,1", "no recorded day can be played: there are none"),
        ("20261123,1530,005930,70000,70000,70000,70000,1", "it has no minutes of continuous trading"),
        ("20261123,0900,005930,70000,70000,70000,70000,0", "005930 2026-11-23: nothing traded"),
        (
            "20261123,0900,005930,70000,70000,70000,70000,1\n20261123,0900,005930,70000,70000,70000,70000,2",
            "line 3: a second bar of 005930 for 2026-11-23 09:00 with other values",
        ),
    ],
)
def test_a_bad_line_is_refused_with_its_place_and_its_fix(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(BarsError) as caught:
        read_bars(a_file(tmp_path, line), CALENDAR)

    assert says in str(caught.value)


def test_missing_columns_missing_files_and_damaged_files_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bars.parquet").write_bytes(b"")
    without = a_file(tmp_path, "20261123,0900", "date,time")

    codes = [main(["--bars", str(path)]) for path in (without, tmp_path / "none.csv", tmp_path / "bars.parquet")]

    said = capsys.readouterr().err
    assert codes == [2, 2, 2]
    assert "is no table: its first line has 2 columns" in said
    assert "does not exist; correct the path" in said
    assert "cannot be read as Parquet" in said


def test_books_on_recorded_bars_go_on_only_with_the_same_bars(tmp_path: Path, recording: Recording) -> None:
    folder = tmp_path / "books"
    a_simulation(journal=folder, recording=recording).close()

    a_simulation(journal=folder, recording=recording).close()
    with pytest.raises(SettingsMismatchError, match="bars"):
        a_simulation(journal=folder)
