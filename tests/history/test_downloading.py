"""A download with a broker that fails: what is stored stays, and one stock's fault stops no other."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from domain.bar import DailyBar, MinuteBar
from domain.errors import BrokerProtocolError, BrokerUnavailableError, TradingError
from domain.market import Symbol
from domain.session import Session, TradingCalendar
from history.downloading import Downloader
from history.provenance import Source
from history.store import BarStore

CALENDAR = TradingCalendar(frozenset())
GOOD, BAD = Symbol("005930"), Symbol("000660")
DAYS = [date(2026, 11, 19), date(2026, 11, 20)]
SESSIONS = [session for day in DAYS if (session := CALENDAR.session_on(day))]
BAR = MinuteBar(540, 10, 10, 10, 10, 5)


class FailingCharts:
    """Answers every question about one stock, and fails for the other."""

    def __init__(self, fault: TradingError) -> None:
        self.asked: list[tuple[Symbol, date]] = []
        self.fault: TradingError | None = fault
        self.times = 99

    async def minute_bars(self, symbol: Symbol, session: Session) -> Sequence[MinuteBar]:
        self.asked.append((symbol, session.date))
        if symbol == BAD and self.fault and self.times:
            self.times -= 1
            raise self.fault
        return [BAR]

    async def daily_bars(self, symbol: Symbol, first: date, last: date) -> Sequence[DailyBar]:
        return [DailyBar(last, 10, 10, 10, 10, 5)]


def a_downloader(store: BarStore, charts: FailingCharts) -> Downloader:
    return Downloader(store, charts, Source("d", "test", datetime(2026, 11, 30, tzinfo=UTC)), lambda: None, pauses=(0,))


async def test_a_stock_that_cannot_be_read_is_named_and_the_others_are_stored(tmp_path: Path) -> None:
    store, charts = BarStore(tmp_path / "bars"), FailingCharts(BrokerProtocolError("odd row"))
    downloader = a_downloader(store, charts)

    await downloader.run([BAD, GOOD], SESSIONS, CALENDAR)

    assert (downloader.done.stored, downloader.done.daily) == (2, 2)
    assert downloader.done.failed == [f"000660 {day}: odd row" for day in DAYS]
    assert [list(store.minutes(day)) for day in DAYS] == [[GOOD], [GOOD]]


async def test_a_broker_that_is_away_for_a_moment_is_asked_again(tmp_path: Path) -> None:
    store, charts = BarStore(tmp_path / "bars"), FailingCharts(BrokerUnavailableError("away"))
    charts.times = 1
    downloader = a_downloader(store, charts)

    await downloader.run([BAD], SESSIONS, CALENDAR)

    assert (downloader.done.stored, downloader.done.failed, len(charts.asked)) == (2, [], 3)


async def test_a_broker_that_is_away_ends_the_download_and_the_next_asks_for_the_rest_only(tmp_path: Path) -> None:
    store, charts = BarStore(tmp_path / "bars"), FailingCharts(BrokerUnavailableError("away"))
    with pytest.raises(BrokerUnavailableError):
        await a_downloader(store, charts).run([GOOD, BAD], SESSIONS, CALENDAR)
    stored = [(symbol, day) for day in DAYS for symbol in store.minutes(day)]
    charts.fault, charts.asked = None, []

    await a_downloader(store, charts).run([GOOD, BAD], SESSIONS, CALENDAR)

    assert sorted(charts.asked + stored) == sorted((symbol, day) for symbol in (GOOD, BAD) for day in DAYS)
    assert list(store.sources.all()) == ["d"]
