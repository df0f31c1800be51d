"""Minutes of an index are imported and kept beside the stocks."""

from datetime import date
from decimal import Decimal
from pathlib import Path

from domain.bar import IndexBar
from domain.market import Market
from history.index_minutes import IndexMinutes
from history.store import BarStore
from tests.history.test_importing import FIRST, MONDAY, SAMSUNG, a_file, bars_in, gathered_from, merged_into

INDEX = """date,time,symbol,open,high,low,close,volume
20261123,0900,KOSPI,2600.10,2601.5,2599.90,2601,0
20261123,0901,코스피,2601,"2,603.25",2601,2602.75,0
20261123,0901,KOSDAQ,850,850,850,850,0
20261123,0902,KOSPI,0,1,1,1,0
20261123,0800,KOSPI,2600,2600,2600,2600,0
20261123,0900,005930,70000,70500,69900,70300,60000
"""


def test_minutes_of_an_index_are_kept_beside_the_stocks(tmp_path: Path) -> None:
    store = BarStore(tmp_path / "store")
    gathered = gathered_from(a_file(tmp_path, INDEX))
    again = merged_into(store, tmp_path / "bars.csv")

    assert bars_in(gathered) == [FIRST]
    indices = IndexMinutes(store.folder)
    assert indices.of(MONDAY) == {
        Market.KOSPI: [
            IndexBar(540, Decimal("2600.10"), Decimal("2601.50"), Decimal("2599.90"), Decimal("2601.00")),
            IndexBar(541, Decimal("2601.00"), Decimal("2603.25"), Decimal("2601.00"), Decimal("2602.75")),
        ],
        Market.KOSDAQ: [IndexBar(541, *[Decimal("850.00")] * 4)],
    }
    assert list(store.day(MONDAY).stocks) == [SAMSUNG]
    assert indices.close_before(date(2026, 11, 24), Market.KOSPI) == Decimal("2602.75")
    assert indices.close_before(MONDAY, Market.KOSPI) == indices.close_before(date(2027, 3, 2), Market.KOSPI) == 0
    (verdict,) = gathered.verdicts
    assert verdict.refusals == {"level": 1}
    assert verdict.left_out == {"outside the regular session": 1}
    assert (again.index_days, again.writes) == (2, 3)
    assert merged_into(store, tmp_path / "bars.csv").writes == 0


def test_a_file_named_after_an_index_needs_no_symbol(tmp_path: Path) -> None:
    text = "date,time,open,high,low,close,volume\n20261123,0900,850,851,849,850.5,1\n"

    gathered = gathered_from(a_file(tmp_path, text, "KOSDAQ.csv"))

    assert list(gathered.indices[MONDAY]) == [Market.KOSDAQ]
    assert gathered.minutes == {}


def test_daily_bars_of_an_index_are_left_out(tmp_path: Path) -> None:
    gathered = gathered_from(a_file(tmp_path, "date,symbol,open,high,low,close,volume\n20261123,KOSPI,1,1,1,1,1\n"))

    assert gathered.verdicts[0].left_out == {"daily bars of an index": 1}
