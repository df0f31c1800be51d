"""A check names what makes stored bars misleading: each finding has a kind, a place and numbers."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from domain.bar import DailyBar, MinuteBar
from domain.market import Symbol
from domain.session import TradingCalendar
from history.checking import MEANINGS, Checked, check
from history.store import BarStore, Instrument, Kind

CALENDAR = TradingCalendar(frozenset())
SAMSUNG, KODEX = Symbol("005930"), Symbol("069500")
MONDAY, TUESDAY, THURSDAY = (date(2026, 11, day) for day in (23, 24, 26))


def a_day(price: int = 10_000, count: int = 380, close: int | None = None) -> list[MinuteBar]:
    bars = [MinuteBar(540 + minute, price, price, price, price, 10) for minute in range(count)]
    last = price if close is None else close
    return [*bars, MinuteBar(930, last, last, last, last, 100)]


def daily(day: date, price: int, base: int | None, volume: int = 3_900) -> DailyBar:
    return DailyBar(day, price, price, price, price, volume, None, base)


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    return BarStore(tmp_path / "bars")


def checked(store: BarStore) -> Checked:
    return check(store, CALENDAR)


def found(store: BarStore, kind: str) -> list[str]:
    return [finding.text for finding in checked(store).findings if finding.kind == kind]


def test_clean_bars_have_no_findings(store: BarStore) -> None:
    store.write_day(MONDAY, {SAMSUNG: a_day()})
    store.write_daily({SAMSUNG: [daily(MONDAY, 10_000, 9_900)]})

    result = checked(store)

    assert result.findings == []
    assert (result.totals["stock_days"], result.totals["rows"], result.totals["prices_off_grid"]) == (1, 381, 0)


def test_gaps_a_missing_close_and_minutes_without_volume_are_counted(store: BarStore) -> None:
    silent = [bar._replace(volume=0) if bar.minute < 545 else bar for bar in a_day(count=200)[:-1]]
    store.write_day(MONDAY, {SAMSUNG: silent})

    assert found(store, "gaps") == ["180 of 380 minutes are missing"]
    assert found(store, "no_close") == ["no bar of the closing auction"]
    assert found(store, "zero_volume") == ["5 of 200 bars have no volume"]
    assert found(store, "no_base") == ["no previous close; import daily bars"]


def test_prices_off_the_grid_are_counted_apart_from_mid_price_trades_and_by_the_instruments_grid(
    store: BarStore,
) -> None:
    odd = [bar._replace(low=9_995) if bar.minute < 550 else bar for bar in a_day()]
    odd = [bar._replace(open=10_003, high=10_003, close=10_003) if bar.minute >= 900 else bar for bar in odd]
    store.write_day(MONDAY, {SAMSUNG: odd, KODEX: a_day(30_005)})
    store.write_instruments([Instrument(KODEX, kind=Kind.ETF)])

    off, total = 10 + 3 * 21, 381 * 4
    assert found(store, "off_grid") == [f"{off} of {total} prices are off the grid, 10 of them between two ticks"]


def test_prices_beyond_the_limit_and_another_price_basis_are_named(store: BarStore) -> None:
    store.write_day(MONDAY, {SAMSUNG: a_day(50_000)})
    store.write_daily({SAMSUNG: [daily(MONDAY, 10_000, 10_000, volume=20_000)]})

    assert found(store, "limits") == ["prices from 50000 to 50000, limits 7000 to 13000 around 10000"]
    assert found(store, "basis") == ["minutes from 50000 to 50000, daily bar from 10000 to 10000: factor 5.000"]
    assert found(store, "volume") == ["3,900 shares in minutes, 20,000 in the daily bar"]


def test_a_split_is_seen_in_the_daily_bars(store: BarStore) -> None:
    store.write_daily({SAMSUNG: [daily(MONDAY, 50_000, 49_000), daily(TUESDAY, 5_100, 5_000)]})

    assert found(store, "split") == ["base 5000 after a close of 50000 on 2026-11-23: factor 0.100"]


def test_sessions_on_closed_dates_and_missing_sessions_are_named(store: BarStore) -> None:
    for day in (MONDAY, THURSDAY, THURSDAY + timedelta(days=2)):
        store.write_day(day, {SAMSUNG: a_day()})

    result = checked(store)

    closed = [finding.session for finding in result.findings if finding.kind == "closed"]
    missing = [finding.session for finding in result.findings if finding.kind == "missing_session"]
    assert closed == [THURSDAY + timedelta(days=2)]
    assert missing == [TUESDAY, TUESDAY + timedelta(days=1), THURSDAY + timedelta(days=1)]
    assert list(result.counts) == [kind for kind in MEANINGS if result.counts.get(kind)]


def test_a_universe_of_rising_stocks_that_never_changes_is_named(store: BarStore) -> None:
    codes = [Symbol(f"{code:06}") for code in range(10, 60, 10)]
    days = [MONDAY + timedelta(days=7 * (number // 5) + number % 5) for number in range(20)]
    for day in days:
        store.write_day(day, {code: a_day(close=10_100) for code in codes})

    rising, constant = found(store, "universe")

    assert rising.startswith("100 of 100 stock-days rose from open to close, by +100 bp on average; 5 of 5 symbols")
    assert constant == "the same 5 symbols on all 20 sessions: delisted ones are missing"


def test_a_universe_whose_size_swings_is_named(store: BarStore) -> None:
    codes = [Symbol(f"{code:06}") for code in range(10, 70, 10)]
    days = [MONDAY + timedelta(days=7 * (number // 5) + number % 5) for number in range(20)]
    for number, day in enumerate(days):
        store.write_day(day, {code: a_day(close=9_900) for code in (codes if number else codes[:2])})

    assert found(store, "universe") == [
        "no stock drops out of the list in 20 sessions: delisted ones are missing",
        "from 2 to 6 symbols a session, 2 of 6 on all: what chose them is part of the result",
    ]
