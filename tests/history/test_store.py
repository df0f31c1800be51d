"""The store of bars: what is written is read back, a file is replaced as a whole, the previous close has an origin."""

import stat
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from domain.bar import DailyBar, MinuteBar
from domain.market import Market, Symbol
from domain.money import Price
from history.errors import HistoryError, StoreBusyError
from history.provenance import Source
from history.store import BarStore, CloseFrom, Instrument, Kind

SAMSUNG, EPIS = Symbol("005930"), Symbol("0126Z0")
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
OPENING = MinuteBar(540, 70_000, 70_500, 69_900, 70_300, 60_000, 4_200_000_000)
CLOSING = MinuteBar(930, 74_800, 74_800, 74_800, 74_800, 99_000)
A_SOURCE = Source("a1", "a test", datetime(2026, 11, 30, tzinfo=UTC), {"close": "종가"})


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    return BarStore(tmp_path / "bars")


def test_minutes_are_read_back_as_written_and_in_order(store: BarStore) -> None:
    store.write_day(MONDAY, {SAMSUNG: [CLOSING, OPENING], EPIS: [OPENING]}, A_SOURCE)

    day = store.day(MONDAY)

    assert store.sessions() == (MONDAY,)
    assert {symbol: stock.bars for symbol, stock in day.stocks.items()} == {
        SAMSUNG: (OPENING, CLOSING),
        EPIS: (OPENING,),
    }
    assert list(store.day(MONDAY, [EPIS]).stocks) == [EPIS]
    assert store.day(MONDAY, [Symbol("000660")]).stocks == {}
    assert store.symbols_among([EPIS, Symbol("000660")], MONDAY, TUESDAY) == {EPIS}
    assert store.symbols_among([EPIS], TUESDAY, TUESDAY) == frozenset()


def test_writing_a_symbol_replaces_it_and_keeps_the_others(store: BarStore) -> None:
    store.write_day(MONDAY, {SAMSUNG: [OPENING, CLOSING], EPIS: [OPENING]})

    store.write_day(MONDAY, {SAMSUNG: [CLOSING]})

    assert store.minutes(MONDAY) == {SAMSUNG: [CLOSING], EPIS: [OPENING]}


def test_daily_bars_are_merged_by_date_and_read_over_the_end_of_a_year(store: BarStore) -> None:
    days = [DailyBar(date(2025, 12, 30), 1, 1, 1, 1, 5), DailyBar(date(2026, 1, 2), 2, 2, 2, 2, 5, 10, 1)]
    store.write_daily({SAMSUNG: days})
    store.write_daily({SAMSUNG: [days[1]._replace(close=3)]})

    assert store.daily(SAMSUNG, date(2026, 1, 3), 5) == (days[0], days[1]._replace(close=3))
    assert store.daily(SAMSUNG, date(2026, 1, 2), 5) == (days[0],)
    assert store.daily(SAMSUNG, date(2026, 1, 3), 1) == (days[1]._replace(close=3),)
    assert store.daily(EPIS, date(2026, 1, 3), 5) == ()
    assert store.daily_between(date(2025, 12, 30), date(2026, 1, 1)) == {SAMSUNG: days[:1]}
    assert store.daily_between(date(2025, 12, 30), date(2026, 1, 1), [EPIS]) == {}


@pytest.mark.parametrize(
    ("daily", "expected"),
    [
        ([DailyBar(TUESDAY, 1, 1, 1, 1, 1, base=37_000)], (37_000, CloseFrom.EXCHANGE)),
        ([DailyBar(MONDAY, 1, 1, 1, 74_700, 1)], (74_700, CloseFrom.DAILY)),
        ([DailyBar(date(2026, 11, 20), 1, 1, 1, 60_000, 1)], (74_800, CloseFrom.MINUTES)),
        ([], (74_800, CloseFrom.MINUTES)),
    ],
)
def test_the_previous_close_names_its_origin(
    store: BarStore, daily: list[DailyBar], expected: tuple[int, CloseFrom]
) -> None:
    store.write_day(MONDAY, {SAMSUNG: [OPENING, CLOSING]})
    store.write_day(TUESDAY, {SAMSUNG: [OPENING], EPIS: [OPENING]})
    store.write_daily({SAMSUNG: daily})

    stocks = store.day(TUESDAY).stocks

    assert (stocks[SAMSUNG].previous_close, stocks[SAMSUNG].close_from) == expected
    assert (stocks[EPIS].previous_close, stocks[EPIS].close_from, stocks[EPIS].limits) == (0, CloseFrom.UNKNOWN, None)


def test_limits_follow_the_previous_close(store: BarStore) -> None:
    store.write_day(MONDAY, {SAMSUNG: [OPENING]})
    store.write_daily({SAMSUNG: [DailyBar(MONDAY, 1, 1, 1, 1, 1, base=70_000)]})

    limits = store.day(MONDAY).stocks[SAMSUNG].limits

    assert limits is not None
    assert (limits.lower, limits.upper) == (Price(49_000), Price(91_000))


def test_names_are_added_and_blank_ones_keep_what_was_known(store: BarStore) -> None:
    known = Instrument(SAMSUNG, "삼성전자", Market.KOSPI, Kind.STOCK)
    store.write_instruments([known])
    store.write_instruments([Instrument(SAMSUNG), Instrument(EPIS, "이피스\t홀딩스")])

    assert store.instrument(SAMSUNG) == known
    assert store.instrument(EPIS) == Instrument(EPIS, "이피스 홀딩스")
    assert BarStore(store.folder).instrument(SAMSUNG) == known


def test_sources_are_kept_with_their_mapping(store: BarStore) -> None:
    store.sources.add(A_SOURCE)
    store.sources.add(replace(A_SOURCE, id="b2"))
    store.sources.add(replace(A_SOURCE, origin="another test"))

    assert BarStore(store.folder).sources.all() == {
        "a1": replace(A_SOURCE, origin="another test"),
        "b2": replace(A_SOURCE, id="b2"),
    }


def test_files_are_closed_to_others_and_no_draft_stays(store: BarStore) -> None:
    store.write_day(MONDAY, {SAMSUNG: [OPENING]})
    store.sources.add(A_SOURCE)

    files = [path for path in store.folder.rglob("*") if path.is_file()]

    assert sorted(file.name for file in files) == ["2026-11-23.parquet", "sources.json"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_a_write_that_fails_leaves_the_file_as_it_was(store: BarStore) -> None:
    store.write_day(MONDAY, {SAMSUNG: [OPENING]})

    with pytest.raises(HistoryError):
        store.write_day(MONDAY, {EPIS: [OPENING._replace(close="much")]})  # type: ignore[arg-type]

    assert store.minutes(MONDAY) == {SAMSUNG: [OPENING]}
    assert len(list((store.folder / "minute").iterdir())) == 1


def test_a_damaged_file_is_named(store: BarStore) -> None:
    store.write_day(MONDAY, {SAMSUNG: [OPENING]})
    (store.folder / "minute" / "2026-11-23.parquet").write_bytes(b"PAR1, not")

    with pytest.raises(HistoryError, match=r"2026-11-23\.parquet cannot be read as Parquet"):
        store.day(MONDAY)


def test_a_session_without_bars_and_damaged_sources_are_named(store: BarStore) -> None:
    with pytest.raises(HistoryError, match="no minute bars of 2026-11-23"):
        store.day(MONDAY)
    store.folder.mkdir(mode=0o700)
    (store.folder / "sources.json").write_text("[{}]")
    with pytest.raises(HistoryError, match=r"sources\.json is damaged"):
        store.sources.all()


def test_two_writers_are_refused(store: BarStore) -> None:
    with (
        store.writing(),
        pytest.raises(StoreBusyError, match="another process writes"),
        BarStore(store.folder).writing(),
    ):
        pass
