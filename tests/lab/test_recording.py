"""What a recorded session lacks is counted, and a stock that cannot be played is left out with the reason."""

from pathlib import Path

import pytest

from domain.bar import DailyBar, MinuteBar
from domain.market import Symbol
from domain.session import Session
from history.store import BarStore, Instrument, Kind
from lab.recording import Gaps, read_session
from tests.lab.recorded_days import CALENDAR, DAYS

STOCK = Symbol("005930")
DAY = DAYS[0]
SESSION = CALENDAR.session_on(DAY)
BEFORE = CALENDAR.session_before(DAY).date


def a_bar(minute: int, price: int, volume: int = 10) -> MinuteBar:
    return MinuteBar(minute, price, price, price, price, volume)


def gaps_of(folder: Path, bars: list[MinuteBar], daily: list[DailyBar] | None = None) -> Gaps:
    assert isinstance(SESSION, Session)
    store = BarStore(folder)
    usual = [DailyBar(BEFORE, 1, 10_500, 9_500, 10_000, 5, None, None), DailyBar(DAY, 1, 1, 1, 1, 1, None, 10_000)]
    with store.writing():
        store.write_day(DAY, {STOCK: bars})
        store.write_daily({STOCK: usual if daily is None else daily})
    return read_session(store, SESSION).gaps


def test_missing_minutes_bars_outside_and_prices_off_the_grid_are_counted(tmp_path: Path) -> None:
    bars = [a_bar(539, 10_000), a_bar(540, 10_000), a_bar(541, 10_005), a_bar(542, 10_003), a_bar(925, 10_000)]

    gaps = gaps_of(tmp_path, bars)

    assert (gaps.stocks, gaps.minutes, gaps.missing) == (1, 3, 377)
    assert (gaps.outside, gaps.off_grid, gaps.rounded) == (2, 2, 1)


@pytest.mark.parametrize(
    ("bars", "daily", "why"),
    [
        ([a_bar(540, 14_000)], None, "outside"),
        ([a_bar(930, 10_000)], None, "no minute"),
        ([a_bar(540, 10_000)], [DailyBar(DAY, 1, 1, 1, 1, 1, None, 10_000)], "no daily bar"),
        ([a_bar(540, 10_000)], [], "no previous close"),
    ],
)
def test_a_stock_that_cannot_be_played_is_left_out(
    tmp_path: Path, bars: list[MinuteBar], daily: list[DailyBar] | None, why: str
) -> None:
    gaps = gaps_of(tmp_path, bars, daily)

    assert gaps.stocks == 0
    assert why in gaps.left_out[STOCK]


def test_the_session_before_is_shown_in_todays_shares(tmp_path: Path) -> None:
    assert isinstance(SESSION, Session)
    gaps_of(
        tmp_path,
        [a_bar(540, 5_000)],
        [
            DailyBar(BEFORE, 1, 10_500, 9_500, 10_000, 5, None, None),
            DailyBar(DAY, 1, 1, 1, 1, 1, None, 5_000),
        ],
    )

    reference = read_session(BarStore(tmp_path), SESSION).stocks[STOCK].reference

    assert (reference.previous_close, reference.previous_high, reference.previous_low) == (5_000, 5_250, 4_750)
    assert reference.previous_volume == 10


def test_earlier_sessions_are_shown_in_todays_shares_across_a_split(tmp_path: Path) -> None:
    assert isinstance(SESSION, Session)
    earlier = CALENDAR.session_before(BEFORE).date
    gaps_of(
        tmp_path,
        [a_bar(540, 5_000)],
        [
            DailyBar(earlier, 20_000, 22_000, 18_000, 20_000, 100, None, 20_000),
            DailyBar(BEFORE, 5_000, 5_500, 4_500, 5_000, 400, None, 5_000),
            DailyBar(DAY, 1, 1, 1, 1, 1, None, 5_000),
        ],
    )

    split, last = read_session(BarStore(tmp_path), SESSION).stocks[STOCK].reference.days

    assert (split.date, split.open, split.high, split.low, split.close) == (earlier, 5_000, 5_500, 4_500, 5_000)
    assert (split.volume, last.close, last.volume) == (400, 5_000, 400)


def a_day(step: int, count: int = 120) -> list[MinuteBar]:
    return [a_bar(540 + number, 10_000 + step * (number % 20)) for number in range(count)]


def test_an_etf_by_its_prices_is_left_out_as_live(tmp_path: Path) -> None:
    assert "ETF" in gaps_of(tmp_path, a_day(5)).left_out[STOCK]


@pytest.mark.parametrize(("kind", "is_played"), [(Kind.ETF, False), (Kind.STOCK, True)])
def test_the_stores_list_decides_what_an_etf_is(tmp_path: Path, kind: Kind, *, is_played: bool) -> None:
    bars = a_day(10) if kind is Kind.ETF else a_day(5)
    store = BarStore(tmp_path)
    with store.writing():
        store.write_instruments([Instrument(STOCK, kind=kind)])

    assert gaps_of(tmp_path, bars).stocks == is_played


def test_prices_that_were_adjusted_later_are_flagged(tmp_path: Path) -> None:
    gaps = gaps_of(tmp_path, a_day(3))

    assert (gaps.stocks, gaps.adjusted) == (1, 1)
    assert gaps_of(tmp_path / "as traded", a_day(10)).adjusted == 0


def test_a_missing_closing_auction_is_flagged(tmp_path: Path) -> None:
    assert gaps_of(tmp_path / "without", a_day(10)).no_auction == 1
    assert gaps_of(tmp_path / "with", [*a_day(10), a_bar(930, 10_000)]).no_auction == 0
