"""KRX, NXT and both: one price, each with its own volume, book and stream."""

from datetime import timedelta

import pytest

from simulator.krx.units import Symbol
from simulator.simulation import Simulation
from simulator.stream.feeds import Wanted, feed_of
from simulator.stream.topics import TOPICS
from tests.simulator.market_day import SAMSUNG, Client, Day, a_simulation
from tests.simulator.official_calls import STOCK, asked
from tests.simulator.streaming import FIELDS, a_listener, a_venue

FLAGGED = "001470"
KRX, NXT, BOTH = "J", "NX", "UN"


def records(simulation: Simulation, tr_id: str, key: str = SAMSUNG, seconds: int = 30) -> list[list[str]]:
    """Return what a topic sends within some market seconds."""
    at = simulation.market_now()
    feed = feed_of(Wanted(simulation, TOPICS[tr_id], Symbol(key), simulation.settings.stream, at))
    return [record for second in range(1, seconds + 1) for record in feed.look(at + timedelta(seconds=second))]


@pytest.mark.parametrize(
    ("function", "output", "name"),
    [
        ("inquire_price", "output", "acml_vol"),
        ("inquire_price", "output", "acml_tr_pbmn"),
        ("inquire_asking_price_exp_ccn", "output1", "total_askp_rsqn"),
        ("inquire_time_itemchartprice", "output1", "acml_vol"),
    ],
)
async def test_both_venues_together_have_what_each_has(function: str, output: str, name: str) -> None:
    client = Client(a_simulation())

    krx, nxt, both = [
        int((await asked(client, function, **STOCK | {"FID_COND_MRKT_DIV_CODE": code}))[output][name])
        for code in (KRX, NXT, BOTH)
    ]

    assert 0 < nxt < krx
    assert abs(krx + nxt - both) <= 10


async def test_the_price_is_the_same_on_both() -> None:
    client = Client(a_simulation())

    prices = {
        (await asked(client, "inquire_price", **STOCK | {"FID_COND_MRKT_DIV_CODE": code}))["output"]["stck_prpr"]
        for code in (KRX, NXT, BOTH)
    }

    assert len(prices) == 1


@pytest.mark.parametrize("function", ["inquire_daily_itemchartprice", "inquire_time_itemchartprice"])
async def test_the_bars_of_both_venues_have_more_volume(function: str) -> None:
    client, dates = Client(a_simulation()), {"FID_INPUT_DATE_1": "20261101", "FID_INPUT_DATE_2": "20261123"}
    name = {"inquire_daily_itemchartprice": "acml_vol"}.get(function, "cntg_vol")

    krx, both = [
        (await asked(client, function, **STOCK | dates | {"FID_COND_MRKT_DIV_CODE": code, "FID_PERIOD_DIV_CODE": "D"}))[
            "output2"
        ]
        for code in (KRX, BOTH)
    ]

    assert [int(row[name]) * 130 // 100 for row in krx] == [int(row[name]) for row in both]


async def test_nxt_does_not_know_a_stock_with_a_status() -> None:
    client = Client(a_simulation())

    output = (await asked(client, "inquire_price", FID_COND_MRKT_DIV_CODE=NXT, FID_INPUT_ISCD=FLAGGED))["output"]
    listed = [
        (await asked(client, "search_stock_info", PRDT_TYPE_CD="300", PDNO=symbol))["output"]["cptt_trad_tr_psbl_yn"]
        for symbol in (SAMSUNG, FLAGGED)
    ]

    assert output["stck_prpr"] == "0"
    assert listed == ["Y", "N"]


@pytest.mark.parametrize(
    "tr_id",
    ["H0NXCNT0", "H0UNASP0", "H0NXASP0", "H0STPGM0", "H0UNPGM0", "H0NXPGM0", "H0STMBC0", "H0UNMBC0", "H0NXMBC0"],
)
def test_a_record_is_as_wide_as_kis_sends_it(tr_id: str) -> None:
    sent = records(a_simulation(), tr_id)

    assert sent
    assert {len(record) for record in sent} == {FIELDS[tr_id]}
    assert {record[0] for record in sent} == {SAMSUNG}


@pytest.mark.parametrize(("tr_id", "fields"), [("H0UNCNT0", 46), ("H0UNASP0", 65), ("H0NXASP0", 65)])
def test_before_september_2026_the_records_of_two_venues_were_narrower(tr_id: str, fields: int) -> None:
    sent = records(a_simulation("2026-09-11 09:30:00"), tr_id)

    assert {len(record) for record in sent} == {fields}


@pytest.mark.parametrize("tr_id", ["H0UNANC0", "H0NXANC0"])
def test_an_expected_match_is_sent_in_auctions(tr_id: str) -> None:
    sent = records(a_simulation("2026-11-23 08:50:00"), tr_id)

    assert {len(record) for record in sent} == {FIELDS[tr_id]}


@pytest.mark.parametrize("tr_id", ["H0UNMKO0", "H0NXMKO0"])
def test_a_status_begins_with_the_stock(tr_id: str) -> None:
    sent = records(a_simulation("2026-11-23 08:59:50"), tr_id)

    assert [(record[0], len(record)) for record in sent] == [(SAMSUNG, FIELDS[tr_id])]


async def test_what_the_stream_trades_on_nxt_is_what_rest_shows_there() -> None:
    client = Client(a_simulation())
    sent = records(client.simulation, "H0NXCNT0")[-1]

    Day(client.simulation).passes(seconds=30)
    shown = (await asked(client, "inquire_price", **STOCK | {"FID_COND_MRKT_DIV_CODE": NXT}))["output"]

    assert (sent[2], sent[13], sent[14]) == (shown["stck_prpr"], shown["acml_vol"], shown["acml_tr_pbmn"])


async def test_program_trades_of_the_stream_are_those_of_rest() -> None:
    client = Client(a_simulation())
    sent = records(client.simulation, "H0STPGM0", seconds=1)[0]

    Day(client.simulation).passes(seconds=1)
    shown = (await asked(client, "program_trade_by_stock", **STOCK))["output"][0]

    names = ("seln_vol", "seln_tr_pbmn", "shnu_vol", "shnu_tr_pbmn", "ntby_qty", "ntby_tr_pbmn")
    assert sent[2:8] == [shown[f"whol_smtn_{name}"] for name in names]


async def test_an_index_streams_the_level_that_rest_shows() -> None:
    client = Client(a_simulation())
    sent = records(client.simulation, "H0UPCNT0", "0001", seconds=1)

    Day(client.simulation).passes(seconds=1)
    index = {"FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": "0001"}
    shown = (await asked(client, "inquire_index_price", **index))["output"]

    assert [(record[0], record[2], len(record)) for record in sent] == [("0001", shown["bstp_nmix_prpr"], 30)]


def test_an_expected_index_is_sent_in_auctions_only() -> None:
    auction, session = a_simulation("2026-11-23 08:50:00"), a_simulation()

    assert {len(record) for record in records(auction, "H0UPANC0", "1001")} == {30}
    assert records(session, "H0UPANC0", "1001") == []


async def test_an_index_is_registered_by_its_code() -> None:
    async with a_venue() as venue, await a_listener(venue) as listener:
        codes = [(await listener.asks("H0UPCNT0", key))["msg_cd"] for key in ("0001", "2001", SAMSUNG)]

    assert codes == ["OPSP0000", "OPSP0000", "OPSP8992"]
