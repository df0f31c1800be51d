"""Indices over time agree with one another and with the stocks behind them."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from simulator.catalogue import FUNCTIONS
from tests.simulator.market_day import SAMSUNG, Client, Day, a_simulation
from tests.simulator.official_calls import asked as asked_of

INDEX = {"FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": "0001"}
DAILY = {"FID_PERIOD_DIV_CODE": "D", "FID_INPUT_DATE_1": "20261001", "FID_INPUT_DATE_2": "20261123"}


async def asked(client: Client, function: str, **values: str) -> dict[str, Any]:
    return await asked_of(client, function, **INDEX | values)


@pytest.mark.parametrize("code", ["0001", "1001", "2001"])
async def test_price_time_prices_and_charts_show_one_level(code: str) -> None:
    client = Client(a_simulation())

    now = (await asked(client, "inquire_index_price", FID_INPUT_ISCD=code))["output"]
    times = (await asked(client, "inquire_index_timeprice", FID_INPUT_ISCD=code, FID_INPUT_HOUR_1="60"))["output"]
    minutes = await asked(client, "inquire_time_indexchartprice", FID_INPUT_ISCD=code, FID_INPUT_HOUR_1="60")
    days = await asked(client, "inquire_daily_indexchartprice", FID_INPUT_ISCD=code, **DAILY)

    level = now["bstp_nmix_prpr"]
    assert Decimal(level) > 0
    assert [times[0]["bstp_nmix_prpr"], minutes["output2"][0]["bstp_nmix_prpr"]] == [level, level]
    assert [minutes["output1"]["bstp_nmix_prpr"], days["output2"][0]["bstp_nmix_prpr"]] == [level, level]
    assert (times[0]["bsop_hour"], len(times)) == ("093000", 31)


async def test_each_days_close_is_the_base_of_the_next() -> None:
    rows = (await asked(Client(a_simulation()), "inquire_index_daily_price", FID_PERIOD_DIV_CODE="D"))["output2"]

    assert len(rows) == 100
    for later, earlier in pairwise(rows):
        before = Decimal(later["bstp_nmix_prpr"]) - Decimal(later["bstp_nmix_prdy_vrss"])
        assert before == Decimal(earlier["bstp_nmix_prpr"])
        assert Decimal(later["bstp_nmix_lwpr"]) <= Decimal(later["bstp_nmix_prpr"]) <= Decimal(later["bstp_nmix_hgpr"])


async def test_the_minutes_of_a_session_go_on_into_the_one_before_where_that_is_asked_for() -> None:
    client = Client(a_simulation())

    today = (await asked(client, "inquire_time_indexchartprice", FID_INPUT_HOUR_1="60"))["output2"]
    both = await asked(client, "inquire_time_indexchartprice", FID_INPUT_HOUR_1="60", FID_PW_DATA_INCU_YN="Y")

    assert (len(today), {row["stck_bsop_date"] for row in today}) == (31, {"20261123"})
    assert (len(both["output2"]), {row["stck_bsop_date"] for row in both["output2"]}) == (102, {"20261123", "20261120"})


async def test_a_stock_that_is_forced_moves_its_indices_and_no_other() -> None:
    client = Client(a_simulation())

    async def levels() -> list[Decimal]:
        rows = [await asked(client, "inquire_index_price", FID_INPUT_ISCD=code) for code in ("0001", "1001", "2001")]
        return [Decimal(row["output"]["bstp_nmix_prpr"]) for row in rows]

    before = await levels()
    client.simulation.force_price(SAMSUNG, round(Day(client.simulation).price() * 1.1))
    after = await levels()

    assert [now > then for now, then in zip(after, before, strict=True)] == [True, False, True]


async def test_an_index_stands_still_after_the_close() -> None:
    client = Client(a_simulation("2026-11-23 15:31:00"))
    closed = (await asked(client, "inquire_index_price"))["output"]["bstp_nmix_prpr"]

    Day(client.simulation).reaches("2026-11-23 18:00:00")

    assert (await asked(client, "inquire_index_price"))["output"]["bstp_nmix_prpr"] == closed


async def test_the_expected_level_of_an_auction_becomes_the_opening() -> None:
    client = Client(a_simulation("2026-11-23 08:50:00"))

    expected = (await asked(client, "exp_index_trend", FID_MKOP_CLS_CODE="1", FID_INPUT_HOUR_1="60"))["output"]
    Day(client.simulation).reaches("2026-11-23 09:00:00")
    opened = (await asked(client, "inquire_index_price"))["output"]

    assert (len(expected), expected[0]["stck_cntg_hour"]) == (21, "085000")
    assert expected[0]["bstp_nmix_prpr"] == opened["bstp_nmix_oprc"]


async def test_the_closing_level_is_not_known_before_the_closing_auction() -> None:
    client = Client(a_simulation())

    early = (await asked(client, "exp_total_index", FID_MKOP_CLS_CODE="2"))["output2"][0]
    now = (await asked(client, "inquire_index_price"))["output"]

    assert (early["bstp_nmix_prpr"], early["acml_vol"]) == (now["bstp_nmix_prpr"], "0")


async def test_the_indices_of_a_market_are_listed_together() -> None:
    client = Client(a_simulation())

    of_kospi = (await asked(client, "inquire_index_category_price", FID_MRKT_CLS_CODE="K"))["output2"]
    all_of_them = (await asked(client, "exp_total_index", FID_MRKT_CLS_CODE="0", FID_MKOP_CLS_CODE="1"))["output2"]

    assert [row["bstp_cls_code"] for row in of_kospi] == ["0001", "2001"]
    assert [row["bstp_cls_code"] for row in all_of_them] == ["0001", "1001", "2001"]


async def test_an_unknown_index_has_no_chart() -> None:
    official = FUNCTIONS["inquire_index_timeprice"]
    values = INDEX | {"FID_INPUT_ISCD": "9999", "FID_INPUT_HOUR_1": "60"}

    body = (await Client(a_simulation()).get(official.path, official.real[0], values)).json()

    assert (body["rt_cd"], body["msg_cd"]) == ("2", "OPSQ2001")
