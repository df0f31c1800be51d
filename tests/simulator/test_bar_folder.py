"""A store of bars in the simulator: many sessions, previous closes from daily bars, ETFs, gaps and refusals."""

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from domain.bar import DailyBar, MinuteBar
from domain.market import Market, Symbol
from history.store import BarStore, Instrument
from simulator.__main__ import main
from simulator.bar_folder import read_bars
from simulator.krx import units
from simulator.krx.units import Side
from simulator.recorded import BarsError, Recording
from tests.simulator.market_day import CALENDAR, SAMSUNG, Client, Day, a_simulation

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, day) for day in (23, 24, 25))
EPIS, KODEX = Symbol("0126Z0"), Symbol("069500")
QUOTE: Final = {"FID_COND_MRKT_DIV_CODE": "J"}


def minutes_at(price: int, count: int = 380, volume: int = 100) -> list[MinuteBar]:
    return [MinuteBar(540 + minute, price, price, price, price, volume) for minute in range(count)]


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    return BarStore(tmp_path / "bars")


def played(store: BarStore, *, only: bool = True) -> Recording:
    return read_bars(store.folder, CALENDAR, only=only)


async def test_many_sessions_are_played_in_order_and_the_previous_close_comes_from_daily_bars(store: BarStore) -> None:
    store.write_day(MONDAY, {EPIS: minutes_at(10_000)})
    store.write_day(WEDNESDAY, {EPIS: minutes_at(12_500)})
    of_tuesday = DailyBar(TUESDAY, 11_000, 12_900, 10_900, 12_000, 777)
    store.write_daily({EPIS: [DailyBar(MONDAY, 1, 1, 1, 1, 1, None, 9_500), of_tuesday]})
    simulation = a_simulation("2026-11-23 10:00:00", recording=played(store))
    day, client = Day(simulation), Client(simulation)

    prices = {}
    for moment in ("2026-11-23 10:00:00", "2026-11-24 10:00:00", "2026-11-25 10:00:00"):
        day.reaches(moment)
        seen = simulation.exchange.snapshot(EPIS, day.now)
        prices[moment[:10]] = (seen.base, seen.price, seen.totals.volume)
    asked = {"FID_INPUT_DATE_1": "20261123", "FID_INPUT_DATE_2": "20261124", "FID_PERIOD_DIV_CODE": "D"}
    stock = {**QUOTE, "FID_INPUT_ISCD": EPIS, "FID_ORG_ADJ_PRC": "1"}
    chart = (await client.get("/quotations/inquire-daily-itemchartprice", "FHKST03010100", stock | asked)).json()

    assert prices == {
        "2026-11-23": (9_500, 10_000, 6_001),
        "2026-11-24": (10_000, 10_000, 0),
        "2026-11-25": (12_000, 12_500, 6_001),
    }
    newest = chart["output2"][0]
    assert (newest["stck_hgpr"], newest["stck_clpr"], newest["acml_vol"]) == ("12900", "12000", "777")


def test_only_recorded_stocks_are_listed_when_asked_for(store: BarStore) -> None:
    store.write_day(MONDAY, {EPIS: minutes_at(10_000)})
    store.write_instruments([Instrument(EPIS, "삼성에피스홀딩스", Market.KOSDAQ)])

    alone, mixed = (a_simulation(recording=played(store, only=only)).exchange for only in (True, False))

    assert list(alone.tapes) == [EPIS]
    assert SAMSUNG in mixed.tapes
    assert (alone.tapes[EPIS].listing.name, alone.tapes[EPIS].listing.market) == (
        "삼성에피스홀딩스",
        units.Market.KOSDAQ,
    )
    assert alone.tapes[EPIS].listing.isin == "KR70126Z0000"
    assert played(store).digest != played(store, only=False).digest


async def test_an_etf_trades_on_its_own_grid(store: BarStore) -> None:
    prices = [30_005 + 5 * (minute % 9) for minute in range(380)]
    bars = [MinuteBar(540 + minute, price, price, price, price, 100) for minute, price in enumerate(prices)]
    store.write_day(MONDAY, {KODEX: bars})
    recording = played(store)
    simulation = a_simulation("2026-11-23 09:00:30", recording=recording)
    day = Day(simulation)

    levels = simulation.engine.liquidity.levels(KODEX, Side.SELL, simulation.exchange.shown_session(day.now), 30)
    order = day.buys(1, 29_995, KODEX)
    shown = (
        await Client(simulation).get("/quotations/inquire-price", "FHKST01010100", {**QUOTE, "FID_INPUT_ISCD": KODEX})
    ).json()

    assert recording.changes["prices off the grid rounded"] == 0
    assert [later.price - earlier.price for earlier, later in pairwise(levels)] == [5] * 9
    assert order.price == 29_995
    assert (shown["output"]["aspr_unit"], shown["output"]["rprs_mrkt_kor_name"]) == ("5", "ETF")


def test_minutes_without_volume_are_gaps_and_a_session_without_a_closing_auction_trades_none(store: BarStore) -> None:
    store.write_day(MONDAY, {EPIS: [*minutes_at(10_000, 2), MinuteBar(545, 10_500, 10_500, 10_500, 10_500, 0)]})
    recording = played(store)
    simulation = a_simulation("2026-11-23 15:40:00", recording=recording)
    path = simulation.exchange.path(EPIS, simulation.exchange.shown_session(Day(simulation).now))

    assert recording.changes["minutes without volume left out"] == 1
    assert path.bar(5)[:5] == (10_000, 10_000, 10_000, 10_000, 0)


def test_a_day_that_cannot_be_played_is_refused_with_its_reason_and_the_others_play(store: BarStore) -> None:
    store.write_day(
        MONDAY, {EPIS: minutes_at(10_000), Symbol(SAMSUNG): minutes_at(70_000), KODEX: minutes_at(30_000, volume=0)}
    )
    store.write_daily({Symbol(SAMSUNG): [DailyBar(MONDAY, 1, 1, 1, 1, 1, None, 210_000)]})

    recording = played(store)

    assert list(recording.days) == [EPIS]
    assert [each.partition(":")[0] for each in recording.refused] == ["005930 2026-11-23", "069500 2026-11-23"]
    assert "leave the limits 147000 to 273000 around the previous close 210000; give daily bars" in recording.refused[0]
    assert recording.report()[0] == "1 recorded stock-days play, 2 are refused"


def test_a_guessed_previous_close_gives_way_to_the_days_first_price(store: BarStore) -> None:
    store.write_day(MONDAY, {EPIS: minutes_at(50_000)})
    store.write_day(TUESDAY, {EPIS: minutes_at(5_000)})

    recording = played(store)

    assert [bars.base for bars in recording.days[EPIS].values()] == [50_000, 5_000]


def test_sessions_before_the_seeded_market_are_played(store: BarStore) -> None:
    store.write_day(date(2024, 3, 4), {EPIS: minutes_at(10_000)})

    exchange = a_simulation("2024-03-04 10:00:00", recording=played(store)).exchange

    assert exchange.snapshot(EPIS, Day(a_simulation("2026-11-23 10:00:00")).now).base == 10_000


def test_the_program_says_what_it_plays_and_refuses_a_store_without_a_playable_day(
    store: BarStore, capsys: pytest.CaptureFixture[str]
) -> None:
    store.write_day(MONDAY, {EPIS: minutes_at(10_000, volume=0)})

    assert main(["--bars", str(store.folder)]) == 2
    assert "no recorded day can be played: 0126Z0 2026-11-23: nothing traded" in capsys.readouterr().err
    (store.folder / "minute" / "2026-11-23.parquet").write_bytes(b"no")
    with pytest.raises(BarsError, match=r"2026-11-23\.parquet cannot be read"):
        played(store)
