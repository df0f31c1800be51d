"""KOSPI and KOSDAQ of the simulated exchange."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from simulator.bar_folder import read_bars
from simulator.bars import IndexBar
from simulator.index_days import Level, RecordedIndex
from simulator.index_levels import level_at
from simulator.krx.sessions import krx_calendar
from simulator.krx.units import Market
from tests.simulator.market_day import Client, a_simulation

OPEN = Decimal("2600.00")


async def asked(client: Client, code: str) -> dict[str, str]:
    values = {"FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": code}
    body = (await client.get("/quotations/inquire-index-price", "FHPUP02100000", values)).json()
    found: dict[str, str] = body["output"]
    return found


@pytest.mark.parametrize(("code", "reference"), [("0001", 2_600), ("1001", 850)])
async def test_an_index_follows_the_stocks_of_its_market(code: str, reference: int) -> None:
    simulation = a_simulation()

    row = await asked(Client(simulation), code)

    level, change = Decimal(row["bstp_nmix_prpr"]), Decimal(row["bstp_nmix_prdy_vrss"])
    assert reference / 2 < level < reference * 2
    assert row["prdy_vrss_sign"] == {True: "2", False: "5"}[change > 0]
    assert Decimal(row["bstp_nmix_lwpr"]) <= level <= Decimal(row["bstp_nmix_hgpr"])
    counts = [int(row[name]) for name in ("ascn_issu_cnt", "stnr_issu_cnt", "down_issu_cnt")]
    listed = [tape.listing for tape in simulation.exchange.tapes.values()]
    market = {"0001": Market.KOSPI, "1001": Market.KOSDAQ}[code]
    assert sum(counts) == len([each for each in listed if each.market is market and not each.etf])


async def test_todays_base_is_yesterdays_close() -> None:
    exchange, at = a_simulation().exchange, a_simulation().market_now()

    today, yesterday = level_at(exchange, Market.KOSPI, at), level_at(exchange, Market.KOSPI, at - timedelta(days=3))

    assert abs(today.before - yesterday.now) < today.before / 5
    session = exchange.shown_session(at)
    before = exchange.calendar.session_before(session.date)
    assert today.before == level_at(exchange, Market.KOSPI, before.ends_at + timedelta(minutes=1)).now


async def test_another_index_has_level_zero_and_a_stocks_market_is_refused() -> None:
    client = Client(a_simulation())

    assert (await asked(client, "3003"))["bstp_nmix_prpr"] == "0.00"
    values = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "0001"}
    refused = (await client.get("/quotations/inquire-index-price", "FHPUP02100000", values)).json()
    assert (refused["rt_cd"], refused["msg_cd"]) == ("2", "OPSQ2001")


def test_files_bring_the_index_of_their_days_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text(
        "date,time,symbol,open,high,low,close,volume\n"
        "20261120,0900,KOSPI,2590,2595.5,2590,2595.5,0\n"
        "20261123,0900,KOSPI,2600,2601,2600,2601,0\n"
        "20261123,0900,005930,70000,70500,69900,70300,60000\n"
    )

    recording = read_bars(tmp_path / "bars.csv", krx_calendar(2026, 2027))

    found = recording.indices[date(2026, 11, 23)]
    assert list(found) == [Market.KOSPI]
    assert found[Market.KOSPI].previous_close == Decimal("2595.50")


def test_a_recorded_level_is_the_open_of_its_minute_then_the_last_close_for_ten_minutes() -> None:
    opens = krx_calendar(2026, 2027).session_on(date(2026, 11, 23))
    assert opens is not None
    bars = [IndexBar(541, OPEN, OPEN + 2, OPEN, OPEN + 1), IndexBar(542, OPEN + 5, OPEN + 9, OPEN, OPEN + 7)]
    index = RecordedIndex(bars, OPEN - 10)

    def at(minutes: float) -> Level:
        return index.at(opens.opens_at + timedelta(minutes=minutes))

    assert at(0) == Level(OPEN - 10, OPEN - 10)
    assert [at(minutes).now - OPEN for minutes in (1, 1.9, 2, 3, 12)] == [0, 0, 5, 7, 7]
    assert at(13) == Level(Decimal(0), OPEN - 10)
