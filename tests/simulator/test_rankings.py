"""Rankings: filters in which zero means no limit, and measures of the market that is being played."""

from itertools import pairwise
from typing import Any

import pytest

from simulator.catalogue import FUNCTIONS
from simulator.krx.units import Symbol
from simulator.pressure import pressure_of
from tests.simulator.market_day import SAMSUNG, Client, Day, a_simulation
from tests.simulator.official_calls import asked

NO_LIMIT = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "0000"}
LIMITS = (
    *("FID_INPUT_PRICE_1", "FID_INPUT_PRICE_2", "FID_VOL_CNT", "FID_RSFL_RATE1", "FID_RSFL_RATE2"),
    *("FID_APLY_RANG_PRC_1", "FID_APLY_RANG_PRC_2", "FID_APLY_RANG_VOL"),
)
ADMINISTRATIVE = "001470"


async def ranked(client: Client, function: str, **values: str) -> list[dict[str, Any]]:
    zeros = dict.fromkeys(FUNCTIONS[function].params.split(), "0")
    rows: list[dict[str, Any]] = (await asked(client, function, **zeros | NO_LIMIT | values))["output"]
    return rows


def numbers(rows: list[dict[str, Any]], name: str) -> list[float]:
    return [float(row[name]) for row in rows]


@pytest.mark.parametrize("function", ["volume_rank", "fluctuation", "market_cap", "disparity", "traded_by_company"])
@pytest.mark.parametrize("nothing", ["", "0"])
async def test_a_filter_of_zero_or_blank_is_no_limit(function: str, nothing: str) -> None:
    rows = await ranked(Client(a_simulation()), function, **dict.fromkeys(LIMITS, nothing))

    assert len(rows) == 30


async def test_prices_and_volumes_of_a_filter_are_bounds() -> None:
    client = Client(a_simulation())

    rows = await ranked(
        client, "volume_rank", FID_INPUT_PRICE_1="20000", FID_INPUT_PRICE_2="80000", FID_VOL_CNT="50000"
    )

    assert rows
    assert all(20_000 <= int(row["stck_prpr"]) <= 80_000 and int(row["acml_vol"]) >= 50_000 for row in rows)


async def test_a_change_of_zero_to_ten_percent_leaves_out_the_losers() -> None:
    rows = await ranked(Client(a_simulation()), "fluctuation", FID_RSFL_RATE1="0", FID_RSFL_RATE2="10")

    assert rows
    assert all(0 <= float(row["prdy_ctrt"]) <= 10 for row in rows)


@pytest.mark.parametrize(("market", "code"), [("0001", "KOSPI200"), ("1001", "KOSDAQ"), ("2001", "KOSPI200")])
async def test_a_ranking_is_of_one_market(market: str, code: str) -> None:
    client = Client(a_simulation())

    rows = await ranked(client, "market_cap", FID_INPUT_ISCD=market)

    listed = [client.simulation.exchange.tapes[Symbol(row["mksc_shrn_iscd"])].listing for row in rows]
    assert {listing.board for listing in listed} == {code}


@pytest.mark.parametrize(
    ("function", "name", "values"),
    [
        ("volume_power", "tday_rltv", {}),
        ("quote_balance", "total_ntsl_bidp_rsqn", {}),
        ("quote_balance", "shnu_rsqn_rate", {"FID_RANK_SORT_CLS_CODE": "2"}),
        ("market_cap", "stck_avls", {}),
        ("exp_trans_updown", "prdy_ctrt", {}),
        ("exp_trans_updown", "antc_tr_pbmn", {"FID_RANK_SORT_CLS_CODE": "6"}),
        ("disparity", "d20_dsrt", {"FID_HOUR_CLS_CODE": "20"}),
        ("bulk_trans_num", "shnu_cntg_csnu", {"FID_INPUT_ISCD_2": "", "FID_INPUT_PRICE_1": "10000000"}),
        ("top_interest_stock", "inter_issu_reg_csnu", {}),
        ("traded_by_company", "shnu_cnqn_smtn", {"FID_RANK_SORT_CLS_CODE": "1"}),
    ],
)
async def test_the_greatest_measure_comes_first(function: str, name: str, values: dict[str, str]) -> None:
    rows = await ranked(Client(a_simulation()), function, **values)

    measured = numbers(rows, name)
    assert len(set(measured)) > 5
    assert measured == sorted(measured, reverse=True)


@pytest.mark.parametrize(
    ("function", "name", "values"),
    [
        ("quote_balance", "total_ntsl_bidp_rsqn", {"FID_RANK_SORT_CLS_CODE": "1"}),
        ("disparity", "d5_dsrt", {"FID_RANK_SORT_CLS_CODE": "1", "FID_HOUR_CLS_CODE": "5"}),
        ("near_new_highlow", "hprc_near_rate", {}),
        ("near_new_highlow", "lwpr_near_rate", {"FID_PRC_CLS_CODE": "1"}),
    ],
)
async def test_the_least_measure_comes_first_where_that_is_asked_for(
    function: str, name: str, values: dict[str, str]
) -> None:
    rows = await ranked(Client(a_simulation()), function, **values)

    assert numbers(rows, name) == sorted(numbers(rows, name))


async def test_a_price_that_rises_strengthens_its_buyers() -> None:
    simulation = a_simulation()
    day = Day(simulation)

    def strength() -> float:
        return pressure_of(simulation.exchange, simulation.exchange.snapshot(SAMSUNG, day.now)).strength

    before = strength()
    simulation.force_price(SAMSUNG, day.price(), drift=0.01)
    day.passes(minutes=10)

    assert strength() > before
    rows = await ranked(Client(simulation), "volume_power", FID_INPUT_ISCD="0001")
    assert SAMSUNG in [row["stck_shrn_iscd"] for row in rows]


def test_shares_bought_and_sold_never_fall_and_add_up() -> None:
    simulation = a_simulation("2026-11-23 08:59:00")
    day, seen = Day(simulation), []
    for _ in range(40):
        day.passes(seconds=613)
        snapshot = simulation.exchange.snapshot(SAMSUNG, day.now)
        pressure = pressure_of(simulation.exchange, snapshot)
        assert sum(pressure) == snapshot.totals.volume
        seen.append(pressure)

    assert all(now.bought >= before.bought and now.sold >= before.sold for before, now in pairwise(seen))


async def test_a_stock_at_its_limit_is_captured_and_one_near_it_when_asked_for() -> None:
    client = Client(a_simulation())
    client.simulation.force_price(SAMSUNG, 10**6)
    base = client.simulation.exchange.snapshot(Symbol("000660"), client.simulation.market_now()).base
    client.simulation.force_price("000660", round(base * 0.84))

    at_limit = await ranked(client, "capture_uplowprice")
    near_below = await ranked(client, "capture_uplowprice", FID_PRC_CLS_CODE="1", FID_DIV_CLS_CODE="1")

    assert [row["mksc_shrn_iscd"] for row in at_limit] == [SAMSUNG]
    assert (at_limit[0]["stck_prpr"], at_limit[0]["total_askp_rsqn"]) == (at_limit[0]["stck_mxpr"], "0")
    assert "000660" in [row["mksc_shrn_iscd"] for row in near_below]


async def test_the_expected_match_of_the_closing_auction_is_shown_once_it_has_begun() -> None:
    early, late = Client(a_simulation()), Client(a_simulation("2026-11-23 15:25:00"))

    before = await ranked(early, "exp_trans_updown", FID_MKOP_CLS_CODE="1")
    during = await ranked(late, "exp_trans_updown", FID_MKOP_CLS_CODE="1")

    assert (before, len(during)) == ([], 30)


async def test_a_kind_selects_stocks_by_their_status() -> None:
    rows = await ranked(Client(a_simulation()), "disparity", FID_DIV_CLS_CODE="1")

    assert [row["mksc_shrn_iscd"] for row in rows] == [ADMINISTRATIVE]


async def test_a_place_to_begin_with_is_kept() -> None:
    client = Client(a_simulation())

    all_of_them = await ranked(client, "top_interest_stock", FID_INPUT_ISCD_2="000000")
    from_the_tenth = await ranked(client, "top_interest_stock", FID_INPUT_ISCD_2="000000", FID_INPUT_CNT_1="10")

    assert from_the_tenth[:20] == all_of_them[9:29]
    assert from_the_tenth[0]["data_rank"] == "10"


async def test_the_years_high_is_the_same_in_every_reply() -> None:
    client = Client(a_simulation())
    rows = await ranked(client, "near_new_highlow")
    symbol = rows[0]["mksc_shrn_iscd"]

    price = (await asked(client, "inquire_price", FID_COND_MRKT_DIV_CODE="J", FID_INPUT_ISCD=symbol))["output"]
    dates = {"FID_PERIOD_DIV_CODE": "D", "FID_INPUT_DATE_1": price["w52_hgpr_date"]}
    dates |= {"FID_INPUT_DATE_2": price["w52_hgpr_date"], "FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": symbol}
    day = (await asked(client, "inquire_daily_itemchartprice", **dates))["output2"][0]

    assert (price["w52_hgpr"], price["w52_lwpr"]) == (rows[0]["new_hgpr"], rows[0]["new_lwpr"])
    assert price["w52_hgpr"] in (day["stck_clpr"], day["stck_hgpr"])
    assert int(price["stck_dryy_hgpr"]) <= int(price["w52_hgpr"])
