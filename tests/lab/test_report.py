"""The pages of a backtest from its files: prices from the store, its settings, and what is missing."""

import json
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.bar import IndexBar
from domain.clock import KST
from domain.market import Market
from domain.position import ClosedTrade
from domain.session import SessionDate
from history.errors import HistoryError
from history.index_minutes import IndexMinutes
from history.indexes import read_indexes
from history.store import BarStore
from lab.hands import bars_hash
from lab.recorded_market import read_market
from lab.recording import Gaps
from lab.report import Sources, books_of, read_all, rules_of, write_day_page, write_page
from lab.results import DayResult, Settings
from reporting.market import RefusedEntry, SignalRun
from reporting.sentences import LANGUAGES, words
from tests.lab.recorded_days import CALENDAR, DAYS, STOCKS, a_store
from tests.support.builders import a_closed_trade

STOCK = STOCKS[0]
SETTINGS = Settings(
    strategy="volatility_breakout",
    version="1",
    first=f"{DAYS[0]}",
    last=f"{DAYS[-1]}",
    rules={"exits.stop_loss": "2%", "close": "entries end 0:15:00"},
    workers=1,
    capital=10_000_000,
    universe="",
)


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    return a_store(tmp_path / "bars")


def a_trade(store: BarStore, day: SessionDate, since: int, until: int) -> ClosedTrade:
    """Return ten shares bought and sold at the closes of two minutes."""
    closes = {bar.minute: bar.close for bar in store.minutes(day, [STOCK])[STOCK]}

    def at(minute: int) -> datetime:
        return datetime.combine(day, time(minute // 60, minute % 60, 5), KST)

    trade = a_closed_trade(closes[since], closes[until], 10, opened_at=at(since), closed_at=at(until))
    return trade.__class__(**{**_fields(trade), "symbol": STOCK, "name": STOCK, "session_date": day})


def _fields(trade: ClosedTrade) -> dict[str, Any]:
    return {name: getattr(trade, name) for name in trade.__slots__}


def minutes_with_bars(store: BarStore, day: SessionDate) -> list[int]:
    return [bar.minute for bar in store.minutes(day, [STOCK])[STOCK]]


def days_of(store: BarStore, bars: Path) -> list[DayResult]:
    found = []
    for each in DAYS:
        day = SessionDate(each)
        known = minutes_with_bars(store, day)
        trade = a_trade(store, day, known[30], known[60])
        refused = RefusedEntry(trade.closed_at + timedelta(minutes=1), STOCK, "SYMBOL_COOLING_DOWN")
        signals = {STOCK: (SignalRun(known[20], known[30]), SignalRun(known[90], known[100]))}
        hashed = bars_hash(bars, day)
        found.append(DayResult(day, hashed, Gaps(stocks=4), (trade,), refused=(refused,), signals=signals))
    return found


def sources(store: BarStore) -> Sources:
    return Sources(store.folder, CALENDAR)


def shown_in(page: Path) -> Any:
    found = re.search(r'id="shown">(.*?)</script>', page.read_text())
    assert found is not None
    return json.loads(found[1])["values"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_has_each_trade_on_its_candles_and_says_what_the_data_lacks(
    store: BarStore, tmp_path: Path, language: Any
) -> None:
    days = days_of(store, store.folder)

    page = write_page(tmp_path, SETTINGS, days, sources(store), language)

    assert page.name == ("report.html" if language == "en" else "report.ko.html")
    text, shown, said = page.read_text(), shown_in(page), words(language)
    assert len(shown["charts"]["prices"]) == len(shown["trades"]) == len(DAYS)
    assert all(view["stop"] and len(view["signals"]) == 2 for view in shown["charts"]["views"])
    assert [view["refused"][0][1] for view in shown["charts"]["views"]] == ["SYMBOL_COOLING_DOWN"] * len(DAYS)
    for part in (said["sections"]["limits"], said["notes"]["ratios_few"], "exits.stop_loss=2%", said["sound"]["yes"]):
        assert part in text
    assert ("no order book" in text) == (language == "en")
    assert ("Slippage (the stated fill model): " if language == "en" else "슬리피지(기본 체결 모델): ") in text
    assert {"strategy", "intraday", "universe"} <= {line["key"] for line in shown["comparison"]["lines"]}


def test_excursions_come_from_the_whole_minutes_while_held_of_each_day_alone(store: BarStore) -> None:
    days = days_of(store, store.folder)
    read = read_all(SETTINGS, days, sources(store))

    books = [books_of(day, read, CALENDAR) for day in days]

    ids = [trade.position_id for day in books for trade in day.trades]
    assert len(set(ids)) == len(DAYS), "a day's ledger begins its ids again"
    for day in books:
        (trade,) = day.trades
        known = minutes_with_bars(store, day.date)
        held = [bar for bar in store.minutes(day.date, [STOCK])[STOCK] if known[30] < bar.minute < known[60]]
        seen = day.ranges()[trade.position_id]
        sold = trade.exit_amount // 10
        assert seen.low == min(sold, *(bar.low for bar in held))
        assert seen.high == max(sold, *(bar.high for bar in held))


def test_bars_that_have_changed_since_are_left_out_and_named(store: BarStore, tmp_path: Path) -> None:
    days = days_of(store, store.folder)
    with store.writing():
        store.write_day(DAYS[0], {STOCK: store.minutes(DAYS[0], [STOCK])[STOCK][:100]})

    page = write_page(tmp_path, SETTINGS, days, sources(store), "en")

    assert "bars have changed since they were played: 1" in page.read_text()
    assert [view["prices"] is None for view in shown_in(page)["charts"]["views"]] == [True, False, False]


def test_a_store_that_is_gone_leaves_a_page_that_says_so(store: BarStore, tmp_path: Path) -> None:
    days = days_of(store, store.folder)

    page = write_page(tmp_path, SETTINGS, days, Sources(tmp_path / "elsewhere", CALENDAR), "en")

    assert words("en")["notes"]["no_comparison"] in page.read_text()
    assert shown_in(page)["charts"]["unrecorded"] == len(DAYS)


def test_a_damaged_store_leaves_a_page_that_says_so(store: BarStore, tmp_path: Path) -> None:
    days = days_of(store, store.folder)
    (store.folder / "minute" / f"{DAYS[0]}.parquet").write_bytes(b"no parquet")

    page = write_page(tmp_path, SETTINGS, days, sources(store), "ko")

    assert "저장된 봉을 읽을 수 없어" in page.read_text()


def test_one_session_has_a_page_of_its_own(store: BarStore, tmp_path: Path) -> None:
    day = days_of(store, store.folder)[1]

    page = write_day_page(tmp_path, SETTINGS, day, sources(store), "en")

    assert page.name == f"report-{DAYS[1]}.html"
    assert len(shown_in(page)["charts"]["views"]) == 1
    assert shown_in(page)["equity"]["marked"][-1][1] == day.trades[0].net_pnl


def test_an_unsound_day_stands_at_the_head(store: BarStore, tmp_path: Path) -> None:
    first, *others = days_of(store, store.folder)
    broken = DayResult(first.date, first.bars, first.gaps, first.trades, violations=("I1: one order twice",))

    text = write_page(tmp_path, SETTINGS, [broken, *others], sources(store), "en").read_text()

    assert "NOT SOUND (1)" in " ".join(text.split())
    assert text.index("I1: one order twice") < text.index(words("en")["sections"]["equity"] + "</h2>")


def test_rules_of_another_version_leave_the_lines_out() -> None:
    good = rules_of(SETTINGS)

    assert good is not None
    assert f"{good.exits.stop_loss}" == "0.02"
    assert rules_of(Settings(**{**vars(SETTINGS), "rules": {"exits.of_the_future": "1"}})) is None


def test_the_market_has_universe_daily_bars_and_indexes(store: BarStore) -> None:
    folder = store.folder / "index"
    folder.mkdir()
    (folder / "KOSPI.csv").write_text('Date,Close\n2025-11-18,"3,953.62"\n20251117,4089.25\n')

    found = read_market(store, {SessionDate(DAYS[0]): [STOCK]}, universe=True)

    assert found.indexes == {"KOSPI": [(DAYS[0], 4_089.25), (DAYS[1], 3_953.62)]}
    assert sorted(found.on(DAYS[0]).universe) == sorted(STOCKS)
    assert list(found.on(DAYS[0]).minutes) == [STOCK]
    assert set(found.daily) == set(STOCKS)
    assert found.on(DAYS[1]).minutes == {}


def test_an_index_closes_at_its_last_stored_minute_and_the_file_has_the_other_days(tmp_path: Path) -> None:
    minutes = IndexMinutes(tmp_path)
    for day, level in zip(DAYS[:2], ("2600.10", "2611.25"), strict=True):
        minutes.write(day, {Market.KOSPI: [a_level(540, "2500"), a_level(930, level)]})
    (tmp_path / "index" / "KOSPI.csv").write_text(f"date,close\n{DAYS[0]},1\n2025-11-14,2590\n")

    assert read_indexes(tmp_path) == {
        "KOSPI": [(date(2025, 11, 14), 2590.0), (DAYS[0], 2600.1), (DAYS[1], 2611.25)],
    }


def a_level(minute: int, level: str) -> IndexBar:
    return IndexBar(minute, *[Decimal(level)] * 4)


@pytest.mark.parametrize("row", ["yesterday,1", "2025-11-17,", "2025-11-17,0", "2025-11-17,inf"])
def test_a_bad_index_row_is_named_with_its_line(tmp_path: Path, row: str) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "KOSDAQ.csv").write_text(f"date,close\n{row}\n")

    with pytest.raises(HistoryError, match=r"KOSDAQ\.csv, line 2: .* write the columns date and close"):
        read_indexes(tmp_path)
