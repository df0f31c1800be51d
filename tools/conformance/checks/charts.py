"""Section 3: bars, rankings, the trading calendar and product data."""

from datetime import datetime, timedelta
from itertools import pairwise

from tools.conformance.asking import CannotAskError, expect, expect_fields
from tools.conformance.checks.fields import (
    DAILY_FIELDS,
    DAILY_HEAD_FIELDS,
    DAILY_PRICE_FIELDS,
    FLUCTUATION_FIELDS,
    HOLIDAY_FIELDS,
    MINUTE_FIELDS,
    MINUTE_HEAD_FIELDS,
    PRODUCT_FIELDS,
    STOCK_INFO_FIELDS,
    VOLUME_RANK_FIELDS,
)
from tools.conformance.checks.quotations import STOCK, SYMBOL, UNKNOWN, price
from tools.conformance.clock import KST, market_time
from tools.conformance.fact import REAL, Need, fact
from tools.conformance.kis import Kis, Reply

_MORE_THAN_A_PAGE = 160  # days; a page has 100 bars
_MINUTES = ("/quotations/inquire-time-itemchartprice", "FHKST03010200")
_RANKING = {
    "FID_COND_MRKT_DIV_CODE": "J",
    "FID_INPUT_ISCD": "0000",
    "FID_DIV_CLS_CODE": "0",
    "FID_INPUT_PRICE_1": "",
    "FID_INPUT_PRICE_2": "",
    "FID_VOL_CNT": "",
    "FID_INPUT_DATE_1": "",
}


@fact("3.4", "O")
async def minute_bars_come_newest_first(kis: Kis) -> None:
    """inquire-time-itemchartprice answers the stock's name and at most 30 one-minute bars, newest first."""
    reply = await kis.get(*_MINUTES, _minutes("153000"))

    rows = reply.rows("output2")
    times = [row["stck_bsop_date"] + row["stck_cntg_hour"] for row in rows]
    expect_fields(reply.body["output1"], MINUTE_HEAD_FIELDS)
    expect(0 < len(rows) <= 30 and times == sorted(set(times), reverse=True), f"{len(rows)} rows, {times[:3]}")
    expect_fields(rows[0], MINUTE_FIELDS)


@fact("3.4", "O")
async def minute_bars_end_at_the_hour_asked(kis: Kis) -> None:
    """FID_INPUT_HOUR_1 gives the bars that end at or before that time."""
    rows = (await kis.get(*_MINUTES, _minutes("091500"))).rows("output2")

    today = [row["stck_cntg_hour"] for row in rows if row["stck_bsop_date"] == rows[0]["stck_bsop_date"]]
    expect(bool(today) and max(today) <= "091500", today[:3])


@fact("3.4", "O", Need.SESSION)
async def minutes_to_come_are_made_up(kis: Kis) -> None:
    """A FID_INPUT_HOUR_1 in the future is answered with bars of minutes to come, all at the current price."""
    rows = (await kis.get(*_MINUTES, _minutes("153000"))).rows("output2")

    newest, now = rows[0], f"{await market_time(kis):%H%M%S}"
    expect(newest["stck_cntg_hour"] > now, f"newest bar {newest['stck_cntg_hour']} at {now}")
    expect(len({newest[f"stck_{name}"] for name in ("prpr", "oprc", "hgpr", "lwpr")}) == 1, newest)


@fact("3.4", "O", only=REAL)
async def minutes_of_past_days_are_kept(kis: Kis) -> None:
    """The path inquire-time-dailychartprice answers at most 120 bars of a past day, newest first."""
    past, _ = await _dates(kis, 7)
    query = STOCK | {"FID_INPUT_DATE_1": past, "FID_INPUT_HOUR_1": "153000", "FID_PW_DATA_INCU_YN": "Y"}
    path = "/quotations/inquire-time-dailychartprice"

    rows = (await kis.get(path, "FHKST03010230", query | {"FID_FAKE_TICK_INCU_YN": ""})).rows("output2")

    times = [row["stck_bsop_date"] + row["stck_cntg_hour"] for row in rows]
    expect(0 < len(rows) <= 120 and times == sorted(set(times), reverse=True), f"{len(rows)} rows, {times[:3]}")
    expect(times[0][:8] <= past, times[0])


@fact("3.4", "O")
async def all_five_keys_of_a_minute_chart_are_needed(kis: Kis) -> None:
    """A minute chart without FID_ETC_CLS_CODE: HTTP 200, rt_cd 2."""
    query = {name: value for name, value in _minutes("100000").items() if name != "FID_ETC_CLS_CODE"}

    reply = await kis.get(*_MINUTES, query)

    expect(reply.status == 200 and reply.body.get("rt_cd") == "2", reply)


@fact("3.5", "O")
async def daily_bars_come_newest_first(kis: Kis) -> None:
    """inquire-daily-itemchartprice answers at most 100 bars, newest first, within the dates asked."""
    first, last = await _dates(kis, _MORE_THAN_A_PAGE)
    reply = await _daily(kis, first, last)

    rows = [row for row in reply.rows("output2") if row]
    days = [row["stck_bsop_date"] for row in rows]
    expect_fields(reply.body["output1"], DAILY_HEAD_FIELDS)
    expect_fields(rows[0], DAILY_FIELDS)
    expect(len(rows) <= 100 and days == sorted(set(days), reverse=True), f"{len(rows)} rows, {days[:3]}")
    expect(all(first <= day <= last for day in days), f"{days[-1]} to {days[0]} for {first} to {last}")


@fact("3.5", "O")
async def a_daily_chart_is_not_paged(kis: Kis) -> None:
    """A daily chart has no tr_cont paging; older bars come by moving FID_INPUT_DATE_2 back."""
    first, last = await _dates(kis, _MORE_THAN_A_PAGE)
    reply = await _daily(kis, first, last)
    oldest = [row["stck_bsop_date"] for row in reply.rows("output2") if row][-1]

    earlier = [row["stck_bsop_date"] for row in (await _daily(kis, first, oldest)).rows("output2") if row]

    expect(not reply.headers.get("tr_cont", "").strip(), reply.headers.get("tr_cont"))
    expect(bool(earlier) and max(earlier) == oldest, earlier[:2])


@fact("3.5", "O")
async def a_short_daily_chart_has_30_rows(kis: Kis) -> None:
    """inquire-daily-price answers an array of at most 30 rows, newest first."""
    query = STOCK | {"FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "1"}

    rows = (await kis.get("/quotations/inquire-daily-price", "FHKST01010400", query)).rows()

    days = [row["stck_bsop_date"] for row in rows]
    expect_fields(rows[0], DAILY_PRICE_FIELDS)
    expect(len(rows) <= 30 and days == sorted(set(days), reverse=True), f"{len(rows)} rows, {days[:3]}")


@fact("3.5", "O")
async def a_bar_holds_together(kis: Kis) -> None:
    """In each daily bar the low is not above, and the high not below, open and close."""
    first, last = await _dates(kis, 60)

    for row in filter(None, (await _daily(kis, first, last)).rows("output2")):
        opened, high, low, close = (int(row[f"stck_{name}"]) for name in ("oprc", "hgpr", "lwpr", "clpr"))
        expect(low <= min(opened, close) and high >= max(opened, close), row)


@fact("3.7", "O", only=REAL)
async def a_volume_rank_names_its_stocks_mksc(kis: Kis) -> None:
    """volume-rank answers at most 30 rows, the code under mksc_shrn_iscd."""
    query = _RANKING | {
        "FID_COND_SCR_DIV_CODE": "20171",
        "FID_BLNG_CLS_CODE": "3",
        "FID_TRGT_CLS_CODE": "111111111",
        "FID_TRGT_EXLS_CLS_CODE": "0000000000",
    }

    rows = (await kis.get("/quotations/volume-rank", "FHPST01710000", query)).rows()

    expect(0 < len(rows) <= 30, f"{len(rows)} rows")
    expect_fields(rows[0], VOLUME_RANK_FIELDS)


@fact("3.7", "O", only=REAL)
async def a_fluctuation_rank_names_its_stocks_stck(kis: Kis) -> None:
    """The ranking fluctuation takes lower-case keys and answers gainers first, the code under stck_shrn_iscd."""
    query = {name.lower(): value for name, value in _RANKING.items() if name != "FID_INPUT_DATE_1"} | {
        "fid_cond_scr_div_code": "20170",
        "fid_rank_sort_cls_code": "0",
        "fid_input_cnt_1": "0",
        "fid_prc_cls_code": "1",
        "fid_trgt_cls_code": "0",
        "fid_trgt_exls_cls_code": "0",
        "fid_rsfl_rate1": "",
        "fid_rsfl_rate2": "",
    }

    rows = (await kis.get("/ranking/fluctuation", "FHPST01700000", query)).rows()

    rates = [float(row["prdy_ctrt"]) for row in rows]
    expect(0 < len(rows) <= 30 and rates == sorted(rates, reverse=True), rates[:5])
    expect_fields(rows[0], FLUCTUATION_FIELDS)


@fact("3.8", "O M", only=REAL)
async def the_calendar_covers_about_24_days(kis: Kis) -> None:
    """chk-holiday answers consecutive calendar days from BASS_DT with five flags, 01 being Sunday."""
    query = {"BASS_DT": "20261121", "CTX_AREA_NK": "", "CTX_AREA_FK": ""}

    reply = await kis.get("/quotations/chk-holiday", "CTCA0903R", query)

    rows = reply.rows()
    days = [datetime.strptime(row["bass_dt"], "%Y%m%d").replace(tzinfo=KST) for row in rows]
    expect_fields(rows[0], HOLIDAY_FIELDS)
    expect(20 <= len(rows) <= 30 and rows[0]["bass_dt"] == "20261121", f"{len(rows)} rows")
    expect(all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days)), "days are missing")
    expect(rows[1]["wday_dvsn_cd"] == "01" and rows[1]["opnd_yn"] == "N", rows[1])
    expect({"ctx_area_nk", "ctx_area_fk"} <= set(reply.body), sorted(reply.body))


@fact("3.9", "C T", only=REAL)
async def a_product_has_its_fields(kis: Kis) -> None:
    """search-info answers a product's names, its ISIN and its short code."""
    reply = await _product(kis, SYMBOL)

    expect_fields(reply.output, PRODUCT_FIELDS)
    expect(reply.output["shtn_pdno"] == SYMBOL, reply.output["shtn_pdno"])


@fact("3.9", "C T", only=REAL)
async def an_unknown_product_is_refused(kis: Kis) -> None:
    """search-info of an unknown product: HTTP 200, rt_cd 7."""
    reply = await _product(kis, UNKNOWN)

    expect(reply.status == 200 and reply.body.get("rt_cd") == "7", reply)


@fact("3.9", "O", only=REAL)
async def a_stock_has_its_master_data(kis: Kis) -> None:
    """search-stock-info answers one object with market, group, ISIN and the halted flag."""
    query = {"PRDT_TYPE_CD": "300", "PDNO": SYMBOL}

    reply = await kis.get("/quotations/search-stock-info", "CTPF1002R", query)

    expect_fields(reply.output, STOCK_INFO_FIELDS)
    expect(reply.output["mket_id_cd"] in ("STK", "KSQ", "KNX"), reply.output["mket_id_cd"])


async def _product(kis: Kis, symbol: str) -> Reply:
    return await kis.get("/quotations/search-info", "CTPF1604R", {"PRDT_TYPE_CD": "300", "PDNO": symbol})


def _minutes(hour: str) -> dict[str, str]:
    return STOCK | {"FID_ETC_CLS_CODE": "", "FID_INPUT_HOUR_1": hour, "FID_PW_DATA_INCU_YN": "Y"}


async def _daily(kis: Kis, first: str, last: str) -> Reply:
    query = STOCK | {
        "FID_INPUT_DATE_1": first,
        "FID_INPUT_DATE_2": last,
        "FID_PERIOD_DIV_CODE": "D",
        "FID_ORG_ADJ_PRC": "0",
    }
    path, tr_id = "/quotations/inquire-daily-itemchartprice", "FHKST03010100"
    return await kis.once(f"daily {first} {last}", lambda: kis.get(path, tr_id, query))


async def _dates(kis: Kis, days: int) -> tuple[str, str]:
    """Return the dates that many days before the server's today, and its today."""
    short = STOCK | {"FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "1"}
    path, tr_id = "/quotations/inquire-daily-price", "FHKST01010400"
    rows = (await kis.once("short chart", lambda: kis.get(path, tr_id, short))).rows()
    if not rows:
        raise CannotAskError(f"no bars: {await price(kis)}")
    last = datetime.strptime(rows[0]["stck_bsop_date"], "%Y%m%d").replace(tzinfo=KST)
    return f"{last - timedelta(days=days):%Y%m%d}", f"{last:%Y%m%d}"
