"""Details of a stock come from the day that is being played: ticks, brokers, investors, programs, auctions."""

from itertools import pairwise

import pytest

from simulator.catalogue import FUNCTIONS
from simulator.clock import kst_instant
from simulator.flows import flows_of
from simulator.krx.units import Symbol
from simulator.quotes import levels_of
from tests.simulator.market_day import SAMSUNG, Client, Day, a_simulation
from tests.simulator.official_calls import STOCK, asked

HYNIX = Symbol("000660")


async def test_a_tick_shows_the_price_and_the_book_of_its_own_time() -> None:
    client = Client(a_simulation("2026-11-23 10:30:00"))

    rows = (await asked(client, "inquire_time_itemconclusion", **STOCK, FID_INPUT_HOUR_1="093000"))["output2"]

    then = client.simulation.exchange.snapshot(SAMSUNG, kst_instant(f"2026-11-23 {_clock(rows[0]['stck_cntg_hour'])}"))
    asks, bids = levels_of(client.simulation, then)
    assert rows[0]["stck_cntg_hour"] <= "093000"
    assert (rows[0]["stck_prpr"], rows[0]["stck_pbpr"]) == (str(then.price), str(then.price))
    assert (rows[0]["askp"], rows[0]["bidp"]) == (str(asks[0].price), str(bids[0].price))


def _clock(hhmmss: str) -> str:
    return f"{hhmmss[:2]}:{hhmmss[2:4]}:{hhmmss[4:]}"


@pytest.mark.parametrize("function", ["inquire_time_itemconclusion", "inquire_time_itemchartprice"])
async def test_a_blank_time_means_now(function: str) -> None:
    client = Client(a_simulation("2026-11-23 10:30:00"))

    blank = await asked(client, function, **STOCK)
    now = await asked(client, function, **STOCK, FID_INPUT_HOUR_1="103000")

    assert blank["output2"] == now["output2"] != []


async def test_brokers_are_a_list_of_one_row() -> None:
    rows = (await asked(Client(a_simulation()), "inquire_member", **STOCK))["output"]

    assert isinstance(rows, list)
    assert len(rows) == 1


async def test_the_volume_at_each_price_adds_up_to_the_days_volume() -> None:
    client = Client(a_simulation("2026-11-23 10:29:59"))

    body = await asked(client, "pbar_tratio", **STOCK)

    assert sum(int(row["cntg_vol"]) for row in body["output2"]) == int(body["output1"]["acml_vol"])
    volumes = [int(row["cntg_vol"]) for row in body["output2"]]
    assert volumes == sorted(volumes, reverse=True)


async def test_trades_by_amount_are_all_of_a_days_trades() -> None:
    client = Client(a_simulation("2026-11-23 10:29:59"))

    rows = (await asked(client, "tradprt_byamt", **STOCK))["output"]
    price = (await asked(client, "inquire_price", **STOCK))["output"]

    assert abs(sum(int(row["acml_vol"]) for row in rows) - int(price["acml_vol"])) <= len(rows)


async def test_the_days_of_buyers_and_sellers_have_the_volume_of_the_chart() -> None:
    client = Client(a_simulation())
    dates = {"FID_PERIOD_DIV_CODE": "D", "FID_INPUT_DATE_1": "20261101", "FID_INPUT_DATE_2": "20261123"}

    taken = (await asked(client, "inquire_daily_trade_volume", **STOCK, **dates))["output2"]
    chart = (await asked(client, "inquire_daily_itemchartprice", **STOCK, **dates))["output2"]

    volumes = [(row["stck_bsop_date"], int(row["total_seln_qty"]) + int(row["total_shnu_qty"])) for row in taken]
    assert volumes == [(row["stck_bsop_date"], int(row["acml_vol"])) for row in chart]


@pytest.mark.parametrize(("at", "places"), [("09:29", 0), ("09:31", 1), ("14:00", 3), ("15:20", 5)])
async def test_estimates_of_foreigners_and_institutions_come_five_times_a_day(at: str, places: int) -> None:
    client = Client(a_simulation(f"2026-11-23 {at}:00"))

    rows = (await asked(client, "investor_trend_estimate", MKSC_SHRN_ISCD=SAMSUNG))["output2"]

    assert [row["bsop_hour_gb"] for row in rows] == [str(place) for place in range(places, 0, -1)]


def test_what_all_investors_buy_is_what_all_sell() -> None:
    flows = flows_of(SAMSUNG, "20261123", 1_000_003)

    everyone = [flows[name] for name in ("prsn", "frgn", "orgn")]
    kinds = [flows[name] for name in ("scrt", "ivtr", "pe_fund", "bank", "insu", "mrbn", "fund")]
    assert sum(flow.bought for flow in everyone) == sum(flow.sold for flow in everyone) == 1_000_003
    assert (sum(one.bought for one in kinds), sum(one.sold for one in kinds)) == flows["orgn"]


async def test_a_markets_investors_are_the_sum_of_its_days_and_balance() -> None:
    client = Client(a_simulation())

    today = await asked(client, "inquire_investor_time_by_market", FID_INPUT_ISCD="KSQ", FID_INPUT_ISCD_2="1001")
    of_days = await asked(
        client,
        "inquire_investor_daily_by_market",
        FID_COND_MRKT_DIV_CODE="U",
        FID_INPUT_ISCD="1001",
        FID_INPUT_ISCD_1="KSQ",
    )

    row = today["output"][0]
    assert abs(sum(int(row[f"{who}_ntby_qty"]) for who in ("prsn", "frgn", "orgn"))) <= 1
    assert len(of_days["output"]) == 100
    for each in of_days["output"]:
        assert abs(sum(int(each[f"{who}_ntby_qty"]) for who in ("prsn", "frgn", "orgn"))) <= 1


async def test_program_trades_of_a_stock_only_grow_during_a_day() -> None:
    client = Client(a_simulation("2026-11-23 10:30:00"))

    rows = (await asked(client, "program_trade_by_stock", **STOCK))["output"]

    assert len(rows) == 30
    for later, earlier in pairwise(rows):
        assert later["bsop_hour"] > earlier["bsop_hour"]
        assert int(later["whol_smtn_shnu_vol"]) >= int(earlier["whol_smtn_shnu_vol"])
        grown = int(later["whol_smtn_ntby_qty"]) - int(earlier["whol_smtn_ntby_qty"])
        assert int(later["whol_ntby_vol_icdc"]) == grown


async def test_a_brokers_days_are_its_share_of_the_volume() -> None:
    client = Client(a_simulation("2026-11-23 16:00:00"))

    days = (await asked(client, "inquire_member_daily", **STOCK, FID_INPUT_ISCD_2="00003"))["output"]
    today = (await asked(client, "inquire_member", **STOCK))["output"][0]

    place = next(place for place in range(1, 6) if today[f"shnu_mbcr_no{place}"] == "00003")
    assert days[0]["total_shnu_qty"] == today[f"total_shnu_qty{place}"]


async def test_the_expected_match_of_an_auction_becomes_its_price() -> None:
    client = Client(a_simulation("2026-11-23 08:45:00"))

    body = await asked(client, "exp_price_trend", **STOCK, FID_MKOP_CLS_CODE="0")
    Day(client.simulation).reaches("2026-11-23 09:00:01")
    price = (await asked(client, "inquire_price", **STOCK))["output"]

    assert body["output1"]["antc_cnpr"] == price["stck_oprc"]
    assert body["output2"][0]["stck_cntg_hour"] == "084500"


async def test_the_expected_close_is_listed_in_the_closing_auction_only() -> None:
    client = Client(a_simulation())
    every = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "0000"}

    early = (await asked(client, "exp_closing_price", **every))["output"]
    Day(client.simulation).reaches("2026-11-23 15:25:00")
    late = (await asked(client, "exp_closing_price", **every))["output"]

    assert (early, len(late)) == ([], 30)


async def test_a_saved_search_finds_the_stocks_that_fit_now() -> None:
    client = Client(a_simulation())
    base = client.simulation.exchange.snapshot(HYNIX, client.simulation.market_now()).base
    titles = (await asked(client, "psearch_title", USER_ID="haruhts"))["output2"]

    async def found(seq: str) -> list[str]:
        rows = (await asked(client, "psearch_result", USER_ID="haruhts", SEQ=seq))["output2"]
        return [row["code"] for row in rows]

    client.simulation.force_price(HYNIX, round(base * 1.05))
    risen = await found(titles[0]["seq"])
    client.simulation.force_price(HYNIX, round(base * 0.95))
    fallen = await found(titles[1]["seq"])

    assert HYNIX in risen
    assert HYNIX in fallen
    assert HYNIX not in await found(titles[0]["seq"])
    assert await found("99") == []


async def test_watched_groups_name_their_stocks() -> None:
    client = Client(a_simulation())

    groups = (await asked(client, "intstock_grouplist", USER_ID="haruhts"))["output2"]
    stocks = await asked(client, "intstock_stocklist_by_group", USER_ID="haruhts", INTER_GRP_CODE="002")

    count = next(group["ask_cnt"] for group in groups if group["inter_grp_code"] == "002")
    assert int(count) == len(stocks["output2"]) > 0
    assert stocks["output1"]["inter_grp_name"] == "코스닥"


async def test_the_trading_days_around_today_leave_out_the_weekend() -> None:
    (body,) = (await asked(Client(a_simulation("2026-11-20 09:30:00")), "market_time"))["output1"]

    assert [body[f"date{place}"] for place in range(2, 5)] == ["20261119", "20261120", "20261123"]
    assert (body["today"], body["time"], body["s_time"], body["e_time"]) == ("20261120", "093000", "090000", "153000")


@pytest.mark.parametrize(("at", "rt_cd"), [("15:39:59", "2"), ("15:40:00", "0")])
async def test_a_stocks_investors_by_day_are_shown_from_twenty_to_four(at: str, rt_cd: str) -> None:
    official = FUNCTIONS["investor_trade_by_stock_daily"]
    values = dict.fromkeys(official.params.split(), "") | STOCK

    body = (await Client(a_simulation(f"2026-11-23 {at}")).get(official.path, official.real[0], values)).json()

    assert body["rt_cd"] == rt_cd
    assert rt_cd == "0" or "TIME LIMIT" in body["msg1"]


async def test_the_single_price_session_has_a_match_every_ten_minutes_until_it_was_abolished() -> None:
    before, since = Client(a_simulation("2026-09-11 16:35:00")), Client(a_simulation("2026-11-23 16:35:00"))

    then = (await asked(before, "inquire_time_overtimeconclusion", **STOCK, FID_HOUR_CLS_CODE="1"))["output2"]
    now = (await asked(since, "inquire_time_overtimeconclusion", **STOCK, FID_HOUR_CLS_CODE="1"))["output2"]

    assert [row["stck_cntg_hour"] for row in then] == ["163000", "162000", "161000"]
    assert now == []


async def test_what_open_orders_hold_is_missing_from_the_money_for_orders() -> None:
    client = Client(a_simulation())
    account = {"CANO": "12345678", "ACNT_PRDT_CD": "01"}
    day = Day(client.simulation)
    before = (await asked(client, "intgr_margin", **account))["output"]

    day.buys(1, client.simulation.exchange.snapshot(SAMSUNG, day.now).limits.lower)
    after = (await asked(client, "intgr_margin", **account))["output"]

    held = int(after["stck_cash_use_amt"])
    assert held > 0
    assert int(before["stck_cash_ord_psbl_amt"]) - held == int(after["stck_cash_ord_psbl_amt"])


async def test_a_warrant_is_unknown() -> None:
    values = {"FID_COND_MRKT_DIV_CODE": "W", "FID_INPUT_ISCD": "57LA50"}

    output = (await asked(Client(a_simulation()), "inquire_elw_price", **values))["output"]

    assert (output["elw_shrn_iscd"], output["elw_prpr"], output["hts_kor_isnm"]) == ("57LA50", "0", "")
